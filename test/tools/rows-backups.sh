#!/bin/sh
# More of rows.sh, which reads it: tools that save files.
# shellcheck disable=SC2034,SC2154 # `busy` and `pid` are of rows.sh

rdiff_backup_rows() {
  version rdiff-backup rdiff-backup
  status rdiff-backup ok rdiff-backup backup /tmp/src /tmp/rd
  mkdir -p /tmp/u && chown nobody /tmp/u
  status rdiff-backup silent as_user env HOME=/tmp/u rdiff-backup backup /tmp/src /tmp/u/rd
  said rdiff-backup caution-text 'WARNING: ListError'
  status rdiff-backup failed rdiff-backup backup /tmp/none /tmp/rd
  busy=reads
  for to in main tree; do
    stop rdiff-backup stopped TERM $to rdiff-backup backup /tmp/big "/tmp/rd-$to"
  done
  status rdiff-backup after-TERM rdiff-backup backup /tmp/src /tmp/rd-main
}

duplicity_rows() {
  version duplicity duplicity
  export PASSPHRASE=x
  d="--archive-dir /tmp/dup-cache"
  plain="$d --no-encryption"
  # shellcheck disable=SC2086 # words
  {
    status duplicity ok duplicity full $plain /tmp/src file:///tmp/dup
    mkdir -p /tmp/u && chown nobody /tmp/u
    status duplicity silent as_user env HOME=/tmp/u duplicity full --archive-dir /tmp/u/cache \
      --no-encryption /tmp/src file:///tmp/u/dup
    status duplicity means duplicity full $plain /tmp/none file:///tmp/dup2
    status duplicity means duplicity full $plain /tmp/src file:///proc/none
    pkill -KILL gpg-agent
    status duplicity ok duplicity full $d /tmp/src file:///tmp/dup-gpg
    say "duplicity left $(pgrep -c gpg-agent)"
    case $(dpkg-query -f '${Version}' -W duplicity) in
      0.8*) fact=silent ;;
      *) fact=failed ;;
    esac
    PASSPHRASE=y status duplicity "$fact" duplicity incremental $d /tmp/src file:///tmp/dup-gpg
    begin duplicity full $plain /tmp/big file:///tmp/dup-big; running=$pid
    status duplicity means duplicity full $plain /tmp/big file:///tmp/dup-big
    said duplicity locked-text 'Another duplicity instance is already running'
    pid=$running; kill -KILL "$pid"; wait "$pid" 2>/dev/null
    status duplicity ok duplicity full $plain --name after-kill /tmp/src file:///tmp/dup-big
    for signal in INT TERM; do
      rm -rf /tmp/duplicity-* /tmp/dup-big
      [ $signal = INT ] && fact=stopped || fact=stopped-TERM
      stop duplicity "$fact" $signal tree duplicity full $plain /tmp/big file:///tmp/dup-big
      [ $signal = INT ] && fact=clean || fact=left
      say "duplicity $fact $(find /tmp -maxdepth 1 -name 'duplicity-*' | wc -l)"
    done
  }
  rm -rf /tmp/dup-big
  head -c 300000000 /dev/urandom >/tmp/random
  # shellcheck disable=SC2086 # words
  percent duplicity --progress --progress-rate 1 $plain /tmp/random file:///tmp/dup-progress
  rm -rf /tmp/random /tmp/dup-progress
}

