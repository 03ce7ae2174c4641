#!/bin/sh
# More of rows.sh, which reads it: archives, repositories, and files of SQLite. /tmp/full is a file
# system of 4 MB.
# shellcheck disable=SC2034,SC2154 # `busy` and `pid` are of rows.sh

# 8 MB that no program makes smaller.
noise() { [ -e /tmp/noise ] || head -c 8000000 /dev/urandom >/tmp/noise; }

cpio_rows() {
  version cpio cpio
  noise
  (cd /tmp && find src >/tmp/names)
  status cpio ok sh -c 'cd /tmp && cpio -o -H newc <names >/tmp/a.cpio'
  echo none >/tmp/none.names
  status cpio means sh -c 'cd /tmp && cpio -o -H newc <none.names >/tmp/a.cpio'
  status cpio means as_user sh -c 'cd /tmp && cpio -o -H newc <names >/tmp/u/a.cpio'
  echo noise >/tmp/noise.names
  status cpio means sh -c 'cd /tmp && cpio -o -H newc <noise.names >/tmp/full/a.cpio'
  rm /tmp/full/*
  truncate -s 4G /tmp/huge && echo huge >/tmp/huge.names
  status cpio silent sh -c 'cd /tmp && cpio -o -H newc <huge.names >/tmp/huge.cpio'
  said cpio caution-text 'out of allowed range'
  say "cpio clean $(find /tmp/huge.cpio -size +1M | wc -l)"
  rm /tmp/huge
  truncate -s 3G /tmp/large && echo large >/tmp/large.names
  slow_reader
  stop cpio stopped TERM tree sh -c 'cd /tmp && exec cpio -o -H newc <large.names >/tmp/pipe'
  no_reader
  stop cpio stopped TERM main sh -c 'cd /tmp && exec cpio -o -H newc <large.names >/tmp/part.cpio'
  say "cpio left $(find /tmp/part.cpio -size +1M | wc -l)"
  rm /tmp/large /tmp/part.cpio
}

zstd_rows() {
  version zstd zstd
  noise
  status zstd ok zstd -q /tmp/src/a -o /tmp/a.zst
  status zstd means zstd -q /tmp/src/a -o /tmp/a.zst
  status zstd means zstd -q /tmp/none -o /tmp/b.zst
  status zstd means as_user zstd -q /tmp/src/b -o /tmp/u/b.zst
  status zstd means zstd -q /tmp/noise -o /tmp/full/a.zst
  rm -f /tmp/full/*
  status zstd means sh -c 'zstd -qc /tmp/noise >/dev/full'
  percent zstd --progress -k /tmp/noise -o /tmp/noise.zst
  for signal in INT TERM; do
    for to in main tree; do
      [ $signal = INT ] && fact=stopped || fact=stopped-TERM
      [ $signal = INT ] && rest=clean || rest=left
      stop zstd "$fact" $signal $to zstd -q "$BIG" -o /tmp/big.zst
      say "zstd $rest $(find /tmp/big.zst 2>/dev/null | wc -l)"
      rm -f /tmp/big.zst
    done
  done
}

dar_rows() {
  version dar dar
  noise
  status dar ok dar -Q -c /tmp/dar-a -R /tmp/src
  status dar warn as_user dar -Q -c /tmp/u/dar-a -R /tmp/src
  status dar means dar -Q -R /tmp/src
  status dar means dar -Q -c /tmp/dar-b -R /tmp/none
  status dar means dar -Q -c /tmp/dar-a -R /tmp/src
  mkdir /tmp/noisy && ln /tmp/noise /tmp/noisy
  status dar means dar -Q -c /tmp/full/dar -R /tmp/noisy
  rm -f /tmp/full/*
  status dar silent dar -Q -c /tmp/dar-c -R /tmp/src -g none
  for to in main tree; do
    stop dar stopped TERM $to dar -Q -c "/tmp/dar-$to" -R /tmp/big
    quiet dar -Q -t "/tmp/dar-$to"
    say "dar clean $?"
  done
}

bup_rows() {
  version bup bup
  export BUP_DIR=/tmp/bup
  quiet bup init
  quiet bup index /tmp/src
  status bup ok bup save -n src /tmp/src
  status bup means bup index /tmp/none
  status bup means env BUP_DIR=/tmp/no-bup bup save -n src /tmp/src
  own="env HOME=/tmp/u BUP_DIR=/tmp/u/bup"
  # shellcheck disable=SC2086 # words
  {
    quiet as_user $own bup init
    quiet as_user $own bup index /tmp/src
    status bup means as_user $own bup save -n src /tmp/src
  }
  quiet bup index /tmp/big
  for to in main tree; do
    stop bup stopped INT $to bup save -n big /tmp/big
  done
  status bup ok bup save -n src /tmp/src
}

rclone_bisync_rows() {
  version rclone_bisync rclone
  export RCLONE_CONFIG=/tmp/rclone.conf HOME=/tmp/bisync-home
  : >$RCLONE_CONFIG
  mkdir -p /tmp/one /tmp/two $HOME && echo a >/tmp/one/a
  b="rclone bisync --local-no-preallocate --bwlimit 100M /tmp/one /tmp/two"
  # shellcheck disable=SC2086 # words
  {
    quiet $b --resync
    status rclone_bisync ok $b
    truncate -s 3G /tmp/one/large
    begin $b; running=$pid
    status rclone_bisync failed $b
    said rclone_bisync locked-text 'prior lock file found'
    pid=$running; kill -KILL "$pid"; wait "$pid" 2>/dev/null
    say "rclone_bisync left $(find $HOME -name '*.lck' | wc -l)"
    rm -f /tmp/one/large /tmp/two/large*
    status rclone_bisync failed $b
    status rclone_bisync failed $b
    said rclone_bisync locked-text 'prior lock file found'
    find $HOME -name '*.lck' -delete
    status rclone_bisync after-removal $b
    quiet $b --resync
    for signal in TERM INT; do
      truncate -s 3G /tmp/one/large
      [ $signal = TERM ] && fact=stopped || fact=stopped-INT
      stop rclone_bisync $fact $signal tree $b
      say "rclone_bisync clean $(find $HOME -name '*.lck' | wc -l)"
      rm -f /tmp/one/large /tmp/two/large*
      status rclone_bisync means $b
      quiet $b --resync
    done
  }
  export HOME=/tmp/home
}

# dump FACT DATABASE FILE: whether .dump says in its last line that it is whole.
dump() {
  sqlite3 "$2" .dump >"$3" 2>/tmp/log/out </dev/null
  say "sqlite3_.dump $1 $?"
  whole=$(tail -n 1 "$3" | grep -c '^COMMIT;$')
}
sqlite3_rows() {
  for tool in sqlite3 sqlite3_.dump; do version $tool sqlite3; done
  noise
  quiet sqlite3 /tmp/a.db 'create table t(x); with recursive n(i) as
    (select 1 union all select i + 1 from n where i < 8000)
    insert into t select hex(randomblob(500)) from n'
  status sqlite3 ok sqlite3 /tmp/a.db '.backup /tmp/b.db'
  status sqlite3 failed sqlite3 /tmp/a.db '.backup /tmp/none/b.db'
  status sqlite3 failed sqlite3 /tmp/noise '.backup /tmp/c.db'
  status sqlite3 silent sqlite3 /tmp/missing.db '.backup /tmp/d.db'
  say "sqlite3 clean $(test -e /tmp/missing.db; echo $?)"
  status sqlite3 failed sqlite3 -readonly /tmp/missing2.db '.backup /tmp/d.db'
  status sqlite3 failed sqlite3 /tmp/a.db '.backup /tmp/full/a.db'
  rm -f /tmp/full/*
  dump ok /tmp/a.db /tmp/a.sql; say "sqlite3_.dump clean $((1 - whole))"
  # Nothing of it shows that there was no database.
  dump silent /tmp/missing3.db /tmp/b.sql; say "sqlite3_.dump clean $((1 - whole))"
  status sqlite3_.dump failed sqlite3 -readonly /tmp/missing4.db .dump
  dump silent /tmp/a.db /tmp/full/a.sql; say "sqlite3_.dump clean $whole"
  rm -f /tmp/full/*
  cp /tmp/a.db /tmp/bad.db
  dd if=/dev/zero of=/tmp/bad.db bs=4096 seek=1 count=20 conv=notrunc status=none
  dump silent /tmp/bad.db /tmp/c.sql; say "sqlite3_.dump clean $whole"
  # Another process that has the database for itself.
  rm -f /tmp/mark && mkfifo /tmp/sql
  sqlite3 /tmp/a.db </tmp/sql >/dev/null &
  holding=$!
  exec 3>/tmp/sql
  echo 'begin exclusive;' >&3 && echo '.shell touch /tmp/mark' >&3
  while [ ! -e /tmp/mark ]; do sleep .05; done
  status sqlite3 failed sqlite3 /tmp/a.db '.backup /tmp/c.db'
  said sqlite3 locked-text 'database is locked'
  dump silent /tmp/a.db /tmp/d.sql; say "sqlite3_.dump clean $whole"
  exec 3>&-
  kill $holding; wait $holding 2>/dev/null
  # shellcheck disable=SC2317 # called as "$busy"
  computes() { [ "$(cut -d ' ' -f 14 "/proc/$1/stat")" -gt 20 ]; }
  busy=computes
  stop sqlite3 stopped TERM tree sqlite3 /tmp/a.db 'select count(*) from t a, t b, t c where a.x > b.x'
  stop sqlite3 stopped-INT INT tree sqlite3 /tmp/a.db 'select count(*) from t a, t b, t c where a.x > b.x'
  busy=reads
}
