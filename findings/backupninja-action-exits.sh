#!/bin/sh
# backupninja: an action that exits with an error counts as a success.
#
# Guess:  an action in /etc/backup.d that ends by `exit 7`, or whose last command fails, is what the
#         man page calls a failed action: backupninja exits with 2.
# Is:     backupninja ignores the exit status of an action, exits with 0 and logs a success. Only
#         what the action says counts: its functions `fatal` (2), `error` and `warning` (1). With
#         `reportwarning = no`, which is about mails, a warning leaves the status at 0 as well; the
#         actions for databases say only `warning` if nothing could be dumped.
# Seen:   backupninja 1.2.2-1 (Debian 12 and 13).
#
# Needs Debian 12 or 13, root, apt-get, dpkg-deb, bash, awk, flock. Unpacks backupninja into a
# temporary folder; it makes its lock directory below /var/lock, which is removed if it was not there.
# Exits with 0 if the behaviour is as described here, and with 1 if it has changed.
set -eu
version=1.2.2-1
[ "$(id -u)" = 0 ] || { echo "needs root" >&2; exit 77; }
dir=$(mktemp -d)
locks=/var/lock/backupninja
was_there=$([ -d "$locks" ] && echo yes || echo no)
# shellcheck disable=SC2317,SC2329 # called by the trap
clean() {
  rm -rf "$dir"
  [ "$was_there" = yes ] || rm -rf "$locks"
}
trap clean EXIT
cd "$dir"
apt-get -qq -o APT::Sandbox::User=root download "backupninja=$version" >/dev/null ||
  { echo "apt has no backupninja $version" >&2; exit 77; }
dpkg-deb -x ./*.deb tree
mkdir -m 700 actions reports

# ninja REPORTWARNING LINE: runs one action of this line, and prints the exit status
ninja() {
  cat >conf <<END
loglevel = 4
reportemail =
reportsuccess = no
reportwarning = $1
configdirectory = $dir/actions
scriptdirectory = $dir/tree/usr/share/backupninja
libdirectory = $dir/tree/usr/lib/backupninja
usecolors = no
logfile = $dir/log
admingroup = root
when = everyday at 01:00
END
  printf '%s\n' "$2" >actions/10.sh
  chmod 600 conf actions/10.sh
  code=0
  bash tree/usr/sbin/backupninja -f conf --now >said 2>&1 || code=$?
  echo "$code"
}
exits=$(ninja yes 'exit 7')
fails=$(ninja yes false)
logged=$(grep -c '10.sh: SUCCESS$' log || true)
warns=$(ninja yes 'warning "nothing was dumped"')
hides=$(ninja no 'warning "nothing was dumped"')
fatal=$(ninja yes 'fatal "nothing was dumped"')
echo "backupninja $version"
echo "exit 7: $exits; false: $fails; logged as a success: $logged times"
echo "warning: $warns; warning with reportwarning = no: $hides; fatal: $fatal"

status=0
[ "$exits $fails $logged" = '0 0 2' ] || status=1
[ "$warns $hides $fatal" = '1 0 2' ] || status=1
[ "$status" = 0 ] || exit 1
