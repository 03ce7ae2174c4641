#!/bin/sh
# baton.sh run TARGET [--wait]
#
# `baton run` for those who count milliseconds: a POSIX shell and nc of netcat-openbsd instead of
# Node. The statuses, the lines on stderr and the bytes of the output are those of `baton run`; it
# asks anew when the connection breaks, runs nothing twice, and INT or TERM cancel the run.
#
# What it has not: -E, arguments behind --, --quiet-success, names with a quote or a backslash, all
# other verbs; an answer to a daemon that is away comes from looking once a second, for 10 s, or 60 s
# once the run is known. Large output is slow (a shell reads byte by byte, some MB/s): `baton` relays
# it a hundred times as fast. After a second INT or TERM its nc stays for up to a minute.
#
# Invariant: the status is 0 only where the daemon said so of this very request.
set -u
export LC_ALL=C

run='' nonce='' token='' target='' waits='' caller=''
out=0 err=0       # bytes of each stream that were written
out_shut='' err_shut=''
unwritten=''      # output that somebody may have wanted could not be written
merged=''         # stdout and stderr are one file
mid_line=''       # what stderr shows stopped in the middle of a line
foreign=''        # the run was there before: not ours to cancel
stop='' caught='' # a signal came; it came just now
away=0            # seconds without an answer
why=''            # what nc said last

main() {
  trap '' PIPE # a reader that goes away does not end the waiting
  parse "$@"
  # One file for both keeps their order. POSIX has -ef since 2024, and every sh on Linux.
  # shellcheck disable=SC3013
  if [ /dev/fd/1 -ef /dev/fd/2 ]; then merged=true; else merged=false; fi
  command -v nc >/dev/null || leave 125 'needs nc; install netcat-openbsd'
  find_socket
  find_caller
  read -r token </proc/sys/kernel/random/uuid
  ask
}

parse() {
  [ "${1-}" = run ] || usage
  shift
  for word; do
    case $word in
      --wait) waits=1 ;;
      -*) usage ;;
      *) [ -z "$target" ] || usage; target=$word ;;
    esac
  done
  case $target in
    '' | *[[:cntrl:]\"\\]*) usage ;;
  esac
}

usage() {
  printf 'baton: %s\n' 'usage: baton.sh run TARGET [--wait]; baton itself can do more' >&2
  exit 64
}

# The first that may be opened, else the first that is there, else the user's own.
find_ours() {
  own=$1
  found=''
  for socket; do
    [ -r "$socket" ] && [ -w "$socket" ] && return
    [ -n "$found" ] || ! [ -e "$socket" ] || found=$socket
  done
  socket=${found:-$own}
}

find_socket() {
  socket=${BATON_SOCKET-}
  if [ -z "$socket" ]; then
    socket=/run/baton/baton.sock
    uid=$(id -u)
    [ "$uid" = 0 ] || find_ours "${XDG_RUNTIME_DIR:-/run/user/$uid}/baton.sock" $socket /run/baton/submit.sock
  fi
  [ ${#socket} -le 107 ] || leave 64 "socket path $socket has more than 107 bytes; name a shorter one"
}

# Within the command of a run the daemon is told so: it may be the run that is waited for.
find_caller() {
  case ${BATON_RUN_DIR-} in
    '' | *[!\ -~]* | *[\"\\]*) ;;
    *) caller=",\"caller\":\"$BATON_RUN_DIR\"" ;;
  esac
}

# Asks, lets a subshell take the replies, and exits as that does.
ask() {
  request="{\"type\":\"run\",\"v\":1,\"target\":\"$target\",\"token\":\"$token\""
  [ -z "$waits" ] || request="$request,\"wait\":true,\"merged\":$merged$caller"
  request="$request}"
  [ -z "$run" ] ||
    request="{\"type\":\"wait\",\"v\":1,\"run\":$run$nonce,\"from\":{\"out\":$out,\"err\":$err}$caller}"
  nc -N -U "$socket" 2>&1 <<END | take &
$request
END
  taker=$!
  again=''
  trap 'pass_on 2' INT
  trap 'pass_on 15' TERM
  trap 'kill -s KILL $taker; exit 129' HUP
  while :; do
    # A signal interrupts the wait.
    caught=''
    wait "$taker"
    now=$?
    # 127 after a signal: the status was taken already, just before it came.
    if [ "$now" != 127 ] || [ -z "$again" ]; then status=$now; fi
    [ -n "$caught" ] || exit "$status"
    again=1
  done
}

pass_on() {
  caught=1
  kill -s TERM "$taker"
  [ -z "$stop" ] || exit $((128 + $1))
  stop=1
}

# Takes the replies of a connection on stdin; when it breaks, asks anew.
take() {
  trap 'stop_run' TERM
  trap '' INT
  while IFS= read -r line; do
    case $line in
      '') continue ;;
      'nc: '*) take_trouble "$line" ;;
      '{"type":"'*) away=0; take_reply ;;
      *) leave 76 "what answers on $socket does not speak baton's protocol; name batond's with BATON_SOCKET" ;;
    esac
  done
  exec </dev/null
  if [ -z "$caught" ]; then
    away=$((away + 1))
    [ $away -le $((${run:+5}0 + 10)) ] || leave_away
    sleep 1
  fi
  caught=''
  ask
}

