#!/bin/sh
# Node: a spawn() that fails for want of file descriptors (EMFILE) keeps those that it had opened.
#
# Guess:  a child process that could not be started costs nothing; once others have closed enough files,
#         the next spawn() works.
# Is:     each failed spawn() holds the pipes that it had made before it failed. A process that tries again
#         after a while eats whatever is freed, so with the limit unchanged it never starts a child again.
#         Opening and closing as many files beforehand tells if there is room, and costs nothing.
# Seen:   Node 20.20.2, Linux.
#
# Wants node 20.20 and prlimit (util-linux).
# Exits with 0 while it is as said here, with 1 if it has changed.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/try.mjs" <<'END'
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';

const ROOM = 12;
const held = [];
try {
  for (;;) held.push(openSync('/dev/null', 'r'));
} catch {}

function isThereRoom() {
  const opened = [];
  try {
    while (opened.length < ROOM) opened.push(openSync('/dev/null', 'r'));
    return true;
  } catch {
    return false;
  } finally {
    for (const one of opened) closeSync(one);
  }
}

function attempt() {
  return new Promise((resolve) => {
    const child = spawn('true');
    child.once('error', ({ code }) => resolve(code));
    child.once('exit', () => resolve('started'));
  });
}

// One more descriptor is free at each of 30 attempts; a child wants 8.
const results = [];
for (let count = 0; count < 30; count++) {
  closeSync(held.pop());
  results.push(process.argv[2] === 'ask' && !isThereRoom() ? 'no room' : await attempt());
  if (results.at(-1) === 'started') break;
}
process.stdout.write(`${results.at(-1)} after ${results.length}\n`);
process.exit(0);
END
plain=$(prlimit --nofile=80: node "$work/try.mjs" plain)
asked=$(prlimit --nofile=80: node "$work/try.mjs" ask)
echo "node $(node --version)"
echo "spawn() again and again while files are closed: $plain"
echo "the same, with a look if there is room:         $asked"
[ "$plain" = "EMFILE after 30" ] && [ "${asked%% *}" = started ] || exit 1
