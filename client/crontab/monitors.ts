/**
 * The pings after a command of a crontab: curl or wget of one URL, which tells a monitor how the
 * command ended. They become hooks of its target. Anything more complex stays in its shell. Pure.
 */
import type { Listed } from './lists.ts';
import type { ShellWord, SimpleCommand } from './shell.ts';

export interface Ping {
  readonly on: readonly ('onSuccess' | 'onFailure')[];
  readonly args: readonly string[];
}

/** After a command: one ping, or one for success and one for failure. */
const PINGS_MAX = 2;
/** Options that send or store more than a ping does. */
const TRANSFERS = ['-T', '--upload-file', '-O', '--remote-name', '-F', '--form', '-K', '--config'];
const ON = {
  '&&': ['onSuccess'],
  '||': ['onFailure'],
  ';': ['onSuccess', 'onFailure'],
} as const satisfies Readonly<Record<Listed['joint'], Ping['on']>>;

/** All commands after the first one in a list, or undefined if one of them is not a ping. */
export function pingsOf(list: readonly Listed[], text: string): readonly Ping[] | undefined {
  const [, first, second, ...others] = list;
  if (first === undefined || others.length > 0) return undefined;
  const isPair = first.joint === '&&' && second?.joint === '||';
  if (second !== undefined && !isPair) return undefined;
  const pings = list.slice(1, 1 + PINGS_MAX).flatMap(({ joint, command }): readonly Ping[] => {
    const args = argsOf(command, joint === ';' ? text : undefined);
    return args === undefined ? [] : [{ on: ON[joint], args }];
  });
  return pings.length === list.length - 1 ? pings : undefined;
}

/** `text` is given if `$?` is the status of the command before it. */
function argsOf(command: SimpleCommand, text: string | undefined): readonly string[] | undefined {
  const { words, assignments, redirections } = command;
  const isSilent = redirections.every(
    ({ operator, target }) =>
      operator.startsWith('>') && /^(?:\/dev\/null|\d)$/.test(target?.value ?? ''),
  );
  const values = words.map(({ value }) => value);
  const program = values[0] ?? '';
  if (assignments.length > 0 || !isSilent || !/(?:^|\/)(?:curl|wget)$/.test(program))
    return undefined;
  const shown = words.map((word) => word.value ?? word.text.replace(/^"/, ''));
  const addresses = shown.filter((it) => /^https?:\/\//.test(it)).length;
  const isMore = shown.some(
    (it, at) =>
      TRANSFERS.includes(it) || (/^(?:-o|--output)$/.test(it) && shown[at + 1] !== '/dev/null'),
  );
  if (addresses !== 1 || isMore) return undefined;
  const plain = values.flatMap((value) => value ?? []);
  if (plain.length === words.length) return plain;
  if (text === undefined || !words.every(isKnown)) return undefined;
  const script = text.slice(command.pos, command.end).replaceAll('$?', '$BATON_EVENT_EXIT');
  return ['/bin/sh', '-c', script];
}

/** Except for `$?`. */
function isKnown({ value, text }: ShellWord): boolean {
  return value !== undefined || /^"?[^'"`\\$]*\$\?[^'"`\\$]*"?$/.test(text);
}
