/** Shell words that look up a program by its name. Pure. */
import type { Word } from 'unbash';

/** `$(which rsnapshot)`, `$(command -v rsnapshot)`: the program by its name. */
export function lookedUp({ parts }: Word): string | undefined {
  const [part, ...others] = parts ?? [];
  const only = part?.type === 'DoubleQuoted' && part.parts.length === 1 ? part.parts[0] : part;
  if (others.length > 0 || only?.type !== 'CommandExpansion') return undefined;
  const command = only.script?.commands[0]?.command;
  if (command?.type !== 'Command' || only.script?.commands.length !== 1) return undefined;
  const words = [command.name, ...command.args].flatMap((it) => (it?.type === 'Word' ? it : []));
  const text = words.map(({ value }) => value).join(' ');
  return /^(?:which|command -v|type -p) ([\w./-]+)$/.exec(text)?.[1];
}