# borgmatic FILE SOURCE REPOSITORY [LINE]
borgmatic_conf() {
  case $(dpkg-query -f '${Version}' -W borgmatic) in
    1.7*) printf 'location:\n  source_directories: [%s]\n  repositories: [%s]\n' "$2" "$3" >"$1" ;;
    *) printf 'source_directories: [%s]\nrepositories:\n  - path: %s\n%s\n' "$2" "$3" "${4:-}" >"$1" ;;
  esac
}
borgmatic_rows() {
  version borgmatic borgmatic
  export BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes BORG_RELOCATED_REPO_ACCESS_IS_OK=yes
  quiet borg init -e none /tmp/bm
  borgmatic_conf /tmp/bm.yaml /tmp/src /tmp/bm
  status borgmatic ok borgmatic -c /tmp/bm.yaml create
  borgmatic_conf /tmp/bm-none.yaml /tmp/none /tmp/bm
  status borgmatic silent borgmatic -c /tmp/bm-none.yaml create
  say "borgmatic clean $(bytes)"
  mkdir -p /tmp/u && chown nobody /tmp/u
  quiet as_user env HOME=/tmp/u borg init -e none /tmp/u/bm
  borgmatic_conf /tmp/bm-u.yaml /tmp/src /tmp/u/bm
  status borgmatic silent as_user env HOME=/tmp/u borgmatic -c /tmp/bm-u.yaml create
  say "borgmatic clean $(bytes)"
  case $(dpkg-query -f '${Version}' -W borgmatic) in
    1.7*) ;;
    *)
      borgmatic_conf /tmp/bm-must.yaml /tmp/none /tmp/bm 'source_directories_must_exist: true'
      status borgmatic failed borgmatic -c /tmp/bm-must.yaml create
      ;;
  esac
  borgmatic_conf /tmp/bm-norepo.yaml /tmp/src /tmp/no-repository
  status borgmatic failed borgmatic -c /tmp/bm-norepo.yaml create
  busy=reads
  begin borg create /tmp/bm::big "$BIG"; running=$pid
  status borgmatic failed borgmatic -c /tmp/bm.yaml create
  said borgmatic locked-text 'Failed to create/acquire the lock'
  pid=$running; kill -KILL "$pid"; wait "$pid" 2>/dev/null; quiet borg break-lock /tmp/bm
  borgmatic_conf /tmp/bm-big.yaml "$BIG" /tmp/bm
  for to in main tree; do
    stop borgmatic stopped TERM $to borgmatic -c /tmp/bm-big.yaml create
    while runs borg; do sleep .1; done
    say "borgmatic clean $(find /tmp/bm -maxdepth 1 -name 'lock.*' | wc -l)"
  done
  goes_on borgmatic borg 15 borgmatic -c /tmp/bm-big.yaml create
  # A surrounding script is in its process group.
  printf '#!/bin/sh\nborgmatic -c /tmp/bm-big.yaml create\ntouch /tmp/script-went-on\n' >/tmp/script
  chmod 755 /tmp/script
  # shellcheck disable=SC2317 # called as "$busy"
  borg_reads() { runs borg && reads "$(pgrep -nx borgmatic)"; }
  busy=borg_reads
  begin /tmp/script
  kill -TERM "$(pgrep -ox borgmatic)"
  wait "$pid"
  if [ -e /tmp/script-went-on ]; then say "borgmatic script-around ended"; else say "borgmatic script-around killed"; fi
  busy=reads
  quiet borg break-lock /tmp/bm
}

# btrbk_conf FILE SUBVOLUME TARGET
btrbk_conf() {
  printf 'lockfile /tmp/btrbk.lock\nsnapshot_dir snaps\nvolume /tmp/btr\n  target %s\n' "$3" >"$1"
  for subvolume in $2; do printf '  subvolume %s\n' "$subvolume" >>"$1"; done
}
sends() { runs btrfs && grep -q '^rchar: [0-9]\{8\}' /proc/"$(pgrep -nx btrfs)"/io 2>/dev/null; }
btrbk_rows() {
  version btrbk btrbk
  quiet btrfs subvolume create /tmp/btr/data
  mkdir /tmp/btr/snaps /tmp/btr/target && cp -a /tmp/src /tmp/btr/data
  btrbk_conf /tmp/btrbk.conf data /tmp/btr/target
  status btrbk ok btrbk -c /tmp/btrbk.conf run
  btrbk_conf /tmp/btrbk-one.conf 'data none' /tmp/btr/target
  status btrbk means btrbk -c /tmp/btrbk-one.conf run
  btrbk_conf /tmp/btrbk-all.conf none /tmp/btr/target
  status btrbk means btrbk -c /tmp/btrbk-all.conf run
  btrbk_conf /tmp/btrbk-target.conf data /tmp/btr/none
  status btrbk means btrbk -c /tmp/btrbk-target.conf run
  echo 'no such line' >/tmp/btrbk-bad.conf
  status btrbk means btrbk -c /tmp/btrbk-bad.conf run
  dd if=/dev/zero of=/tmp/btr/data/big bs=1M count=600 status=none
  busy=sends
  begin btrbk -c /tmp/btrbk.conf run; running=$pid
  status btrbk locked btrbk -c /tmp/btrbk.conf run
  pid=$running; kill -KILL "$pid"; wait "$pid" 2>/dev/null
  end btrfs
  # The incomplete subvolume in the target stops no later backup, but each of them exits with it.
  status btrbk means btrbk -c /tmp/btrbk.conf run
  status btrbk means btrbk -c /tmp/btrbk.conf run
  quiet btrbk -c /tmp/btrbk.conf clean
  status btrbk ok btrbk -c /tmp/btrbk.conf run
  for to in main tree; do
    echo "$to" >>/tmp/btr/data/big
    quiet btrfs subvolume delete /tmp/btr/target/* /tmp/btr/snaps/*
    stop btrbk stopped INT $to btrbk -c /tmp/btrbk.conf run
    while runs btrfs; do sleep .1; done
    # It cleans up, unless its helpers are signalled as well.
    [ $to = main ] && fact=ok || fact=means
    status btrbk "$fact" btrbk -c /tmp/btrbk.conf run
  done
  quiet btrfs subvolume delete /tmp/btr/target/* /tmp/btr/snaps/*
  goes_on btrbk btrfs 0 btrbk -c /tmp/btrbk.conf run
  busy=reads
}
