#!/bin/sh
# borgmatic: a TERM to borgmatic alone also ends the script that called it.
#
# Guess:  `kill PID` reaches borgmatic, which ends its borg or its hook and exits. The script that
#         called it reads the exit status, and its cleanup (umount, a message) runs.
# Is:     borgmatic hands the signal to its whole process group. A script without job control is in
#         that group and is killed: none of its further lines run. With setsid before borgmatic the
#         script goes on, and reads 143.
# Seen:   borgmatic 1.7.7-1 (Debian 12), 1.9.14-0.1 (Debian 13).
#
# Needs Debian 12 or 13, apt-get, dpkg-deb, python3, setsid; no borg, as a hook is stopped. Unpacks
# borgmatic and its Python modules into a temporary folder.
# Exits with 0 if the behaviour is as described here, and with 1 if it has changed.
set -eu
# shellcheck source=/dev/null
. /etc/os-release
case ${VERSION_CODENAME:-} in
  bookworm) version=1.7.7-1 ;;
  trixie) version=1.9.14-0.1 ;;
  *) echo "needs Debian 12 or 13" >&2; exit 77 ;;
esac
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
modules=$(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks \
  --no-replaces --no-enhances "borgmatic=$version" | sed -n 's/^\(python3-[a-z0-9.-]*\)$/\1/p')
# shellcheck disable=SC2086 # a list of words
apt-get -qq -o APT::Sandbox::User=root download "borgmatic=$version" $modules >/dev/null ||
  { echo "apt has no borgmatic $version" >&2; exit 77; }
for package in ./*.deb; do dpkg-deb -x "$package" tree; done
cat >config.yaml <<'END'
location:
    source_directories: [/etc/hostname]
    repositories: [/nowhere/at/all.borg]
hooks:
    before_backup: ["echo $PPID >pid; exec sleep 60"]
END
cat >night.sh <<'END'
$1 python3 tree/usr/bin/borgmatic --config config.yaml create >>said 2>&1
echo "borgmatic ended with $?" >>script
END
export PYTHONPATH="$dir/tree/usr/lib/python3/dist-packages" HOME="$dir" XDG_CONFIG_HOME="$dir"

# stop [setsid]: runs the script in a group of its own, sends TERM to borgmatic once its hook runs,
# and prints how the script ended
stop() {
  rm -f pid script
  code=0
  setsid -w sh night.sh "$@" &
  until [ -s pid ]; do sleep 0.1; kill -0 $! || { cat said >&2; exit 1; }; done
  kill -TERM "$(cat pid)"
  wait $! || code=$?
  echo "script: $code, $(cat script 2>/dev/null || echo 'its next line did not run')"
}
alone=$(stop)
apart=$(stop setsid)
echo "borgmatic $version"
echo "as called: $alone"
echo "with setsid: $apart"

status=0
[ "$alone" = 'script: 143, its next line did not run' ] || status=1
[ "$apart" = 'script: 0, borgmatic ended with 143' ] || status=1
[ "$status" = 0 ] || exit 1
