#!/bin/sh
# systemctl for maintainer scripts in a machine where systemd is not process 1: the subcommands that
# they use, with the units that the package has installed. activator.pl holds baton.socket and
# starts the ExecStart= of baton.service when somebody connects; stopping the service ends only its
# main process if KillMode= says so. SHARE/systemctl.log has a line for each call.
set -eu
share=@SHARE@
units=$(dirname "$(find /lib/systemd/system /usr/lib/systemd/system -name baton.service | head -n 1)")
echo "$*" >>"$share/systemctl.log"
case $* in *--root=*) exec /bin/systemctl "$@" ;; esac # works on files only
value() { sed -n "s/^$1=//p" "$units/$2"; }

holder() { cat "$share/holder" 2>/dev/null || echo none; }
main_pid() { tr -d " " 2>/dev/null <"/proc/$(holder)/task/$(holder)/children" || true; }
connect() { perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Peer => shift) or die' "$1"; }

start() {
  [ -d "/proc/$(holder)" ] || hold
  case $1 in
    baton.service)
      connect "$(value ListenStream baton.socket)"
      until [ -n "$(main_pid)" ]; do sleep 0.01; done
      ;;
  esac
}

hold() {
  path=$(value ListenStream baton.socket)
  mkdir -p "$(dirname "$path")"
  rm -f "$share/log"
  # shellcheck disable=SC2046 # words
  setsid perl "$share/activator.pl" "$path" baton $(value ExecStart baton.service) \
    </dev/null >"$share/log" 2>&1 &
  echo $! >"$share/holder"
  until [ -S "$path" ]; do sleep 0.01; done
}

stop() {
  case $1 in
    baton.service)
      [ "$(value KillMode baton.service)" = process ] || exit 1
      main=$(main_pid)
      [ -n "$main" ] || return 0
      kill "$main"
      while [ -d "/proc/$main" ]; do sleep 0.01; done
      ;;
    baton.socket)
      [ -d "/proc/$(holder)" ] || return 0
      # activator.pl also ends what it has started, which systemd would leave to the next call.
      kill "$(holder)"
      while [ -d "/proc/$(holder)" ]; do sleep 0.01; done
      rm -f "$(value ListenStream baton.socket)"
      ;;
  esac
}

verb=''
names=''
for word; do
  case $word in
    -*) ;;
    *) if [ -z "$verb" ]; then verb=$word; else names="$names $word"; fi ;;
  esac
done
case $verb in
  daemon-reload) ;;
  is-enabled) for name in $names; do SYSTEMD_OFFLINE=1 /bin/systemctl is-enabled "$name"; done ;;
  is-active) [ -d "/proc/$(holder)" ] ;;
  start) for name in $names; do start "$name"; done ;;
  stop) for name in $names; do stop "$name"; done ;;
  restart) for name in $names; do stop "$name" && start "$name"; done ;;
  main-pid) main_pid ;;
  *) exit 64 ;;
esac
