/** contrib/completions/baton.fish: fish reads "name, tab, description" by itself. */
import { GLOBAL_OPTIONS, OLD_OPTIONS } from '../../client/command-line/manual/place.ts';
import type { Option, Verb } from '../../client/command-line/manual/verb.ts';
import {
  type Completed,
  meaning,
  NOTE,
  spellings,
  unmarked,
  valueOptions,
  verbs,
} from './words.ts';

export function fishCompletion(): string {
  const values = valueOptions.flatMap(spellings).join(' ');
  return `# fish completion for baton(1). ${NOTE}

# The verb and the operands before the cursor, without options and their values.
function __baton_words
    set -l skip no
    for word in (commandline -opc)[2..]
        if test $skip = yes
            set skip no
        else if contains -- $word ${values}
            set skip yes
        else if test "$word" = --
            # What follows is for the command of the run.
            printf '%s\\n' -- -- --
        else if not string match -q -- '-*' $word
            printf '%s\\n' $word
        end
    end
end

function __baton_needs_verb
    test (count (__baton_words)) = 0
end

# True after this verb.
function __baton_verb
    set -l words (__baton_words)
    test "$words[1]" = $argv[1]; and not contains -- -- $words
end

# True where an operand of the verb stands: $argv is the verb, and how many may stand before it.
function __baton_operand
    set -l words (__baton_words)
    test "$words[1]" = $argv[1]; or return 1
    contains -- -- $words; and return 1
    set -l before (math (count $words) - 1)
    test $before -ge $argv[2] -a $before -le $argv[3]
end

complete -c baton -f
${verbs.map(verbLine).join('\n')}
${OLD_OPTIONS.map((option) => optionLine(option, '__baton_needs_verb')).join('\n')}
${GLOBAL_OPTIONS.map((option) => optionLine(option)).join('\n')}
${verbs.flatMap(lines).join('\n')}
`;
}

function verbLine({ name, summary }: Verb): string {
  return `complete -c baton -n __baton_needs_verb -a ${name} -d ${quote(unmarked(summary))}`;
}

function lines(verb: Verb): readonly string[] {
  const { name, operands, options } = verb;
  const own: readonly Option[] = options;
  const shown = own.map((option) => optionLine(option, quote(`__baton_verb ${name}`)));
  if (operands === undefined) return shown;
  const most = Number.isFinite(operands.most) ? operands.most : 9_999;
  const range = (from: number, to: number): string =>
    quote(`__baton_operand ${name} ${from} ${to}`);
  const operand = (when: string, completed: Completed): string =>
    `complete -c baton -n ${when} ${action(completed)}`;
  if (operands.further === undefined) {
    return [...shown, operand(range(0, most - 1), operands.completes)];
  }
  const further = operand(range(1, most - 1), operands.further);
  return [...shown, operand(range(0, 0), operands.completes), further];
}

function optionLine(option: Option, when?: string): string {
  const { name, short, value, completes } = option;
  const long = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return [
    'complete -c baton',
    ...(when === undefined ? [] : [`-n ${when}`]),
    ...(short === undefined ? [] : [`-s ${short}`]),
    `-l ${long}`,
    // Without -x, fish also offers files.
    ...(value === undefined ? [] : completes === 'file' ? ['-r'] : ['-x']),
    ...(value === undefined || completes === undefined ? [] : [action(completes)]),
    `-d ${quote(meaning(option))}`,
  ].join(' ');
}

function action(completed: Completed): string {
  const names = (what: string): string => `baton names ${what} 2>/dev/null`;
  switch (completed) {
    case undefined:
      return '';
    case 'file':
      return '-F';
    case 'directory':
      return "-a '(__fish_complete_directories)'";
    case 'target':
      return `-a ${quote(`(${names('targets')})`)}`;
    case 'group':
      return `-a ${quote(`(${names('groups')})`)}`;
    case 'host':
      return `-a ${quote(`(${names('hosts')})`)}`;
    case 'run':
      return `-a ${quote(`(${names('runs')})`)}`;
    case 'run-or-target':
      return `-a ${quote(`(${names('targets')}; ${names('runs')})`)}`;
    case 'verb':
      return `-a ${quote(verbs.map(({ name }) => name).join(' '))}`;
    default:
      return `-a ${quote(completed.join(' '))}`;
  }
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
