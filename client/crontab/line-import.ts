/**
 * Makes targets of a line of a crontab, whatever it runs, and the line that asks for them. One simple
 * command becomes the target's `args`; a call of rsnapshot in a longer line is replaced where it
 * stands; any other line is what it was, in the hands of its shell. Pure.
 */

import { callsOf, contextOf, settingsOf } from './calls.ts';
import type { CronLine } from './crontab.ts';
import {
  holdLocks,
  isLevel,
  locksOf,
  programOf,
  type Rewritten,
  refusalOfLevel,
  rewriteCalls,
  userOf,
  type Whole,
} from './direct.ts';
import type { Knowledge } from './findings.ts';
import * as say from './migration-messages.ts';
import { readCommand } from './percent.ts';
import { type Proposal, proposalOf } from './proposal.ts';
import { rewriteLine } from './rewrite.ts';
import { readShell, type ShellRead, type ShellWord, type SimpleCommand } from './shell.ts';
import { type Carried, type Edits, type Job, NOTHING_CARRIED, unwrap } from './unwrap.ts';

export type LineImport =
  | (Rewritten & { readonly kind: 'imported' })
  /** As it is, for this reason. */
  | { readonly kind: 'left'; readonly why: string };

/** What the new target runs, and where its request goes in the line. */
interface Work {
  readonly args: readonly string[];
  readonly carried: Carried;
  readonly edits: Edits;
  readonly name: string;
}

/** Programs that only prepare for what a line is about. */
const PREPARING = [
  'cd',
  'test',
  '[',
  'export',
  'sleep',
  'mkdir',
  'umask',
  'set',
  '.',
  'source',
  'if',
];
const NAME_CHARS_MAX = 40;

/** `pick` makes a wanted name one that no other target has. */
export function importLine(
  line: CronLine,
  known: Knowledge,
  whole: Whole,
  pick: (wanted: string) => string,
): LineImport {
  if (line.fault !== undefined) return left(say.refusedByCron(line.fault));
  const calls = callsOf(line);
  if (calls.some(({ kind }) => kind === 'baton')) return left(say.batonAlready());
  const direct = calls.flatMap((call) => (call.kind === 'rsnapshot' ? call : []));
  const meant = direct.filter((call) => call.isGuess !== true || isLevel(call, known));
  const wrong = meant.find((call) => !isLevel(call, known));
  if (wrong !== undefined) return left(refusalOfLevel(wrong, known));
  const odd = meant.find(({ unclear }) => unclear !== undefined)?.unclear;
  if (odd !== undefined) return left(say.byHand(odd));
  if (meant.length > 0) return { kind: 'imported', ...rewriteCalls(line, meant, known, whole) };
  return importOther(line, whole, pick);
}

function importOther(line: CronLine, whole: Whole, pick: (wanted: string) => string): LineImport {
  const context = contextOf(line);
  const read = readShell(line.command, context.isBash, context.variables);
  if (readCommand(line.text, line.commandAt).hasInput) return left(say.byHand(say.inputFromCron()));
  if (read.why !== undefined) return left(say.byHand(read.why));
  const [first] = read.commands;
  if (first === undefined) return left(say.byHand(say.noProgram()));
  const job = read.isOne ? unwrap(first, context) : undefined;
  const work = simpleWork(first, job) ?? shellWork(line, read);
  const carried = holdLocks(work.carried, whole);
  const name = pick(work.name);
  const user = userOf(line);
  const origin = { settings: line.settings, ...(user === undefined ? {} : { user }) };
  const { policies, notes } = policiesOf(carried, line, whole);
  const bare = { ...carried, locks: [] };
  const waits = carried.locks.find(({ maxWait }) => maxWait !== undefined)?.maxWait;
  const proposal: Proposal = {
    ...proposalOf(work.args, bare, origin, policies),
    ...(waits === undefined ? {} : { maxWait: waits }),
  };
  const isOthers = user !== undefined && user !== 'root' && line.user === undefined;
  return {
    kind: 'imported',
    text: rewriteLine(
      line,
      [{ edits: work.edits, text: `${programOf(line)} run ${name} --wait` }],
      'root',
    ),
    targets: new Map([[name, proposal]]),
    notes: [...carried.notes, ...notes, ...(isOthers ? [say.ownUser(user)] : [])],
  };
}

