/** contrib/completions/baton.bash: for bash 4 and later, with or without bash-completion. */
import type { Option, Verb } from '../../client/command-line/manual/verb.ts';
import { type Completed, NOTE, optionsOf, spellings, valueOptions, verbs } from './words.ts';

export function bashCompletion(): string {
  const named = verbs.map(({ name }) => name).join(' ');
  return `# shellcheck shell=bash
# bash completion for baton(1). ${NOTE}

# The words that may stand here, one a line; what the person has typed so far is matched later.
_baton_words() {
  case $1 in
    target) "$2" names targets 2>/dev/null | cut -f1 ;;
    group) "$2" names groups 2>/dev/null | cut -f1 ;;
    host) "$2" names hosts 2>/dev/null | cut -f1 ;;
    run) "$2" names runs 2>/dev/null | cut -f1 ;;
    run-or-target) "$2" names targets 2>/dev/null | cut -f1; "$2" names runs 2>/dev/null | cut -f1 ;;
    verb) printf '%s\\n' ${named} ;;
    # A list of words, one each.
    *) tr ' ' '\\n' <<<"$1" ;;
  esac
}

# What the value of an option is.
_baton_value() {
  case $1 in
${cases(valueOptions.map((option) => [spellings(option).join('|'), kind(option.completes)]))}
    *) return 1 ;;
  esac
}

_baton_options() {
  case $1 in
${cases(verbs.map((verb) => [verb.name, optionWords(optionsOf(verb))]))}
    *) echo ${quote(optionWords(optionsOf()))} ;;
  esac
}

# What an operand is: $1 the verb, $2 how many stand before it.
_baton_operand() {
  case $1:$2 in
${cases(verbs.flatMap(operands))}
    *) echo none ;;
  esac
}

# The words up to the cursor. Readline parts them also at ":", "=" and "@", which names may hold: what
# no blank parts is one word.
_baton_words_typed() {
  local rest=$COMP_LINE part at
  for ((at = 0; at <= COMP_CWORD; at++)); do
    part=\${COMP_WORDS[at]}
    if ((at == 0)) || [[ -z $rest || $rest == [[:blank:]]* ]]; then words+=("$part")
    else words[\${#words[@]} - 1]+=$part
    fi
    rest=\${rest#"\${rest%%[![:blank:]]*}"}
    rest=\${rest#"$part"}
  done
}

_baton() {
  local verb='' count=0 word at what value words=()
  _baton_words_typed
  local last=$((\${#words[@]} - 1))
  local current=\${words[last]} previous=\${words[last - 1]}
  COMPREPLY=()
  for ((at = 1; at < last; at++)); do
    word=\${words[at]}
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
  local typed=\${current//\\\\/} quoted=\${current:0:1}
  [[ $quoted == \\" || $quoted == \\' ]] && typed=\${typed:1} || quoted=''
  # Only what stands behind the last break is replaced.
  local kept=''
  if [[ -z $quoted ]]; then
    for at in : = @; do
      [[ $COMP_WORDBREAKS == *"$at"* && $typed == *"$at"* ]] || continue
      word=\${typed%"\${typed##*"$at"}"}
      ((\${#word} > \${#kept})) && kept=$word
    done
  fi
  while IFS= read -r word; do
    [[ $word == "$typed"* ]] || continue
    word=\${word#"$kept"}
    if [[ -n $quoted ]]; then COMPREPLY+=("$word"); else COMPREPLY+=("$(printf '%q' "$word")"); fi
  done < <(_baton_words "$what" "$1")
}

complete -F _baton baton
`;
}

function operands({ name, operands: given }: Verb): readonly (readonly [string, string])[] {
  if (given === undefined) return [];
  const first = [`${name}:0`, kind(given.completes)] as const;
  if (given.most === 1) return [first];
  const rest = Number.isFinite(given.most)
    ? Array.from({ length: given.most - 1 }, (_, at) => `${name}:${at + 1}`).join('|')
    : `${name}:*`;
  return [first, [rest, kind(given.further ?? given.completes)]];
}

function kind(completed: Completed): string {
  if (completed === undefined) return 'none';
  return typeof completed === 'string' ? completed : completed.join(' ');
}

function optionWords(options: readonly Option[]): string {
  return options.flatMap(spellings).join(' ');
}

function cases(rows: readonly (readonly [string, string])[]): string {
  return rows.map(([pattern, word]) => `    ${pattern}) echo ${quote(word)} ;;`).join('\n');
}

function quote(text: string): string {
  return /^[\w-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
