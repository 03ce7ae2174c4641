#!/bin/sh
# Node: a spawn() that fails because file descriptors run out (EMFILE) leaks those that it had
# opened.
#
# Guess:  a child process that could not be started costs nothing. When other files have been
#         closed, the next spawn() works.
# Is:     each failed spawn() keeps the pipes that it had created before it failed. A process that
#         retries later uses up every descriptor that becomes free, so with the same limit it never
#         starts a child again. Opening and closing the same number of files beforehand shows
#         whether there is room, and leaks nothing.
# Seen:   Node 20.20.2, Linux.
#
# Needs Node 20.20 and prlimit (util-linux).
# Exits with 0 if the behaviour is as described here, and with 1 if it has changed.
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
echo "spawn() repeatedly while files are closed:      $plain"
echo "the same, after checking that there is room:    $asked"
[ "$plain" = "EMFILE after 30" ] && [ "${asked%% *}" = started ] || exit 1
