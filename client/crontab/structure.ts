/**
 * How the parts of a shell command line depend on each other: which ones run only if an earlier
 * part succeeds (`&&`, `if`, `|| exit`, `set -e`), and which ones read the output of another. Pure.
 */
import { type Command, forEachChild, type Statement, type SyntaxNode } from 'unbash';
import type { Span } from './shell.ts';

interface Precondition {
  /** What has to succeed … */
  readonly needed: Span;
  /** … before this part runs. */
  readonly part: Span;
}

interface Pipe {
  readonly from: Span;
  readonly to: Span;
}

export interface Structure {
  readonly preconditions: readonly Precondition[];
  readonly pipes: readonly Pipe[];
}

export function structureOf(script: SyntaxNode): Structure {
  const preconditions: Precondition[] = [];
  const pipes: Pipe[] = [];
  const visit = (node: SyntaxNode): void => {
    preconditions.push(...preconditionsOf(node));
    if (node.type === 'Pipeline') pipes.push(...pipesOf(node.commands));
    forEachChild(node, visit);
  };
  visit(script);
  return { preconditions, pipes };
}

function pipesOf(parts: readonly Span[]): readonly Pipe[] {
  return parts.slice(1).flatMap((to, at) => {
    const from = parts[at];
    return from === undefined ? [] : [{ from, to }];
  });
}

function preconditionsOf(node: SyntaxNode): readonly Precondition[] {
  switch (node.type) {
    case 'Script':
    case 'CompoundList':
      return ofList(node.commands);
    case 'AndOr':
      return node.commands.flatMap((needed, at) => {
        // After `||`, other parts may have succeeded as well.
        if (node.operators[at] !== '&&' || node.operators[at - 1] === '||') return [];
        const or = node.operators.indexOf('||', at);
        return upTo([needed], node.commands.slice(at + 1, or < 0 ? undefined : or + 1));
      });
    case 'If':
    case 'Elif': {
      const last = node.clause.commands.at(-1)?.command;
      if (last === undefined) return [];
      const other = node.type === 'If' ? node.else : undefined;
      if (!isNegated(last)) return upTo([last], [node.then]);
      return other === undefined ? [] : [{ needed: last, part: other }];
    }
    default:
      return [];
  }
}

function ofList(statements: readonly Statement[]): readonly Precondition[] {
  const ends = statements.findIndex(({ command }) => isSetE(command));
  return statements.flatMap(({ command }, at) => {
    const parts = command.type === 'AndOr' ? command.commands : [command];
    const operator = command.type === 'AndOr' ? command.operators.at(-1) : undefined;
    const isGuarded = operator === '||' && leaves(parts.at(-1));
    if (!isGuarded && (ends < 0 || at <= ends)) return [];
    // What precedes `&&` and `||` does not end the shell by itself.
    const needed = isGuarded ? parts.slice(0, -1) : parts.slice(-1);
    return upTo(needed, statements.slice(at + 1));
  });
}

/** From the first to the last of these. */
function upTo(needed: readonly SyntaxNode[], parts: readonly Span[]): readonly Precondition[] {
  const [first, last] = [parts[0], parts.at(-1)];
  if (first === undefined || last === undefined) return [];
  const part = { pos: first.pos, end: last.end };
  return needed.filter((it) => !isNegated(it)).map((it) => ({ needed: it, part }));
}

function isNegated(node: SyntaxNode): boolean {
  return node.type === 'Pipeline' && node.prefixes.some(({ type }) => type === 'Negation');
}

/** It ends the shell, or its function. */
function leaves(node: SyntaxNode | undefined): boolean {
  if (node?.type === 'Command') return isNamed(node, 'exit') || isNamed(node, 'return');
  return node?.type === 'BraceGroup' && leaves(node.body.commands.at(-1)?.command);
}

function isSetE(node: SyntaxNode): boolean {
  return node.type === 'Command' && isNamed(node, 'set') && hasFlagE(node);
}

function hasFlagE({ suffix }: Command): boolean {
  return suffix.some((part) => part.type === 'Word' && /^-[a-z]*e/.test(part.text));
}

function isNamed({ name }: Command, wanted: string): boolean {
  return name?.text === wanted;
}
