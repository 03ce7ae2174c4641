/**
 * Finds calls of rsnapshot and baton in a shell's command line. No shell: it splits at blanks and at
 * the signs between commands, which is what crontabs consist of. What it cannot see (a script that
 * calls rsnapshot) it does not report. Pure.
 */
import { confOfCommand, verbOfCommand } from '../../policies/rsnapshot-conf.ts';

export interface RsnapshotCall {
  readonly kind: 'rsnapshot';
  readonly conf: string;
  readonly level: string;
}

type Call = RsnapshotCall | { readonly kind: 'baton'; readonly target: string };

/** Where rsnapshot reads its configuration unless `-c` says otherwise. */
export const CONF_DEFAULT = '/etc/rsnapshot.conf';

/** Commands of rsnapshot that start no run (sync does). */
const OTHERS = [
  'configtest',
  'du',
  'diff',
  'help',
  'version',
  'check-config-version',
  'upgrade-config-file',
];

/** A word may hold quoted blanks. */
const WORD = /(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s"'])+/g;
/** Between two commands of a line; a redirection ends the arguments as well. */
const SEPARATOR = /(\|\||&&|[;|&()]|\d*[<>]+&?\s*\S*)/;

export function callsOf(command: string): readonly Call[] {
  return partsOf(command).flatMap((part) => callIn(part) ?? []);
}

/** The command line with each call of rsnapshot replaced; guards around it go with it. */
export function replaceCalls(
  command: string,
  replacement: (call: RsnapshotCall) => string,
): string {
  return partsOf(command)
    .map((part) => {
      const call = callIn(part);
      if (call?.kind !== 'rsnapshot') return part;
      const [, before = '', after = ''] = /^(\s*).*?(\s*)$/s.exec(part) ?? [];
      return `${before}${replacement(call)}${after}`;
    })
    .join('');
}

/** All of the line, cut before and behind each sign; a comment is a part of its own. */
function partsOf(command: string): readonly string[] {
  const [, code = '', comment = ''] = /^(.*?)((?:^|\s)#.*)?$/s.exec(command) ?? [];
  return [...code.split(SEPARATOR), comment];
}

function callIn(part: string): Call | undefined {
  if (part.trimStart().startsWith('#')) return undefined;
  const words = (part.match(WORD) ?? []).map(unquote);
  const level = verbOfCommand(words);
  if (level !== undefined && /^\w+$/.test(level) && !OTHERS.includes(level)) {
    return { kind: 'rsnapshot', conf: confOfCommand(words) ?? CONF_DEFAULT, level };
  }
  const at = words.findIndex((word) => /(^|\/)baton$/.test(word));
  const target = at < 0 ? undefined : targetOf(words.slice(at + 1));
  return target === undefined ? undefined : { kind: 'baton', target };
}

/** Options of `run` that take a value in the next word. */
const VALUED = ['-E', '--error-code', '--connect-timeout', '--socket'];

function targetOf(words: readonly string[]): string | undefined {
  const t = words.findIndex((word) => word === '-t' || word === '--target');
  if (t >= 0) return words[t + 1];
  const plain = words.filter(
    (word, at) => !word.startsWith('-') && !VALUED.includes(words[at - 1] ?? ''),
  );
  return plain[0] === 'run' ? plain[1] : undefined;
}

function unquote(word: string): string {
  return word.replace(/"((?:[^"\\]|\\.)*)"|'([^']*)'/g, (_, double?: string, single?: string) =>
    double === undefined ? (single ?? '') : double.replace(/\\(.)/g, '$1'),
  );
}