take_trouble() {
  why=${1##*: }
  case $1 in
    *': Permission denied') leave 77 "not permitted to use $socket; ask as its owner or as root" ;;
    *'invalid option'*) leave 125 'its nc has not -N and -U; install netcat-openbsd' ;;
  esac
}

leave_away() {
  text="no answer on $socket (${why:-connection closed})"
  [ -z "$run" ] || leave 69 "$text; run $run may go on, ask later: baton wait $run"
  start='start batond'
  # A batond that is started by hand would be in the way of systemd's socket.
  [ "$socket" != /run/baton/baton.sock ] || [ ! -d /run/systemd/system ] ||
    start='run "systemctl start baton.socket"'
  leave 69 "$text; $start, or name its socket with BATON_SOCKET"
}

take_reply() {
  case $line in
    '{"type":"output"'*) put ;;
    '{"type":"accepted"'* | '{"type":"joined"'*)
      [ -n "$waits" ] || exit 0
      run=$(number run)
      read_nonce
      case $line in '{"type":"joined"'*) foreign=1 ;; esac
      [ -z "$stop" ] || cancel
      ;;
    '{"type":"ignored"'*) exit 0 ;;
    # cron would mail it, though the next attempt may well succeed.
    '{"type":"notice"'*'"isNews":true'*) [ ! -t 2 ] || complain "$(text text)" ;;
    '{"type":"notice"'*) complain "$(text text)" ;;
    '{"type":"refused"'*) leave "$(own_status)" "$(text reason)" ;;
    '{"type":"ended"'*) end ;;
    '{"type":"error"'*)
      case $line in
        *'"code":"unknown-run"'*)
          leave 125 "the daemon does not know run $run any more, nor how it ended; see the log of the daemon"
          ;;
      esac
      leave "$(own_status)" "$(text message)"
      ;;
  esac
}

end() {
  now=$(status_of)
  case $line in
    *'","tell":true}') leave "$now" "run $run $(text text)" ;;
    *'"verdict":"failed"'*)
      # cron mails only what is printed: a failure without a word would go unseen.
      [ "$now" = 0 ] || [ $((out + err)) -gt 0 ] ||
        leave "$now" "run $run $(text text) and printed nothing; see in the manual of its command what that means"
      ;;
  esac
  # Who asked for the output has not got it. EX_IOERR of sysexits(3).
  if [ "$now" = 0 ] && [ -n "$unwritten" ]; then now=74; fi
  exit "$now"
}

# A status of baton's own is never 0.
own_status() {
  now=$(status_of)
  [ "$now" != 0 ] || now=125
  echo "$now"
}

status_of() {
  now=$(number exit)
  case $now in '' | *[!0-9]* | ????*) now=125 ;; esac
  echo "$now"
}

