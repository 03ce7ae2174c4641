#!/bin/sh
# systemd timers: when the clocks change, a timer in local time skips hours.
#
# Guess:  as under cron: if the clocks skip the time of a daily timer, it runs at once afterwards.
#         An hourly timer runs every hour, also in the hour that the clocks show twice.
# Is:     the daily timer does not run on that day. The hourly timer has a gap of two hours, and a
#         timer for every five minutes has a gap, too. There is no gap if "UTC" follows the time.
# Seen:   systemd 252.39-1~deb12u2 (Debian 12), 257.13-1~deb13u1 (Debian 13).
#
# Needs Debian 12 or 13, apt-get, dpkg-deb and tzdata. Unpacks the package into a temporary
# directory and runs its systemd-analyze.
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
analyze=$(find tree -path '*/bin/systemd-analyze')
shared=$(dirname "$(find tree -name 'libsystemd-shared-*.so' | head -n 1)")
echo "systemd $version"

status=0
# expect WHAT FROM TIME DATE...: the next times, in UTC
expect() {
  what=$1 from=$2 time=$3
  shift 3
  seen=$(TZ=UTC LC_ALL=C LD_LIBRARY_PATH=$shared "$analyze" calendar --base-time="$from UTC" \
    --iterations=$# "$time" | grep -oE '[0-9]{4}-[0-9-]+ [0-9:]+ UTC' | cut -c6-16 | tr '\n' ' ')
  echo "$what: $seen"
  [ "$seen" = "$(printf '%s ' "$@")" ] || { echo "expected: $*" >&2; status=1; }
}
# In Berlin, 02:00 to 03:00 is skipped on 28 March 2027 and comes twice on 31 October.
spring='2027-03-27 22:00:00' autumn='2027-10-30 23:45:00'
expect 'daily at 02:30, spring' "$spring" '*-*-* 02:30:00 Europe/Berlin' '03-29 00:30' '03-30 00:30'
expect 'hourly, autumn' "$autumn" '*-*-* *:30:00 Europe/Berlin' '10-31 00:30' '10-31 02:30'
expect 'every five minutes, autumn' '2027-10-31 00:52:00' '*:0/5 Europe/Berlin' '10-31 00:55' '10-31 02:00'
expect 'every five minutes in UTC, autumn' '2027-10-31 00:52:00' '*:0/5 UTC' '10-31 00:55' '10-31 01:00'
[ "$status" = 0 ] || exit 1
