/** contrib/completions/_baton: for zsh, with its own _arguments. */
import type { Option, Verb } from '../../client/command-line/manual/verb.ts';
import { type Completed, meaning, NOTE, optionsOf, spellings, unmarked, verbs } from './words.ts';

export function zshCompletion(): string {
  const described = verbs.map(
    ({ name, summary }) => `    ${quote(`${name}:${unmarked(summary)}`)}`,
  );
  return `#compdef baton
# zsh completion for baton(1). ${NOTE}

# Names come with a tab and a word about them. $1 is what to list, the rest is for _describe.
_baton_names() {
  local -a lines described
  local line
  lines=("\${(@f)$(_call_program names baton names $1 2>/dev/null)}")
  for line in $lines; do
    # A colon ends a name for _describe.
    described+=("\${\${line%%$'\\t'*}//:/\\\\:}\${\${(M)line%$'\\t'*}:+:\${line#*$'\\t'}}")
  done
  shift
  _describe -t names "$1" described
}

_baton_target() { _baton_names targets target }
_baton_group() { _baton_names groups group }
_baton_host() { _baton_names hosts host }
_baton_run() { _baton_names runs run }
_baton_run_or_target() { _alternative 'targets:target:_baton_target' 'runs:run:_baton_run' }

_baton_verb() {
  local -a verbs=(
${described.join('\n')}
  )
  _describe -t commands command verbs
}

_baton() {
  local curcontext=$curcontext state line ret=1
  typeset -A opt_args
  _arguments -C \\
${optionsOf()
  .map((option) => `    ${spec(option)} \\`)
  .join('\n')}
    '1: :_baton_verb' \\
    '*:: :->operands' && ret=0
  [[ $state == operands ]] || return ret
  curcontext="\${curcontext%:*:*}:baton-$line[1]:"
  case $line[1] in
${verbs.map(branch).join('\n')}
  esac
  return ret
}

_baton "$@"
`;
}

function branch(verb: Verb): string {
  const parts = [...optionsOf(verb).map(spec), ...operandsOf(verb)];
  const lines = parts.map((part) => `        ${part}`).join(' \\\n');
  return `    ${verb.name})\n      _arguments \\\n${lines} && ret=0\n      ;;`;
}

function operandsOf({ operands }: Verb): readonly string[] {
  if (operands === undefined) return [];
  const what = /[A-Za-z]+/.exec(operands.show)?.[0].toLowerCase() ?? '';
  const first = quote(`1:${what}:${action(operands.completes)}`);
  if (operands.most === 1) return [first];
  const further = operands.further ?? operands.completes;
  return [first, quote(`*:${typeof further === 'string' ? further : what}:${action(further)}`)];
}

/** An option in the format of _arguments: '(-f --follow)'{-f,--follow}'[meaning]'. */
function spec(option: Option): string {
  const { value, completes } = option;
  const names = spellings(option);
  const told = `[${meaning(option).replace(/[[\]:\\]/g, '\\$&')}]`;
  const rest = quote(value === undefined ? told : `${told}:${value}:${action(completes)}`);
  // A value may also be in the same word: -E75, --limit=3.
  const mark = (name: string): string => (name.startsWith('--') ? `${name}=` : `${name}+`);
  const marked = value === undefined ? names : names.map(mark);
  const [one = ''] = marked;
  return names.length === 1
    ? `${one}${rest}`
    : `'(${names.join(' ')})'{${marked.join(',')}}${rest}`;
}

function action(completed: Completed): string {
  if (completed === undefined) return ' ';
  if (typeof completed !== 'string') return `(${completed.join(' ')})`;
  if (completed === 'file') return '_files';
  if (completed === 'directory') return '_files -/';
  return `_baton_${completed.replaceAll('-', '_')}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
