#!/bin/sh
# More of rows.sh, which reads it: programs that run others, and btrfs.
# shellcheck disable=SC2034,SC2154 # `busy` and `pid` are of rows.sh

dirvish_rows() {
  version dirvish dirvish
  mkdir -p /etc/dirvish
  printf 'bank:\n\t/tmp/bank\nimage-default: %%Y%%m%%d-%%H%%M%%S\n' >/etc/dirvish/master.conf
  for vault in v big; do
    mkdir -p /tmp/bank/$vault/dirvish
    printf 'client: %s\ntree: %s\nxdev: 0\nindex: none\nspeed-limit: 100\n' "$(hostname)" \
      /tmp/src >/tmp/bank/$vault/dirvish/default.conf
  done
  sed -i 's#/tmp/src#/tmp/big#' /tmp/bank/big/dirvish/default.conf
  status dirvish ok dirvish --vault v --init --image one
  status dirvish ok dirvish --vault v --image two
  status dirvish means dirvish --vault none --image one
  sed 's#/tmp/src#/tmp/none#' /tmp/bank/v/dirvish/default.conf >/tmp/bank/v/dirvish/gone.conf
  status dirvish means dirvish --vault v --branch gone --init --image three
  lock=/tmp/bank/big/dirvish/lock_file
  image=0
  # Whether rsync below it has read much; it is below a shell.
  # shellcheck disable=SC2317 # called as "$busy"
  copies() { [ "$(du -sk /tmp/bank/big 2>/dev/null | cut -f 1)" -gt 20000 ] 2>/dev/null; }
  busy=copies
  next() { end rsync; rm -rf /tmp/bank/big/i* $lock; image=$((image + 1)); }
  next; begin dirvish --vault big --init --image i$image; running=$pid
  status dirvish locked dirvish --vault big --init --image j
  pid=$running; kill -KILL "$pid"; wait "$pid" 2>/dev/null
  say "dirvish left $(find $lock | wc -l)"
  end rsync
  status dirvish locked dirvish --vault big --init --image j
  for signal in TERM HUP; do
    next
    left=rsync
    stop dirvish "stopped-$signal" $signal tree dirvish --vault big --init --image i$image
    say "dirvish left $(find $lock | wc -l)"
    status dirvish locked dirvish --vault big --init --image j
  done
  next
  ignores dirvish INT dirvish --vault big --init --image i$image
  next
  goes_on dirvish rsync 2 dirvish --vault big --init --image i$image
  rm -rf /tmp/bank
  busy=reads
}

