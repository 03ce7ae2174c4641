#!/bin/sh
# More of rows.sh, which reads it: databases, and the upkeep of a machine. Servers listen on a
# socket in /tmp, or on 127.0.0.1.
# shellcheck disable=SC2034,SC2154 # `busy` and `pid` are of rows.sh

# Reads 5 MB of what is written to /tmp/pipe, and no more: the writer is then in the middle.
slow_reader() {
  rm -f /tmp/pipe /tmp/mark && mkfifo /tmp/pipe && chmod 666 /tmp/pipe
  (exec 3<>/tmp/pipe; head -c 5000000 <&3 >/dev/null; touch /tmp/mark; exec sleep 300) &
  reader=$!
  busy=marked
}
no_reader() { kill "$reader"; wait "$reader" 2>/dev/null; busy=reads; }

postgres_rows() {
  bin=$(echo /usr/lib/postgresql/*/bin) major=$(ls /usr/lib/postgresql)
  for tool in pg_dump pg_dumpall pg_basebackup; do version $tool "postgresql-client-$major"; done
  export PGHOST=/tmp PGUSER=postgres
  pg="setpriv --reuid=postgres --regid=postgres --init-groups"
  # shellcheck disable=SC2086 # words
  quiet $pg "$bin/initdb" -A trust -D /tmp/pg
  # shellcheck disable=SC2086 # words
  $pg "$bin/postgres" -D /tmp/pg -k /tmp -c listen_addresses= >/tmp/log/pg 2>&1 </dev/null &
  server=$!
  until quiet pg_isready; do sleep .1; done
  quiet psql -c 'create database base'
  quiet psql base -c "create table small as select 1 as a; create role plain login;
    create table big as select repeat(md5(i::text), 30) from generate_series(1, 40000) as i"
  status pg_dump ok pg_dump -f /tmp/pg.sql base
  status pg_dump means pg_dump -f /tmp/pg.sql none
  status pg_dump means pg_dump -U plain -f /tmp/pg.sql base
  status pg_dump means pg_dump -f /dev/full base
  status pg_dump silent-with-t pg_dump -f /tmp/pg.sql -t small -t none base
  status pg_dump means pg_dump --strict-names -f /tmp/pg.sql -t small -t none base
  for signal in TERM INT; do
    [ $signal = TERM ] && fact=stopped || fact=stopped-INT
    slow_reader
    stop pg_dump "$fact" $signal tree pg_dump -f /tmp/pipe base
    no_reader
  done
  status pg_dumpall ok pg_dumpall -f /tmp/pg.sql
  status pg_dumpall means pg_dumpall -h /tmp/none -f /tmp/pg.sql
  slow_reader
  stop pg_dumpall stopped TERM tree pg_dumpall -f /tmp/pipe
  no_reader; slow_reader
  goes_on pg_dumpall pg_dump 5 pg_dumpall -f /tmp/pipe
  no_reader
  status pg_basebackup ok pg_basebackup -c fast -D /tmp/bb
  status pg_basebackup means pg_basebackup -c fast -D /tmp/bb
  status pg_basebackup means pg_basebackup -U plain -D /tmp/bb2
  for flag in -P --progress; do percent pg_basebackup $flag -c fast -D "/tmp/bb$flag"; done
  # shellcheck disable=SC2317 # called as "$busy"
  copies() { [ "$(du -sk /tmp/bb3 2>/dev/null | cut -f 1)" -gt 500 ] 2>/dev/null; }
  busy=copies
  stop pg_basebackup stopped TERM tree pg_basebackup -c fast --max-rate=200k -D /tmp/bb3
  say "pg_basebackup left $(find /tmp/bb3 -maxdepth 0 | wc -l)"
  status pg_basebackup means pg_basebackup -c fast -D /tmp/bb3
  rm -rf /tmp/bb3
  goes_on pg_basebackup pg_basebackup 5 pg_basebackup -c fast --max-rate=200k -D /tmp/bb3
  busy=reads
  kill -QUIT $server; wait $server 2>/dev/null
  rm -rf /tmp/pg /tmp/bb* /tmp/pg.sql
}

mariadb_dump_rows() {
  version mariadb-dump mariadb-client
  quiet mariadb-install-db --no-defaults --user=mysql --datadir=/tmp/my \
    --auth-root-authentication-method=normal
  mariadbd --no-defaults --user=mysql --datadir=/tmp/my --socket=/tmp/my.sock --skip-networking \
    --pid-file=/tmp/my.pid >/tmp/log/my 2>&1 </dev/null &
  server=$!
  my="--no-defaults -u root -S /tmp/my.sock"
  # shellcheck disable=SC2086 # words
  {
    until quiet mariadb-admin $my ping; do sleep .1; done
    quiet mariadb $my -e "create database base; use base; create table small select 1 as a;
      create table big select repeat(md5(seq), 30) as t from seq_1_to_40000;
      create table gone (a int); create user plain; grant select on base.* to plain"
    r="-r /tmp/my.sql"
    status mariadb-dump ok mariadb-dump $my $r base
    status mariadb-dump means mariadb-dump $my $r none
    status mariadb-dump means mariadb-dump $my $r base small none
    say "mariadb-dump tables-beside-a-missing-one $(grep -c 'CREATE TABLE' /tmp/my.sql)"
    status mariadb-dump means mariadb-dump $my -u plain $r base
    status mariadb-dump means mariadb-dump $my -S /tmp/none.sock $r base
    status mariadb-dump means mariadb-dump $my -r /dev/full base
    status mariadb-dump shell-full sh -c "mariadb-dump $my base >/dev/full"
    quiet mariadb $my base -e 'create view odd as select * from gone; drop table gone'
    status mariadb-dump means mariadb-dump $my $r base
    quiet mariadb $my base -e 'drop view odd'
    slow_reader
    stop mariadb-dump stopped TERM tree mariadb-dump $my -r /tmp/pipe base
    no_reader
  }
  kill -KILL $server; wait $server 2>/dev/null
  rm -rf /tmp/my /tmp/my.sql
}

# A server on 127.0.0.1:$port that accepts a connection, makes /tmp/mark, and never answers.
deaf_server() {
  rm -f /tmp/mark /tmp/port
  perl -MIO::Socket::INET -e '
    my $s = IO::Socket::INET->new(Listen => 9, LocalAddr => "127.0.0.1") or die;
    open my $f, ">", "/tmp/port.part"; print $f $s->sockport; close $f;
    rename "/tmp/port.part", "/tmp/port";
    my @all; while (my $c = $s->accept) { push @all, $c; open my $m, ">", "/tmp/mark" }' &
  server=$!
  while [ ! -e /tmp/port ]; do sleep .05; done
  port=$(cat /tmp/port) busy=marked
}
no_server() { kill "$server"; wait "$server" 2>/dev/null; busy=reads; }
# Locks FILE as apt and certbot do, with fcntl.
holder() {
  rm -f /tmp/mark
  python3 -c 'import fcntl,signal,sys
f = open(sys.argv[1], "w"); fcntl.lockf(f, fcntl.LOCK_EX); open("/tmp/mark", "w"); signal.pause()' "$1" &
  holding=$!
  while [ ! -e /tmp/mark ]; do sleep .05; done
}
no_holder() { kill "$holding"; wait "$holding" 2>/dev/null; }

apt_get_rows() {
  for tool in apt-get apt-get_update; do version $tool apt; done
  status apt-get ok apt-get -y install tar
  status apt-get means apt-get -y install no-such-package
  holder /var/lib/dpkg/lock-frontend
  status apt-get means apt-get -y install tar
  said apt-get locked-text 'Could not get lock'
  no_holder
  deaf_server
  mkdir -p /tmp/apt/partial
  echo "deb http://127.0.0.1:$port/ x main" >/tmp/apt.list
  apt="-o Dir::Etc::sourcelist=/tmp/apt.list -o Dir::Etc::sourceparts=/dev/null"
  apt="$apt -o Dir::State::lists=/tmp/apt -o Dir::Cache=/tmp/apt-cache"
  mkdir -p /tmp/apt-cache/archives/partial
  # shellcheck disable=SC2086 # words
  {
    begin apt-get $apt update; running=$pid
    status apt-get_update means apt-get $apt update
    said apt-get_update locked-text 'Could not get lock'
    status apt-get_update means apt-get $apt -o DPkg::Lock::Timeout=3 update
    pid=$running; kill -KILL "$pid"; wait "$pid" 2>/dev/null
    rm -f /tmp/mark
    stop apt-get_update stopped TERM tree apt-get $apt update
    no_server
    # Nobody listens there any more.
    status apt-get_update silent apt-get $apt update
    status apt-get_update means apt-get $apt -o APT::Update::Error-Mode=any update
  }
}

unattended_upgrade_rows() {
  version unattended-upgrade unattended-upgrades
  status unattended-upgrade ok unattended-upgrade
  for lock in /run/unattended-upgrades.lock /var/lib/dpkg/lock-frontend; do
    holder $lock
    status unattended-upgrade means unattended-upgrade
    say "unattended-upgrade bytes-said $(bytes)"
    no_holder
  done
  unattended_upgrade_stops
}

# Three packages of version 1, and of version 2, whose installation takes 4 s, in a repository.
upgrades() {
  mkdir -p /tmp/repo
  : >/tmp/repo/Packages
  for name in upa upb upc; do
    for number in 1 2; do
      at=/tmp/build/$name-$number
      mkdir -p $at/DEBIAN
      printf '%s\n' "Package: $name" "Version: $number" 'Architecture: all' \
        'Maintainer: root <root@localhost>' 'Description: none' >$at/DEBIAN/control
      [ $number = 1 ] || printf '#!/bin/sh\ntouch /tmp/mark\nsleep 4\n' >$at/DEBIAN/postinst
      [ $number = 1 ] || chmod 755 $at/DEBIAN/postinst
      quiet dpkg-deb -b $at /tmp/repo/${name}_$number.deb
    done
    file=/tmp/repo/${name}_2.deb
    { dpkg-deb -f $file; echo "Filename: ./${name}_2.deb"; echo "Size: $(stat -c %s $file)"
      echo "SHA256: $(sha256sum $file | cut -d ' ' -f 1)"; echo; } >>/tmp/repo/Packages
  done
  sum=$(sha256sum /tmp/repo/Packages | cut -d ' ' -f 1)
  printf 'Origin: Test\nDate: %s\nSHA256:\n %s %s Packages\n' "$(date -Ru)" "$sum" \
    "$(stat -c %s /tmp/repo/Packages)" >/tmp/repo/Release
  rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*
  echo 'deb [trusted=yes] file:/tmp/repo ./' >/etc/apt/sources.list
  printf '%s\n' '#clear Unattended-Upgrade::Origins-Pattern;' 'APT::Sandbox::User "root";' \
    'Unattended-Upgrade::Origins-Pattern { "origin=Test"; };' >/etc/apt/apt.conf.d/99measure
  quiet apt-get update
}
older() {
  while runs dpkg || runs sleep; do sleep .1; done
  quiet dpkg -i --force-downgrade /tmp/repo/*_1.deb
  rm -f /tmp/mark
}
unattended_upgrade_stops() {
  upgrades
  busy=marked
  older
  stop unattended-upgrade stopped TERM main unattended-upgrade
  say "unattended-upgrade clean $(dpkg -l 'up?' | grep -c '^.F')"
  say "unattended-upgrade upgraded-before-TERM $(dpkg -l 'up?' | grep -c ' 2 ')"
  status unattended-upgrade ok unattended-upgrade
  say "unattended-upgrade upgraded-after-all $(dpkg -l 'up?' | grep -c ' 2 ')"
  for how in 'TERM tree' 'INT main'; do
    older
    # shellcheck disable=SC2086 # words
    stop unattended-upgrade "stopped-$(echo $how | tr ' ' -)" $how unattended-upgrade
    say "unattended-upgrade left $(dpkg -l 'up?' | grep -c '^.F')"
  done
  older
  ignores unattended-upgrade HUP unattended-upgrade
  busy=reads
}

certbot_rows() {
  version certbot certbot
  c="--config-dir /tmp/cb/c --work-dir /tmp/cb/w --logs-dir /tmp/cb/l"
  # shellcheck disable=SC2086 # words
  {
    status certbot ok certbot $c renew
    mkdir -p /tmp/cb/c/renewal && echo broken >/tmp/cb/c/renewal/x.conf
    status certbot means certbot $c renew
    rm /tmp/cb/c/renewal/x.conf
    deaf_server
    new="certonly --standalone -n --agree-tos --register-unsafely-without-email -d x.test"
    new="$new --server http://127.0.0.1:$port/directory"
    begin certbot $c $new; running=$pid
    status certbot means certbot $c renew
    said certbot locked-text 'Another instance of Certbot is already running'
    pid=$running; kill -KILL "$pid"; wait "$pid" 2>/dev/null
    status certbot ok certbot $c renew
    for signal in TERM INT; do
      rm -f /tmp/mark
      [ $signal = TERM ] && fact=stopped || fact=stopped-INT
      stop certbot $fact $signal tree certbot $c $new
      status certbot ok certbot $c renew
    done
    no_server
    status certbot means certbot $c $new
  }
}
