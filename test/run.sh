#!/bin/sh
# Runs tests that are built: test/run.sh [LEVEL [NAME...]] Without a LEVEL (a subdirectory of test),
# all of them; a NAME is that of a file there, without ".test.ts", or a pattern: test/run.sh e2e run
# 'ssh*'
set -eu
cd "$(dirname "$0")/.."
level=${1:-}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- '*'
files=
for name; do
  found=$(find "dist/test/$level" -name "$name.test.js")
  [ -n "$found" ] || { echo "test: there is no $name.test.ts below test/$level" >&2; exit 64; }
  files="$files $found"
done
# shellcheck disable=SC2046,SC2086 # lists of words
exec node --import ./dist/test/support/seed.js --test --test-timeout=360000 --test-concurrency=3 $(printf '%s\n' $files | sort -u)
