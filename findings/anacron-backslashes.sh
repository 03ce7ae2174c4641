#!/bin/sh
# anacron: no backslash of an anacrontab reaches the shell, and variables also apply to lines above
# them.
#
# Guess:  as anacrontab(5) says: a command "can be any shell command", a backslash at the end of a
#         line continues it, and an assignment takes effect "from the next line to the end of the
#         file". Lines with a mistake are skipped, as the message says.
# Is:     anacron removes every backslash. A backslash at the end of a comment joins the next line
#         to the comment. A job also gets variables that are set below it, if a job below them has a
#         shorter delay: anacron puts the variables into its own environment. A line with an unknown
#         @period runs, although the message says "skipping".
# Seen:   anacron 2.3-36 (Debian 12), 2.3-43 (Debian 13).
#
# Needs Debian 12 or 13, apt-get and dpkg-deb. Unpacks the package into a temporary directory and
# runs its anacron with an anacrontab and time stamps there. Takes a minute.
# Exits with 0 if the behaviour is as described here, and with 1 if it has changed.
set -eu
# shellcheck source=/dev/null
. /etc/os-release
case ${VERSION_CODENAME:-} in
  bookworm) version=2.3-36 ;;
  trixie) version=2.3-43 ;;
  *) echo "needs Debian 12 or 13" >&2; exit 77 ;;
esac
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get -qq -o APT::Sandbox::User=root download "anacron=$version" >/dev/null ||
  { echo "apt has no anacron $version" >&2; exit 77; }
dpkg-deb -x ./anacron_*.deb tree
mkdir spool
cat >tab <<'END'
# a comment \
1 0 swallowed echo swallowed >>out
1 1 early echo "early $LATE" >>out
1 0 find find / -maxdepth 0 \( -name x \) >>out 2>&1
1 0 drops echo 'a\\b' >>out
LATE=late
1 0 below echo below >>out
@odd 0 odd echo odd >>out
END
sed -i "s|>>out|>>$dir/out|" tab
tree/usr/sbin/anacron -d -n -t tab -S "$dir/spool" 2>said || :
echo "anacron $version"
cat out

status=0
# expect FILE TEXT: the file has this line
expect() {
  grep -qxF -- "$2" "$1" || { echo "expected: $2" >&2; status=1; }
}
expect out ab
expect out 'early late'
expect out odd
expect said 'anacron: tab: Unknown named period on line 7, skipping'
expect said "Job \`find' terminated (exit status: 2) (mailing output)"
! grep -q swallowed out || { echo "expected: a comment that swallows a line" >&2; status=1; }
[ "$status" = 0 ] || exit 1
