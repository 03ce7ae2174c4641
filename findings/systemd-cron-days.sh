#!/bin/sh
# systemd-cron: names of months and ranges of weekdays mean other days than under cron.
#
# Guess:  a crontab means the same to systemd-cron as to cron, which the package replaces.
# Is:     the timers of its generator differ:
#         Debian 12: "nov" means October, "dec" means November, and a line with "oct" gets no timer.
#         Ranges of weekdays that end with Sunday (fri-sun, 5-7) mean every day, and 0-7 means
#         Sunday.
#         Debian 13: "sun" alone means every day, and a line with the name of a month gets no timer.
#         Both: "0 3 1 * 1" means a first of the month that is a Monday. To cron it means every
#         first of the month, and every Monday.
# Seen:   systemd-cron 1.15.19-5 (Debian 12), 2.5.1-2 (Debian 13).
#
# Needs root on Debian 12 or 13, apt-get, python3 and util-linux. Unpacks the package into a
# temporary directory and runs its generator in a mount namespace.
# Exits with 0 if the behaviour is as described here, and with 1 if it has changed.
set -eu
if [ "${INSIDE:-}" != 1 ]; then
  [ "$(id -u)" = 0 ] || { echo "needs root" >&2; exit 77; }
  INSIDE=1 exec unshare --mount --propagation private sh "$0"
fi
# shellcheck source=/dev/null
. /etc/os-release
case ${VERSION_CODENAME:-} in
  bookworm) version=1.15.19-5 ;;
  trixie) version=2.5.1-2 ;;
  *) echo "needs Debian 12 or 13" >&2; exit 77 ;;
esac
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get -qq -o APT::Sandbox::User=root download "systemd-cron=$version" >/dev/null || { echo "apt has no systemd-cron $version" >&2; exit 77; }
dpkg-deb -x systemd-cron_*.deb tree
generator=$(find tree -name systemd-crontab-generator -type f | head -n 1)
echo "systemd-cron $version"

mkdir cron.d out empty
{
  echo '0 3 1 nov * root : nov'
  echo '0 3 1 dec * root : dec'
  echo '0 3 1 oct * root : oct'
  echo '0 3 * * fri-sun root : fri-sun'
  echo '0 3 * * 5-7 root : 5-7'
  echo '0 3 * * 0-7 root : 0-7'
  echo '0 3 * * sun root : sun'
  echo '0 3 1 * 1 root : both'
} >cron.d/tab
mount --bind cron.d /etc/cron.d
for place in daily weekly monthly hourly; do
  [ ! -d "/etc/cron.$place" ] || mount --bind empty "/etc/cron.$place"
done
mount -t tmpfs tmpfs /run
mkdir /run/systemd
LD_LIBRARY_PATH=tree/usr/lib/x86_64-linux-gnu timeout 30 "$generator" "$dir/out" 2>/dev/null

status=0
# expect NAME TIMER...: one for each version
expect() {
  timer=$(grep -l "root : $1\"" out/*.timer | head -n 1) || :
  seen='no timer'
  [ -z "$timer" ] || seen=$(sed -n 's/^OnCalendar= *//p' "$timer")
  echo "$1: $seen"
  wanted=$2
  [ "$version" = 1.15.19-5 ] || wanted=$3
  [ "$seen" = "$wanted" ] || { echo "  expected: $wanted"; status=1; }
}
expect nov '*-10-1 3:0:00' 'no timer'
expect dec '*-11-1 3:0:00' 'no timer'
expect oct 'no timer' 'no timer'
expect fri-sun '*-*-* 3:0:00' 'Fri,Sat,Sun *-*-* 3:0:00'
expect 5-7 '*-*-* 3:0:00' 'Fri,Sat,Sun *-*-* 3:0:00'
expect 0-7 'Sun *-*-* 3:0:00' 'Mon,Tue,Wed,Thu,Fri,Sat,Sun *-*-* 3:0:00'
expect sun 'Sun *-*-* 3:0:00' 'Mon,Tue,Wed,Thu,Fri,Sat,Sun *-*-* 3:0:00'
expect both 'Mon *-*-1 3:0:00' 'Mon *-*-1 3:0:00'
[ "$status" = 0 ] || exit 1
