/** Shell texts that are lists of simple commands. Pure. */
import type { Statement } from 'unbash';
import type { SimpleCommand } from './shell.ts';

/** A command of a list, and the operator before it. */
export interface Listed {
  readonly joint: '&&' | '||' | ';';
  readonly command: SimpleCommand;
}

/** Undefined if it contains anything else, such as a pipe or a group. */
export function listOf(
  statements: readonly Statement[],
  commands: readonly SimpleCommand[],
): readonly Listed[] | undefined {
  const list: Listed[] = [];
  for (const { command, background } of statements) {
    if (background === true) return undefined;
    const nodes = command.type === 'AndOr' ? command.commands : [command];
    for (const [at, { type, pos, end }] of nodes.entries()) {
      const found = commands.find((it) => it.pos === pos && it.end === end && !it.isElsewhere);
      if (type !== 'Command' || found === undefined) return undefined;
      const operators = command.type === 'AndOr' ? command.operators : [];
      list.push({ joint: operators[at - 1] ?? ';', command: found });
    }
  }
  return list;
}
