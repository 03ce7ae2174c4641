#!/bin/sh
# Debian's cron: an empty setting makes it ignore the whole file, and ranges that wrap never match.
#
# Guess:  `MAILTO=` is an empty setting. `22-2` means the hours across midnight, `mon-sun` the whole
#         week. `1#1` (first Monday) and `0~30` (random minute), which other crons support, are
#         refused.
# Is:     `MAILTO=` without quotes is not a setting, nor is a quoted value followed by more text
#         (PATH="/usr/bin":/bin): cron reads the line as a job, finds a "bad minute", and ignores
#         every line of that file. `22-2` and `mon-sun` are accepted and never match. `1#1` means
#         every Monday, and `0~30` means minute 0: cron ignores the rest of a word whose beginning
#         it understands.
# Seen:   cron 3.0pl1-162 (Debian 12). 3.0pl1-197 (Debian 13) accepts `MAILTO=`; the rest is the
#         same.
#
# Needs root on Debian 12, with cron, faketime and socat. Runs the installed cron with a faked clock
# in a private mount namespace.
# Exits with 0 if the behaviour is as described here, and with 1 if it has changed.
set -eu
if [ "${INSIDE:-}" != 1 ]; then
  [ "$(id -u)" = 0 ] || { echo "needs root" >&2; exit 77; }
  for tool in cron faketime socat unshare; do
    command -v "$tool" >/dev/null || { echo "install cron faketime socat" >&2; exit 77; }
  done
  INSIDE=1 exec unshare --mount --propagation private sh "$0"
fi
version=$(dpkg-query -W -f '${Version}' cron)
echo "cron $version"
case $version in 3.0pl1-162*) ;; *) echo "needs cron 3.0pl1-162" >&2; exit 77 ;; esac

dir=$(mktemp -d)
mkdir "$dir/cron.d" "$dir/dev" "$dir/tabs"
: >"$dir/crontab"
: >"$dir/log"
file() { printf '%b\n' "$2" >"$dir/cron.d/$1"; }
file plain '* * * * * root : plain'
file emptysetting 'MAILTO=\n* * * * * root : emptysetting'
file quotedempty 'MAILTO=""\n* * * * * root : quotedempty'
file behindquotes 'PATH="/usr/bin":/bin\n* * * * * root : behindquotes'
file nightly '* 22-2 * * * root : nightly'
file allweek '* * * * mon-sun root : allweek'
file firstmonday '* * * * 5#1 root : firstmonday'
file random '0~30 * * * * root : random'

mount --bind "$dir/cron.d" /etc/cron.d
mount --bind "$dir/crontab" /etc/crontab
mount --bind "$dir/tabs" /var/spool/cron/crontabs
cp -a /dev/null /dev/zero /dev/random /dev/urandom "$dir/dev/"
ln -s /proc/self/fd "$dir/dev/fd"
mkdir -m 1777 "$dir/dev/shm"
mount --bind "$dir/dev" /dev
mount -t tmpfs tmpfs /run
socat -u UNIX-RECV:/dev/log,mode=666 OPEN:"$dir/log",append &
log=$!
until [ -S /dev/log ]; do sleep 0.05; done
lib=$(find /usr/lib -name libfaketime.so.1 | head -n 1)
# Friday, the eighth, so the second Friday of its month, at 23:00: an hour of 22-2.
LD_PRELOAD=$lib FAKETIME='@2027-01-08 22:59:57' FAKETIME_DONT_FAKE_MONOTONIC=1 \
  /usr/sbin/cron -f -L 5 &
cron=$!
n=0
until grep -aq ': plain' "$dir/log" && [ "$n" -ge 20 ]; do sleep 0.2; n=$((n + 1)); [ "$n" -lt 150 ] || break; done
kill "$cron" "$log"
wait "$cron" "$log" 2>/dev/null || :

status=0
# expect NAME runs|silent|WORDS
expect() {
  seen=silent
  if grep -aq "CMD (.*: $1)" "$dir/log"; then seen=runs; fi
  error=$(grep -ao "Error: [^;]*; while reading /etc/cron.d/$1" "$dir/log" | head -n 1) || :
  [ -z "$error" ] || seen="ignored whole (${error%%;*})"
  echo "$1: $seen"
  [ "$seen" = "$2" ] || { echo "  expected: $2"; status=1; }
}
expect plain runs
expect emptysetting 'ignored whole (Error: bad minute)'
expect quotedempty runs
expect behindquotes 'ignored whole (Error: bad minute)'
expect nightly silent
expect allweek silent
expect firstmonday runs
expect random runs
[ "$status" = 0 ] || exit 1
