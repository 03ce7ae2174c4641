/**
 * Converts a crontab line, whatever it runs, to targets and the line that requests them. A simple
 * command becomes the target's `args`; a call of rsnapshot in a longer line is replaced in place;
 * any other line is run by its shell as before. Pure.
 */

import { callsOf, contextOf, shellOf } from './calls.ts';
import { type Carried, NOTHING_CARRIED } from './carried.ts';
import type { CronLine } from './crontab.ts';
import {
  holdLocks,
  isLevel,
  programOf,
  type Rewritten,
  refusalOfLevel,
  rewriteCalls,
  userOf,
  type Whole,
} from './direct.ts';
import type { Edits } from './edits.ts';
import { noteOf, type Remote, readElsewhere } from './elsewhere.ts';
import type { Knowledge } from './findings.ts';
import { locksOf } from './flocks.ts';
import * as say from './migration-messages.ts';
import { type Ping, pingsOf } from './monitors.ts';
import { commandOf } from './percent.ts';
import { originOf, type Proposal, proposalOf, remoteProposal } from './proposal.ts';
import { rewriteLine } from './rewrite.ts';
import { readShell, type ShellRead, type ShellWord, type SimpleCommand } from './shell.ts';
import { nameOfWords } from './target-names.ts';
import { type Job, unwrap } from './unwrap.ts';

export type LineImport =
  | (Rewritten & { readonly kind: 'imported' })
  /** Unchanged, for this reason. */
  | { readonly kind: 'left'; readonly why: string };

/** What the new target runs, and where its request goes in the line. */
interface Work {
  readonly args: readonly string[];
  readonly carried: Carried;
  readonly edits: Edits;
  readonly name: string;
  /** On another machine. */
  readonly remote?: Remote;
  readonly notes?: readonly string[];
}

/** Programs that only prepare for the main command of a line. */
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

/** `pick` makes a name unique. */
export function importLine(
  line: CronLine,
  known: Knowledge,
  whole: Whole,
  pick: (wanted: string) => string,
): LineImport {
  if (line.fault !== undefined) return left(say.refusedBy(line.startedBy ?? 'cron', line.fault));
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
  if (commandOf(line).hasInput) return left(say.byHand(say.inputFromCron()));
  if (read.why !== undefined) return left(say.byHand(read.why));
  const [first] = read.commands;
  if (first === undefined) return left(say.byHand(say.noProgram()));
  const pings = pingsOf(read.list ?? [], line.command) ?? [];
  const job = read.isOne || pings.length > 0 ? unwrap(first, context) : undefined;
  const simple = simpleWork(first, job, line);
  const work = simple ?? shellWork(line, read);
  const carried = holdLocks(work.carried, whole);
  // A lock that stays is taken by a command of this machine.
  const remote = carried.inside.length === 0 ? work.remote : undefined;
  const name = pick(line.name ?? work.name);
  const user = userOf(line);
  const origin = originOf(line, user);
  const { policies, notes } = policiesOf(carried, line, whole);
  const bare = { ...carried, locks: [] };
  const waits = carried.locks.find(({ maxWait }) => maxWait !== undefined)?.maxWait;
  const hooks = simple === undefined ? [] : hooksOf(pings, name, pick);
  const own = [...(remote?.policies ?? []), ...policies];
  const proposal: Proposal = {
    ...(remote === undefined
      ? proposalOf(work.args, bare, origin, policies)
      : remoteProposal(remote.runner, bare, own)),
    ...(waits === undefined ? {} : { maxWait: waits }),
    ...Object.fromEntries(hooks.flatMap((hook) => hook.on.map((on) => [on, hook.name]))),
  };
  const behind = { pos: first.end, end: read.list?.at(-1)?.command.end ?? first.end };
  const edits =
    hooks.length === 0 ? work.edits : { ...work.edits, removed: [...work.edits.removed, behind] };
  const isOthers = user !== undefined && user !== 'root' && line.user === undefined;
  return {
    kind: 'imported',
    text: rewriteLine(line, [{ edits, text: `${programOf(line)} run ${name} --wait` }], 'root'),
    targets: new Map([
      [name, proposal],
      ...hooks.map((it) => [it.name, proposalOf(it.args, NOTHING_CARRIED, origin, [])] as const),
    ]),
    notes: [
      ...hooks.map((it) => say.becomesHook(it.name)),
      ...carried.notes,
      ...(work.notes ?? []),
      ...notes,
      ...(isOthers ? [say.ownUser(user)] : []),
    ],
  };
}

interface Hook extends Ping {
  readonly name: string;
}

function hooksOf(
  pings: readonly Ping[],
  name: string,
  pick: (wanted: string) => string,
): readonly Hook[] {
  return pings.map((ping) => {
    const how = ping.on.length > 1 ? '' : ping.on[0] === 'onSuccess' ? '-success' : '-failure';
    return { ...ping, name: pick(`ping-${name}${how}`) };
  });
}

/** A single command whose words are all known, and that needs no input. */
function simpleWork(
  command: SimpleCommand,
  job: Job | undefined,
  line: CronLine,
): Work | undefined {
  const reads = command.redirections.some(
    ({ operator, target }) => operator.startsWith('<') && target?.value !== '/dev/null',
  );
  if (job === undefined || reads) return undefined;
  if (job.kind === 'elsewhere') return elsewhereWork(job, line);
  if (job.kind !== 'program' || job.unclear !== undefined) return undefined;
  const args = valuesOf(job.words);
  if (args === undefined || isShellsOwn(args[0] ?? '')) return undefined;
  return { args, carried: job.carried, edits: job.edits, name: nameOfWords(args) };
}

/** With the runner ssh if possible, else unchanged with remarks. */
function elsewhereWork(
  job: Extract<Job, { readonly kind: 'elsewhere' }>,
  line: CronLine,
): Work | undefined {
  const args = valuesOf(job.words);
  if (args === undefined || job.unclear !== undefined) return undefined;
  const { carried, edits } = job;
  const read = readElsewhere(job, line);
  if (read.kind === 'ssh') {
    const { remote } = read;
    return { args, carried, edits, name: remote.name, remote, notes: remote.notes };
  }
  return { args, carried, edits, name: nameOfWords(args), notes: noteOf(job, read.why) };
}

/** The whole line, as cron passes it to the shell. */
function shellWork(line: CronLine, { commands }: ShellRead): Work {
  const shell = shellOf(line);
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

/** At most one run of it at a time, or of everything that took its lock. */
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

/** The locks that a line still takes itself. */
export function locksHeld(line: CronLine, result: LineImport | undefined): readonly string[] {
  const locks = locksOf(line);
  if (result?.kind !== 'imported') return locks;
  const args = [...result.targets.values()].flatMap(({ runner }) => runner.args ?? []);
  return locks.filter((path) => [result.text, ...args].some((text) => text.includes(path)));
}

function left(why: string): LineImport {
  return { kind: 'left', why };
}

function valuesOf(words: readonly ShellWord[]): readonly string[] | undefined {
  const values = words.flatMap(({ value, found }) => value ?? found ?? []);
  return values.length === words.length ? values : undefined;
}

/** Not a program: belongs to the shell. */
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
