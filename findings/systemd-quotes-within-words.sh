#!/bin/sh
# systemd units: quotes also work inside a word.
#
# Guess:  as systemd.service(5) says under COMMAND LINES: a quote opens only at the beginning of a
#         word, and closes only at its end. Anywhere else it is a normal character.
# Is:     quotes work as in a shell: foo"bar baz"qux is the single word `foobar bazqux`, also in
#         Environment=.
# Seen:   systemd 252.39-1~deb12u2 (Debian 12), 257.13-1~deb13u1 (Debian 13).
#
# Needs Debian 12 or 13 with the libraries of systemd, apt-get and dpkg-deb. Unpacks the package
# into a temporary directory and lets its systemd read a unit (--test), which starts nothing.
# Exits with 0 if the behaviour is as described here, and with 1 if it has changed.
set -eu
# shellcheck source=/dev/null
. /etc/os-release
case ${VERSION_CODENAME:-} in
  bookworm) version=252.39-1~deb12u2 packages=systemd ;;
  trixie) version=257.13-1~deb13u1 packages='systemd libsystemd-shared' ;;
  *) echo "needs Debian 12 or 13" >&2; exit 77 ;;
esac
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
for package in $packages; do
  apt-get -qq -o APT::Sandbox::User=root download "$package=$version" >/dev/null ||
    { echo "apt has no $package $version" >&2; exit 77; }
done
for deb in *.deb; do dpkg-deb -x "$deb" tree; done
systemd=$(find tree -path '*/systemd/systemd' -type f)
shared=$(dirname "$(find tree -name 'libsystemd-shared-*.so' | head -n 1)")
echo "systemd $version"

mkdir -p run config/systemd/user
cat >config/systemd/user/quotes.service <<'END'
[Service]
Environment=FOO="a b"c
ExecStart=/bin/echo foo"bar baz"qux
END
as=
# A user manager silently refuses to run as root.
[ "$(id -u)" != 0 ] || { chmod -R a+rX . && chown 65534 run && as='setpriv --reuid=65534 --clear-groups'; }
# shellcheck disable=SC2086 # words
LC_ALL=C HOME=$dir XDG_RUNTIME_DIR=$dir/run XDG_CONFIG_HOME=$dir/config LD_LIBRARY_PATH=$shared \
  $as "$systemd" --test --user --unit=quotes.service --log-target=console >dump 2>&1 || :

grep -q quotes.service dump || { cat dump >&2; exit 77; }   # without cgroups, say

status=0
# expect TEXT: the output of systemd contains it
expect() {
  grep -F -- "$1" dump || { echo "expected: $1" >&2; status=1; }
}
expect 'Command Line: /bin/echo "foobar bazqux"'
expect 'Environment: FOO=a bc'
[ "$status" = 0 ] || exit 1
