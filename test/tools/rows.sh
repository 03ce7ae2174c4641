#!/bin/sh
# Runs tools inside a throw-away Debian, and says what each did, a fact a line: TOOL FACT VALUE.
# Started by test/tools/measure, with a /tmp and processes of its own. An exit status above 128 is
# death by a signal, or a status like it.
# shellcheck disable=SC2012 # names of our own, without blanks
set -u
export LC_ALL=C HOME=/tmp/home PATH=/usr/sbin:/usr/bin:/sbin:/bin
mkdir -p /tmp/home /tmp/log
BIG=/tmp/big/file

say() { echo "$*"; }
version() { say "$1 version $(dpkg-query -f '${Version}' -W "$2")"; }
# Runs a command with its output in a log, as an ordinary user who cannot read everything.
quiet() { "$@" >/tmp/log/out 2>&1 </dev/null; }
status() { tool=$1 fact=$2; shift 2; quiet "$@"; say "$tool $fact $?"; }
said() { if grep -q -- "$3" /tmp/log/out; then say "$1 $2 yes"; else say "$1 $2 no"; fi; }

# A tree of files, one of which an ordinary user cannot read.
sources() {
  rm -rf /tmp/src && mkdir -p /tmp/src && echo a >/tmp/src/a && echo b >/tmp/src/b
  chown -R nobody /tmp/src && chown root /tmp/src/b && chmod 600 /tmp/src/b
}
as_user() { setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"; }

# Starts a slow command, with default signals, in a session of its own as baton does, and waits
# until `busy PID` is true. On TERM, borgmatic ends its whole process group.
begin() {
  setsid env --default-signal=INT,QUIT,HUP,TERM "$@" >/tmp/log/out 2>&1 </dev/null &
  pid=$!
  while kill -0 $pid 2>/dev/null && ! $busy $pid; do sleep .05; done
}
# It, or a descendant, has read a large part of the large file.
reads() {
  for one in $1 $(pgrep -P "$1"); do
    [ "$(awk '/^rchar/ { print $2 }' "/proc/$one/io" 2>/dev/null || echo 0)" -gt 100000000 ] && return 0
  done
  return 1
}
marked() { [ -e /tmp/mark ]; }
below() { for one in $(pgrep -P "$1"); do echo "$one"; below "$one"; done; }
# `tree` also signals everything that it has started, as baton does by default.
tell() { # SIGNAL main|tree
  all=$pid
  [ "$2" = main ] || all="$pid $(below "$pid")"
  # shellcheck disable=SC2086 # words
  kill "-$1" $all
}
# stop TOOL FACT SIGNAL TO COMMAND: how it ended, within 30 s.
stop() {
  tool=$1 fact=$2 signal=$3 to=$4
  shift 4
  busy=${busy:-reads}
  begin "$@"
  tell "$signal" "$to"
  (sleep 30; kill -KILL $pid) 2>/dev/null &
  guard=$!
  wait $pid
  ended=$?
  pkill -P $guard 2>/dev/null
  kill $guard 2>/dev/null
  say "$tool $fact $ended"
  pkill -KILL "${left:-none-of-these}" 2>/dev/null
}
ignores() { # TOOL SIGNAL COMMAND
  tool=$1 signal=$2
  shift 2
  begin "$@"
  tell "$signal" main
  sleep 3
  if kill -0 $pid 2>/dev/null; then say "$tool ignores $signal"; else say "$tool obeys $signal"; fi
  kill -KILL $pid 2>/dev/null
  wait $pid 2>/dev/null
}
# goes_on TOOL CHILD SECONDS COMMAND: whether CHILD is still there this long after only the main
# process was signalled.
goes_on() {
  tool=$1 child=$2 more=$3
  shift 3
  begin "$@"
  kill -TERM $pid
  wait $pid
  more=$(($(date +%s) + more))
  while runs "$child" && [ "$(date +%s)" -lt $more ]; do sleep .1; done
  if runs "$child"; then say "$tool goes-on yes"; else say "$tool goes-on no"; fi
  end "$child"
}
# Without zombies.
runs() { pgrep -r D,R,S,T -x "$1" >/dev/null; }
end() { while runs "$1"; do pkill -KILL -x "$1"; sleep .1; done; }
# percent TOOL FLAG ARGUMENT...: whether it prints "NN%" where there is no terminal.
percent() {
  tool=$1 flag=$2
  shift 2
  quiet "$tool" "$flag" "$@"
  if grep -q '[0-9]%' /tmp/log/out; then say "$tool percent $flag"; else say "$tool no-percent $flag"; fi
}
# Its own output has this many bytes.
bytes() { wc -c </tmp/log/out; }
big() { mkdir -p /tmp/big && truncate -s 40G $BIG; }
busy=reads

rsync_rows() {
  version rsync rsync
  status rsync ok rsync -a /tmp/src/ /tmp/d1/
  status rsync failed as_user rsync -a /tmp/src/ /tmp/u/d2/
  # A file that is listed but gone when it is read.
  seq 3000 | (mkdir -p /tmp/many && cd /tmp/many && split -l 1 -a 3 - f)
  (while :; do for f in /tmp/many/f*; do mv "$f" /tmp/moved 2>/dev/null; mv /tmp/moved "$f" 2>/dev/null; done; done) &
  mover=$!
  code=0 tries=0
  while [ $code -eq 0 ] && [ $tries -lt 50 ]; do
    rm -rf /tmp/d3; quiet rsync -a /tmp/many/ /tmp/d3/; code=$?; tries=$((tries + 1))
  done
  kill $mover; wait $mover 2>/dev/null
  say "rsync warn $code"
  status rsync failed rsync -a /tmp/src/ /tmp/no/such/
  stop rsync stopped TERM tree rsync -a --bwlimit=100M $BIG /tmp/d4/
  for flag in --info=progress2 --progress -P; do percent rsync $flag -a /tmp/many/ "/tmp/d5$flag/"; done
}

rsnapshot_rows() {
  version rsnapshot rsnapshot
  conf=/tmp/rsnapshot.conf
  printf '%s\t%s\n' config_version 1.2 snapshot_root /tmp/snap/ cmd_rsync /usr/bin/rsync \
    cmd_cp /bin/cp cmd_rm /bin/rm lockfile /tmp/rsnapshot.pid rsync_short_args -a \
    rsync_long_args "--delete --bwlimit=100M" >$conf
  printf 'retain\tdaily\t3\nbackup\t/tmp/src/\tx/\n' >>$conf
  status rsnapshot ok rsnapshot -c $conf daily
  printf 'backup_script\t/bin/false\ty/\n' | cat $conf - >/tmp/bad.conf
  status rsnapshot failed rsnapshot -c /tmp/bad.conf daily
  mkdir -p /tmp/u && chown nobody /tmp/u && sed 's#/tmp/snap/#/tmp/u/snap/#; s#/tmp/rsnapshot.pid#/tmp/u/pid#' $conf >/tmp/u.conf
  status rsnapshot warn as_user rsnapshot -c /tmp/u.conf daily
  sed "s#/tmp/src/#/tmp/big/#; s#/tmp/snap/#/tmp/snap2/#" $conf >/tmp/big.conf
  echo $$ >/tmp/rsnapshot.pid
  status rsnapshot failed rsnapshot -c $conf daily
  said rsnapshot locked-text 'exists and so does its process'
  rm /tmp/rsnapshot.pid
  left=rsync
  stop rsnapshot stopped TERM tree rsnapshot -c /tmp/big.conf daily
  ignores rsnapshot HUP rsnapshot -c /tmp/big.conf daily
  pkill -KILL rsync
  rm -f /tmp/rsnapshot.pid
}

restic_rows() {
  version restic restic
  export RESTIC_PASSWORD=x
  # One-word wrappers, because a quoted variable with several words is a single word.
  printf '#!/bin/sh\nexec restic --no-cache -r /tmp/restic "$@"\n' >/tmp/r
  printf '#!/bin/sh\nexec restic --no-cache -o %s -r sftp:here:/tmp/restic "$@"\n' \
    sftp.command=/usr/lib/openssh/sftp-server >/tmp/s
  chmod 755 /tmp/r /tmp/s
  quiet /tmp/r init
  status restic ok /tmp/r backup /tmp/src
  chmod -R a+rwX /tmp/restic
  # With a parent it would not open a file that looks unchanged.
  status restic warn as_user /tmp/r backup --force /tmp/src
  status restic failed /tmp/r -r /tmp/none snapshots
  RESTIC_PASSWORD=y status restic failed /tmp/r snapshots
  busy=reads; begin /tmp/r backup $BIG; running=$pid
  status restic locked /tmp/r prune
  said restic locked-text 'repository is already locked'
  pid=$running; kill -KILL $pid; wait $pid 2>/dev/null; quiet /tmp/r unlock --remove-all
  for signal in INT TERM; do
    for to in main tree; do
      [ "$signal" = TERM ] && fact=stopped-TERM || fact=stopped
      stop restic "$fact" "$signal" $to /tmp/r backup $BIG
      say "restic lock-after-$signal-$to $(ls /tmp/restic/locks | wc -l)"
      quiet /tmp/r unlock --remove-all
    done
  done
  ignores restic HUP /tmp/r backup $BIG
  quiet /tmp/r unlock --remove-all
  [ -x /usr/lib/openssh/sftp-server ] || return 0
  for signal in INT TERM; do
    for to in main tree; do
      stop restic "sftp-$signal-$to" "$signal" $to /tmp/s backup $BIG
      say "restic sftp-lock-after-$signal-$to $(ls /tmp/restic/locks | wc -l)"
      quiet /tmp/r unlock --remove-all
    done
  done
}

borg_rows() {
  version borg borgbackup
  export BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes BORG_RELOCATED_REPO_ACCESS_IS_OK=yes
  quiet borg init -e none /tmp/borg
  status borg ok borg create /tmp/borg::a /tmp/src
  status borg failed borg create /tmp/borg::a /tmp/src
  status borg failed borg list /tmp/none
  quiet borg init -e none /tmp/u/borg; chown -R nobody /tmp/u /tmp/home
  status borg warn as_user env HOME=/tmp/u borg create /tmp/u/borg::b /tmp/src
  status borg modern-warn as_user env HOME=/tmp/u BORG_EXIT_CODES=modern borg create /tmp/u/borg::c /tmp/src
  begin borg create /tmp/borg::big $BIG; running=$pid
  status borg failed borg list /tmp/borg
  said borg locked-text 'Failed to create/acquire the lock'
  status borg modern-locked env BORG_EXIT_CODES=modern borg list /tmp/borg
  pid=$running; kill -KILL $pid; wait $pid 2>/dev/null; quiet borg break-lock /tmp/borg
  for to in main tree; do
    stop borg stopped TERM $to borg create "/tmp/borg::t$to" $BIG
    say "borg lock-after-TERM-$to $(ls -d /tmp/borg/lock.* 2>/dev/null | wc -l)"
    quiet borg break-lock /tmp/borg
  done
  printf '#!/bin/sh\nshift\nexec "$@"\n' >/tmp/rsh; chmod 755 /tmp/rsh
  for to in main tree; do
    stop borg "remote-TERM-$to" TERM $to env BORG_RSH=/tmp/rsh borg create "ssh://here/tmp/borg::r$to" $BIG
    say "borg remote-lock-after-TERM-$to $(ls -d /tmp/borg/lock.* 2>/dev/null | wc -l)"
    quiet borg break-lock /tmp/borg
  done
}

rclone_rows() {
  version rclone rclone
  export RCLONE_CONFIG=/tmp/rclone.conf; : >$RCLONE_CONFIG
  status rclone ok rclone copy /tmp/src /tmp/rc
  status rclone failed rclone sync /tmp/none /tmp/rc
  status rclone failed rclone copy /tmp/src nowhere:
  mkdir -p /tmp/u
  chown nobody /tmp/u
  status rclone failed as_user env HOME=/tmp/u RCLONE_CONFIG=/dev/null rclone copy /tmp/src /tmp/u/rc
  stop rclone stopped TERM tree rclone copy --bwlimit 100M --local-no-preallocate $BIG /tmp/rc2
  truncate -s 200M /tmp/some
  for flag in -P --progress; do percent rclone $flag copy --bwlimit 100M /tmp/some "/tmp/rc3$flag"; done
  percent rclone --stats-one-line -v --stats 500ms copy --bwlimit 100M /tmp/some /tmp/rc4
}

tar_rows() {
  version tar tar
  status tar ok tar -C /tmp -cf /tmp/a.tar src
  status tar failed as_user tar -C /tmp -cf /tmp/u/a.tar src
  status tar failed tar -C /tmp -cf /tmp/a.tar none
  (while :; do date >>/tmp/many/faa; done) &
  writer=$!
  code=0 tries=0
  while [ $code -eq 0 ] && [ $tries -lt 300 ]; do
    quiet tar -C /tmp -cf /tmp/a.tar many; code=$?; tries=$((tries + 1))
  done
  kill $writer; wait $writer 2>/dev/null
  say "tar warn $code"
  mkfifo /tmp/pipe; cat /tmp/pipe >/dev/null &
  stop tar stopped TERM tree tar -C /tmp -cf /tmp/pipe big
}

logrotate_rows() {
  version logrotate logrotate
  mkdir -p /tmp/logs && chmod 755 /tmp/logs && echo x >/tmp/logs/a.log
  printf '/tmp/logs/a.log { rotate 2\n postrotate\n %s\n endscript\n}\n' true >/tmp/lr.conf
  status logrotate ok logrotate -f -s /tmp/lr.state /tmp/lr.conf
  printf '/tmp/logs/a.log { rotate 2\n create\n postrotate\n %s\n endscript\n}\n' false >/tmp/lr2.conf
  echo x >/tmp/logs/a.log
  status logrotate means logrotate -f -s /tmp/lr.state /tmp/lr2.conf
  status logrotate means logrotate -f -s /tmp/lr.state /tmp/none.conf
  printf '/tmp/logs/a.log { rotate 2\n create\n postrotate\n %s\n endscript\n}\n' 'touch /tmp/mark; sleep 300' >/tmp/lr3.conf
  echo x >/tmp/logs/a.log; busy=marked
  begin logrotate -f -s /tmp/lr.state /tmp/lr3.conf; running=$pid
  status logrotate locked logrotate -f -s /tmp/lr.state /tmp/lr.conf
  pid=$running; kill -TERM $pid; wait $pid; say "logrotate stopped $?"
  say "logrotate script-after-main $(pgrep -c sleep)"
  status logrotate locked-after-main logrotate -f -s /tmp/lr.state /tmp/lr.conf
  pkill -KILL sleep
  busy=reads
}

sources
mkdir -p /tmp/u && chown nobody /tmp/u
big
seq 3000 | (mkdir -p /tmp/many && cd /tmp/many && split -l 1 -a 3 - f)
# shellcheck source=test/tools/rows-backups.sh
. /rows/rows-backups.sh
# shellcheck source=test/tools/rows-systems.sh
. /rows/rows-systems.sh
# shellcheck source=test/tools/rows-archives.sh
. /rows/rows-archives.sh
# shellcheck source=test/tools/rows-keepers.sh
. /rows/rows-keepers.sh
for tool in "$@"; do "$(echo "$tool" | tr '[:punct:]' _)_rows"; done