/** One command whose words are all known, and whose input is nobody's. */
function simpleWork(command: SimpleCommand, job: Job | undefined): Work | undefined {
  const reads = command.redirections.some(
    ({ operator, target }) => operator.startsWith('<') && target?.value !== '/dev/null',
  );
  if (job === undefined || reads) return undefined;
  if (job.kind === 'elsewhere' && command.assignments.length === 0) {
    const args = valuesOf(command.words);
    const [head, tail] = [command.words[0], command.words.at(-1)];
    if (args === undefined || head === undefined || tail === undefined) return undefined;
    if (command.redirections.some(({ pos }) => pos < tail.end)) return undefined;
    const edits = { removed: [], replaced: { pos: head.pos, end: tail.end }, keeps: false };
    return { args, carried: NOTHING_CARRIED, edits, name: nameOfWords(args) };
  }
  if (job.kind !== 'program' || job.unclear !== undefined) return undefined;
  const args = valuesOf(job.words);
  if (args === undefined || isShellsOwn(args[0] ?? '')) return undefined;
  return { args, carried: job.carried, edits: job.edits, name: nameOfWords(args) };
}

/** All of the line, as cron hands it to the shell. */
function shellWork(line: CronLine, { commands }: ShellRead): Work {
  const shell = settingsOf(line.settings)['SHELL'] ?? '/bin/sh';
  const end = line.command.trimEnd().length;
  const edits = { removed: [], replaced: { pos: 0, end }, keeps: false };
  const context = contextOf(line);
  const programs = commands.map((command) => {
    const job = unwrap(command, context);
    const words = job.kind === 'program' ? job.words : command.words;
    return words.map(({ value, text }) => value ?? text);
  });
  const main = programs.find(([program = '[']) => !PREPARING.includes(program)) ?? [];
  const args = [shell, '-c', line.command.trimEnd()];
  return { args, carried: NOTHING_CARRIED, edits, name: nameOfWords(main) };
}

/** At most one run of it at a time, or of all that took its lock. */
function policiesOf({ locks }: Carried, line: CronLine, whole: Whole) {
  const notes: string[] = [];
  const policies = locks.map(({ path, whenFull }) => {
    const others = whole.locks.get(path) ?? [];
    const isShared = others.some((it) => it !== line);
    notes.push(say.scriptLock(path));
    return {
      type: 'cardinality',
      ...(isShared ? { group: path } : {}),
      ...(whenFull === 'queue' ? {} : { whenFull }),
    };
  });
  return { policies: policies.length > 0 ? policies : [{ type: 'cardinality' }], notes };
}

/** The locks that a line goes on to take itself. */
export function locksHeld(line: CronLine, result: LineImport | undefined): readonly string[] {
  const locks = locksOf(line);
  if (result?.kind !== 'imported') return locks;
  const args = [...result.targets.values()].flatMap(({ runner }) => runner.args);
  return locks.filter((path) => [result.text, ...args].some((text) => text.includes(path)));
}

function left(why: string): LineImport {
  return { kind: 'left', why };
}

function valuesOf(words: readonly ShellWord[]): readonly string[] | undefined {
  const values = words.flatMap(({ value, found }) => value ?? found ?? []);
  return values.length === words.length ? values : undefined;
}

/** What is no program of its own. */
function isShellsOwn(name: string): boolean {
  return [
    'cd',
    '.',
    ':',
    'source',
    'eval',
    'exec',
    'export',
    'set',
    'ulimit',
    'umask',
    'type',
  ].includes(name);
}

/** `borg create …` is "borg-create", `/root/bin/dump.sh` is "dump". */
function nameOfWords([program = 'job', next = '']: readonly string[]): string {
  const base = program
    .slice(program.lastIndexOf('/') + 1)
    .replace(/\.(?:sh|bash|pl|py|rb|php)$/, '')
    .replace(/[^\w.-]+/g, '_')
    .replace(/^[-.]+/, '');
  const isVerb = /^[a-z][a-z-]{1,20}$/.test(next);
  return `${base === '' ? 'job' : base}${isVerb ? `-${next}` : ''}`.slice(0, NAME_CHARS_MAX);
}