backupninja_rows() {
  version backupninja backupninja
  # There is no mail to send, and a report that cannot be sent is an error of its own.
  sed -i '/^reportemail/d' /etc/backupninja.conf
  mkdir -p /etc/backup.d
  chmod 700 /etc/backup.d
  ninja() { # LINE...
    rm -f /etc/backup.d/* /tmp/mark
    printf '%s\n' "$@" >/etc/backup.d/10.sh
    chmod 600 /etc/backup.d/10.sh
  }
  ninja 'info fine'; status backupninja ok backupninja --now
  ninja 'warning odd'; status backupninja means backupninja --now
  ninja 'fatal bad'; status backupninja means backupninja --now
  ninja 'exit 7'; status backupninja silent backupninja --now
  sed -i 's/^reportwarning.*/reportwarning = no/' /etc/backupninja.conf
  ninja 'warning odd'; status backupninja silent backupninja --now
  sed -i 's/^reportwarning.*/reportwarning = yes/' /etc/backupninja.conf
  status backupninja failed backupninja --now -f /tmp/none.conf
  # No database was saved, and its handler calls that a warning.
  rm /etc/backup.d/* && mkdir -p /tmp/pgb
  printf 'databases = all\nbackupdir = /tmp/pgb\ncompress = no\n' >/etc/backup.d/20.pgsql
  chmod 600 /etc/backup.d/20.pgsql
  status backupninja means backupninja --now
  say "backupninja clean $(find /tmp/pgb -size +0 -type f | wc -l)"
  ninja 'touch /tmp/mark' 'sleep 300'
  busy=marked
  begin backupninja --now; running=$pid
  status backupninja means backupninja --now
  pid=$running
  # shellcheck disable=SC2046 # words
  kill -KILL "$pid" $(below "$pid"); wait "$pid" 2>/dev/null
  ninja 'touch /tmp/mark' 'sleep 300'
  stop backupninja stopped TERM tree backupninja --now
  end sleep
  ninja 'touch /tmp/mark' 'sleep 300'
  goes_on backupninja sleep 2 backupninja --now
  ninja 'info fine'; status backupninja ok backupninja --now
  busy=reads
}

backup2l_conf() { # FILE SOURCE FOLDER
  mkdir -p "$3"
  grep -v -e '^UNCONFIGURED' -e '^SRCLIST' -e '^BACKUP_DIR' /etc/backup2l.conf >"$1"
  printf '%s\n' "SRCLIST=($2)" "BACKUP_DIR=$3" CREATE_DRIVER=DRIVER_TAR_GZ >>"$1"
}
backup2l_rows() {
  version backup2l backup2l
  noise
  backup2l_conf /tmp/b2.conf /tmp/src /tmp/b2
  status backup2l ok backup2l -c /tmp/b2.conf -b
  backup2l_conf /tmp/b2-none.conf /tmp/none /tmp/b2-none
  status backup2l silent backup2l -c /tmp/b2-none.conf -b
  mkdir -p /tmp/noisy && ln -f /tmp/noise /tmp/noisy
  backup2l_conf /tmp/b2-full.conf /tmp/noisy /tmp/full
  status backup2l silent backup2l -c /tmp/b2-full.conf -b
  rm -rf /tmp/full/*
  status backup2l means backup2l -c /tmp/none.conf -b
  sed '/^BACKUP_DIR/s#=.*#=/tmp/no-folder#' /tmp/b2.conf >/tmp/b2-away.conf
  status backup2l means backup2l -c /tmp/b2-away.conf -b
  backup2l_conf /tmp/b2-big.conf /tmp/big /tmp/b2-big
  # shellcheck disable=SC2317 # called as "$busy"
  packs() { runs tar && reads_all "$(pgrep -nx tar)"; }
  # shellcheck disable=SC2317
  reads_all() { [ "$(awk '/^rchar/ { print $2 }' "/proc/$1/io" 2>/dev/null || echo 0)" -gt 100000000 ]; }
  busy=packs
  begin backup2l -c /tmp/b2-big.conf -b; running=$pid
  status backup2l means backup2l -c /tmp/b2-big.conf -b
  said backup2l locked-text 'Backup volume is locked'
  pid=$running; kill -KILL "$pid"; wait "$pid" 2>/dev/null
  end tar
  left=tar
  stop backup2l stopped TERM tree backup2l -c /tmp/b2-big.conf -b
  ignores backup2l INT backup2l -c /tmp/b2-big.conf -b
  end tar
  goes_on backup2l tar 2 backup2l -c /tmp/b2-big.conf -b
  status backup2l ok backup2l -c /tmp/b2.conf -b
  busy=reads
}

etckeeper_rows() {
  version etckeeper etckeeper
  [ -d /etc/.git ] || quiet etckeeper init
  git config --global user.email root@localhost
  quiet etckeeper commit first
  echo a >/etc/measured
  status etckeeper ok etckeeper commit second
  status etckeeper means etckeeper commit third
  touch /etc/.git/index.lock; echo b >/etc/measured
  status etckeeper means etckeeper commit fourth
  rm /etc/.git/index.lock
  head -c 500000000 /dev/urandom >/etc/large
  # shellcheck disable=SC2317 # called as "$busy"
  locks() { [ -e /etc/.git/index.lock ] && runs git; }
  busy=locks
  begin etckeeper commit fifth
  tell KILL tree; wait "$pid" 2>/dev/null
  say "etckeeper left $(find /etc/.git/index.lock | wc -l)"
  status etckeeper means etckeeper commit sixth
  status etckeeper means etckeeper commit seventh
  rm -f /etc/.git/index.lock
  for signal in TERM INT; do
    [ $signal = TERM ] && fact=stopped || fact=stopped-INT
    stop etckeeper "$fact" $signal tree etckeeper commit eighth
    say "etckeeper clean $(find /etc/.git/index.lock 2>/dev/null | wc -l)"
  done
  rm -f /etc/large
  status etckeeper ok etckeeper commit ninth
  busy=reads
}

chronic_rows() {
  version chronic moreutils
  status chronic ok chronic true
  # shellcheck disable=SC2016 # the inner shell's
  status chronic means chronic sh -c 'kill $$'
  status chronic means chronic false
  status chronic failed chronic sh -c 'exit 3'
  # shellcheck disable=SC2317 # called as "$busy"
  sleeps() { runs sleep && [ "$(pgrep -P "$1" -x sleep)" ]; }
  busy=sleeps
  stop chronic stopped TERM tree chronic sleep 300
  goes_on chronic sleep 2 chronic sleep 300
  busy=reads
}

btrfs_scrub_rows() {
  version btrfs_scrub btrfs-progs
  # What it can check of 1 GB in 40 s.
  [ -e /tmp/btr/scrubbed ] || head -c 1000000000 /dev/urandom >/tmp/btr/scrubbed
  sync
  status btrfs_scrub ok btrfs scrub start -B /tmp/btr
  status btrfs_scrub failed btrfs scrub start -B /tmp/src
  for limit in /sys/fs/btrfs/*-*/devinfo/*/scrub_speed_max; do echo 25000000 >"$limit"; done
  # shellcheck disable=SC2317 # called as "$busy"
  scrubs() { btrfs scrub status /tmp/btr | grep -q running; }
  busy=scrubs
  begin btrfs scrub start -B /tmp/btr; running=$pid
  status btrfs_scrub failed btrfs scrub start -B /tmp/btr
  pid=$running; kill -KILL "$pid"; wait "$pid" 2>/dev/null
  quiet btrfs scrub cancel /tmp/btr
  for signal in INT TERM; do
    for to in main tree; do
      [ $signal = INT ] && fact=stopped || fact=stopped-TERM
      stop btrfs_scrub "$fact" $signal $to btrfs scrub start -B /tmp/btr
      say "btrfs_scrub scrubs-on-after-$signal $(btrfs scrub status /tmp/btr | grep -c running)"
      quiet btrfs scrub cancel /tmp/btr
    done
  done
  for limit in /sys/fs/btrfs/*-*/devinfo/*/scrub_speed_max; do echo 0 >"$limit"; done
  status btrfs_scrub ok btrfs scrub start -B /tmp/btr
  busy=reads
}