# Quotes inside JSON texts are escaped, so a "key": is a key.
number() {
  value=${line#*"\"$1\":"}
  [ "$value" != "$line" ] || return
  echo "${value%%[!0-9]*}"
}

# Tells the run from others that have its number; a daemon of an older version names none.
read_nonce() {
  value=${line#*'"nonce":"'}
  [ "$value" = "$line" ] || nonce=",\"nonce\":\"${value%%'"'*}\""
}

# A text for people, without what could harm a terminal.
text() {
  value=${line#*"\"$1\":\""}
  case $value in
    *'","tell":'*) value=${value%'","tell":'*} ;;
    *) value=${value%'"'*} ;;
  esac
  printf '%s\n' "$value" | sed -e 's/\\u00[0-9a-f][0-9a-f]/ /g' -e 's/\\[bfnrt]/ /g' \
    -e 's/\\\(.\)/\1/g' -e "s/$(printf '\302')[$(printf '\200')-$(printf '\237')]/ /g" \
    -e "s/$(printf '\177')/ /g" -e 's/   */ /g'
}

# Writes a frame of output: what is new of it, byte by byte as it was.
put() {
  offset=$(number offset)
  next=$((offset + $(number bytes)))
  case $line in
    *'"stream":"out"'*) stream=out fd=1 at=$out shut=$out_shut ;;
    *) stream=err fd=2 at=$err shut=$err_shut ;;
  esac
  [ "$next" -gt "$at" ] || return 0
  case $stream in out) out=$next ;; err) err=$next ;; esac
  [ -z "$shut" ] || return 0
  data=${line#*'"data":"'}
  case $data in
    *'","encoding":"base64"'*)
      data=${data%%'"'*} decoder=bytes ends=
      case $(bytes | tail -c 1 | od -An -to1) in *012*) ends='\n' ;; esac
      ;;
    *)
      data=${data%'"'*} decoder=characters
      # printf knows JSON's \n \t \r \b \f; the others it is given as octal numbers.
      # shellcheck disable=SC1003
      case $data in *'\\'* | *'\"'* | *'\u'*) data=$(octal) ;; esac
      ends=$data
      ;;
  esac
  if [ $merged = true ] || [ $stream = err ]; then
    case $ends in *'\n') mid_line='' ;; *) mid_line=1 ;; esac
  fi
  decode && return
  case $stream in out) out_shut=1 ;; err) err_shut=1 ;; esac
  # Nobody reads any more: no need to say so.
  [ -p /dev/fd/$fd ] || [ -S /dev/fd/$fd ] || {
    unwritten=1
    complain "cannot write std$stream"
  }
}

# In a subshell: what dash cannot write it keeps, and writes elsewhere later.
decode() (
  exec >&$fd
  exec 2>/dev/null
  if [ "$at" -gt "$offset" ]; then
    $decoder | tail -c +$((at - offset + 1))
  else
    $decoder
  fi
)

bytes() {
  printf '%s' "$data" | base64 -d
}

characters() {
  printf '%b' "$data"
}

# An escaped backslash goes by the way of the byte 1, which JSON never holds as such.
octal() {
  one=$(printf '\001')
  printf '%s\n' "$data" | sed -e "s/\\\\\\\\/$one/g" -e 's/\\"/"/g' \
    -e 's/\\u000\([1-7]\)/\\000\1/g' -e 's/\\u000b/\\0013/g' -e 's/\\u000e/\\0016/g' \
    -e 's/\\u000f/\\0017/g' -e 's/\\u001\([0-7]\)/\\002\1/g' -e 's/\\u0018/\\0030/g' \
    -e 's/\\u0019/\\0031/g' -e 's/\\u001a/\\0032/g' -e 's/\\u001b/\\0033/g' \
    -e 's/\\u001c/\\0034/g' -e 's/\\u001d/\\0035/g' -e 's/\\u001e/\\0036/g' \
    -e 's/\\u001f/\\0037/g' -e "s/$one/\\\\0134/g"
}

# The first signal cancels the run and waits for its end, the second leaves at once.
stop_run() {
  [ -z "$stop" ] || exit 143
  stop=1 caught=1
  [ -z "$run" ] || cancel
}

cancel() {
  if [ -n "$foreign" ]; then
    complain "run $run goes on without this client; end it with \"baton cancel $run\""
    exit 143
  fi
  reply=$(nc -N -U "$socket" 2>&1 <<END
{"type":"cancel","v":1,"of":$run$nonce}
END
  )
  case $reply in
    '{"type":"error"'*) line=$reply && complain "cannot cancel run $run: $(text message)" ;;
  esac
}

leave() {
  complain "$2"
  exit "$1"
}

complain() {
  [ -z "$mid_line" ] || echo >&2
  printf 'baton: %s: %s\n' "$target" "$1" >&2
}

main "$@"
