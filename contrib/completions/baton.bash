# shellcheck shell=bash
# bash completion for baton(1). Written by "npm run generate"; changes here are lost.

# The words that may stand here, one a line; what the person has typed so far is matched later.
_baton_words() {
  case $1 in
    target) "$2" names targets 2>/dev/null | cut -f1 ;;
    group) "$2" names groups 2>/dev/null | cut -f1 ;;
    host) "$2" names hosts 2>/dev/null | cut -f1 ;;
    run) "$2" names runs 2>/dev/null | cut -f1 ;;
    run-or-target) "$2" names targets 2>/dev/null | cut -f1; "$2" names runs 2>/dev/null | cut -f1 ;;
    verb) printf '%s\n' run retry wait logs cancel status why history timeline plan report metrics pause resume probe forget reload doctor check-crontab import help ;;
    # A list of words, one each.
    *) tr ' ' '\n' <<<"$1" ;;
  esac
}

# What the value of an option is.
_baton_value() {
  case $1 in
    --max-wait) echo none ;;
    --only) echo host ;;
    --report) echo file ;;
    -E|--error-code) echo none ;;
    --since) echo none ;;
    --limit) echo none ;;
    --outcome) echo 'ok warning failed exited signalled timed-out cancelled not-started expired skipped unreachable lost interrupted' ;;
    --from) echo none ;;
    --for) echo none ;;
    --assume) echo none ;;
    --seed) echo none ;;
    --at) echo none ;;
    --diff) echo file ;;
    --output) echo file ;;
    --group) echo group ;;
    --write) echo directory ;;
    -t|--target) echo target ;;
    --connect-timeout) echo none ;;
    --socket) echo file ;;
    *) return 1 ;;
  esac
}

_baton_options() {
  case $1 in
    run) echo '--wait --quiet-success --verdict --max-wait --only --failed --print-id --report -E --error-code --connect-timeout --socket -h --help --version' ;;
    retry) echo '--failed --wait --since -E --error-code --connect-timeout --socket -h --help --version' ;;
    wait) echo '--all --report -E --error-code --connect-timeout --socket -h --help --version' ;;
    logs) echo '-f --follow --connect-timeout --socket -h --help --version' ;;
    cancel) echo '--connect-timeout --socket -h --help --version' ;;
    status) echo '-w --watch --json --connect-timeout --socket -h --help --version' ;;
    why) echo '--json --connect-timeout --socket -h --help --version' ;;
    history) echo '--limit --since --outcome --json --connect-timeout --socket -h --help --version' ;;
    timeline) echo '--since --connect-timeout --socket -h --help --version' ;;
    plan) echo '--from --for --assume --slow --worst --seed --at --diff --html --output --json --connect-timeout --socket -h --help --version' ;;
    report) echo '--since --output --connect-timeout --socket -h --help --version' ;;
    metrics) echo '--output --connect-timeout --socket -h --help --version' ;;
    pause) echo '--group --all --for --connect-timeout --socket -h --help --version' ;;
    resume) echo '--group --all --connect-timeout --socket -h --help --version' ;;
    probe) echo '--connect-timeout --socket -h --help --version' ;;
    forget) echo '--connect-timeout --socket -h --help --version' ;;
    reload) echo '--connect-timeout --socket -h --help --version' ;;
    doctor) echo '--json --connect-timeout --socket -h --help --version' ;;
    check-crontab) echo '--json --connect-timeout --socket -h --help --version' ;;
    import) echo '--write --connect-timeout --socket -h --help --version' ;;
    help) echo '--connect-timeout --socket -h --help --version' ;;
    *) echo '-t --target -s --status --connect-timeout --socket -h --help --version' ;;
  esac
}

# What an operand is: $1 the verb, $2 how many stand before it.
_baton_operand() {
  case $1:$2 in
    run:0) echo target ;;
    run:*) echo target ;;
    retry:0) echo run ;;
    wait:0) echo run-or-target ;;
    wait:*) echo run-or-target ;;
    logs:0) echo run-or-target ;;
    cancel:0) echo run-or-target ;;
    why:0) echo run-or-target ;;
    history:0) echo target ;;
    plan:0) echo file ;;
    plan:*) echo file ;;
    pause:0) echo target ;;
    resume:0) echo target ;;
    probe:0) echo target ;;
    forget:0) echo target ;;
    doctor:0) echo file ;;
    doctor:*) echo file ;;
    check-crontab:0) echo file ;;
    check-crontab:*) echo file ;;
    import:0) echo 'crontab systemd anacron resticprofile borgmatic rsnapshot py9tor' ;;
    import:*) echo file ;;
    help:0) echo verb ;;
    *) echo none ;;
  esac
}

# The words up to the cursor. Readline parts them also at ":", "=" and "@", which names may hold: what
# no blank parts is one word.
_baton_words_typed() {
  local rest=$COMP_LINE part at
  for ((at = 0; at <= COMP_CWORD; at++)); do
    part=${COMP_WORDS[at]}
    if ((at == 0)) || [[ -z $rest || $rest == [[:blank:]]* ]]; then words+=("$part")
    else words[${#words[@]} - 1]+=$part
    fi
    rest=${rest#"${rest%%[![:blank:]]*}"}
    rest=${rest#"$part"}
  done
}

_baton() {
  local verb='' count=0 word at what value words=()
  _baton_words_typed
  local last=$((${#words[@]} - 1))
  local current=${words[last]} previous=${words[last - 1]}
  COMPREPLY=()
  for ((at = 1; at < last; at++)); do
    word=${words[at]}
    # What follows is for the command of the run.
    [[ $word == -- ]] && return
    if _baton_value "$word" >/dev/null; then ((at++))
    elif [[ $word == -* ]]; then :
    elif [[ -z $verb ]]; then verb=$word
    else ((count++))
    fi
  done
  if value=$(_baton_value "$previous"); then what=$value
  elif [[ $current == -* ]]; then what=$(_baton_options "$verb")
  elif [[ -z $verb ]]; then what=verb
  else what=$(_baton_operand "$verb" "$count")
  fi
  case $what in
    none) return ;;
    file | directory)
      compopt -o filenames 2>/dev/null
      [[ $what == file ]] && mapfile -t COMPREPLY < <(compgen -f -- "$current")
      [[ $what == directory ]] && mapfile -t COMPREPLY < <(compgen -d -- "$current")
      return
      ;;
  esac
  # Names may hold blanks and quotes. What is typed is never evaluated: it may hold anything.
  local typed=${current//\\/} quoted=${current:0:1}
  [[ $quoted == \" || $quoted == \' ]] && typed=${typed:1} || quoted=''
  # Only what stands behind the last break is replaced.
  local kept=''
  if [[ -z $quoted ]]; then
    for at in : = @; do
      [[ $COMP_WORDBREAKS == *"$at"* && $typed == *"$at"* ]] || continue
      word=${typed%"${typed##*"$at"}"}
      ((${#word} > ${#kept})) && kept=$word
    done
  fi
  while IFS= read -r word; do
    [[ $word == "$typed"* ]] || continue
    word=${word#"$kept"}
    if [[ -n $quoted ]]; then COMPREPLY+=("$word"); else COMPREPLY+=("$(printf '%q' "$word")"); fi
  done < <(_baton_words "$what" "$1")
}

complete -F _baton baton
