/**
 * Commands that a crontab starts on another machine or in another root: an ssh command becomes a
 * target with the runner `ssh`; docker, chroot and the like stay as they are. None of it ever
 * becomes a command of this machine. Pure.
 */
import { CLASSIC, SYNC } from '../../policies/rsnapshot-conf.ts';
import { callsOf, contextOf, isRsnapshot, type RsnapshotCall, settingsOf } from './calls.ts';
import type { Carried } from './carried.ts';
import type { CronLine } from './crontab.ts';
import { programOf, userOf } from './direct.ts';
import type { Finding } from './findings.ts';
import * as say from './migration-messages.ts';
import { type Proposal, remoteProposal, showProposal } from './proposal.ts';
import { rewriteLine } from './rewrite.ts';
import { readShell } from './shell.ts';
import { readSsh, type SshRead, type SshRunner } from './ssh-command.ts';
import { nameOfWords } from './target-names.ts';
import { type Job, unwrap } from './unwrap.ts';

type ElsewhereJob = Extract<Job, { readonly kind: 'elsewhere' }>;

export interface Remote {
  readonly runner: SshRunner;
  readonly name: string;
  /** Those of the intervals that it runs there; if it runs none, empty. */
  readonly policies: Proposal['policies'];
  readonly notes: readonly string[];
}

export type RemoteRead =
  | { readonly kind: 'ssh'; readonly remote: Remote }
  /** It stays a command of this machine, for this reason. */
  | { readonly kind: 'stays'; readonly why: string };

/** Programs whose end does not end what they have started elsewhere. */
const LEAVING = [
  'ssh',
  'autossh',
  'docker',
  'podman',
  'nerdctl',
  'kubectl',
  'oc',
  'docker-compose',
];

export function readElsewhere(job: ElsewhereJob, line: CronLine): RemoteRead {
  const { words, carried, unclear } = job;
  const program = baseOf(job);
  if (program !== 'ssh') return { kind: 'stays', why: say.otherRoot(program) };
  const why = unclear ?? whyLocal(carried, line);
  if (why !== undefined) return { kind: 'stays', why };
  const agent = carried.env['SSH_AUTH_SOCK'] ?? settingsOf(line.settings)['SSH_AUTH_SOCK'];
  const read = readSsh(words, agent);
  return read.ok ? { kind: 'ssh', remote: remoteOf(read) } : { kind: 'stays', why: read.why };
}

/** Notes about a command that stays. */
export function noteOf(job: ElsewhereJob, why: string): readonly string[] {
  const program = baseOf(job);
  return LEAVING.includes(program) ? [say.staysLocal(program, why)] : [];
}

/** Lines that start rsnapshot elsewhere: what to write instead, or why to leave them. */
export function findElsewhere(line: CronLine): readonly Finding[] {
  const context = contextOf(line);
  const { commands, why } = readShell(line.command, context.isBash, context.variables);
  return commands.flatMap((command): readonly Finding[] => {
    const job = unwrap(command, context);
    if (job.kind !== 'elsewhere') return [];
    const levels = levelsIn(job);
    if (levels.length === 0) return [];
    const program = baseOf(job);
    const read = readElsewhere(job, line);
    if (why !== undefined || read.kind === 'stays') {
      const reason = why ?? (read.kind === 'stays' ? read.why : '');
      return [{ line, text: say.leaveElsewhere(levels, program, reason), isRemark: true }];
    }
    const { name, runner, policies, notes } = read.remote;
    const text = say.runsElsewhere(levels, runner.host);
    const call = { edits: job.edits, text: `${programOf(line)} run ${name} --wait` };
    const instead = rewriteLine(line, [call], 'root');
    const proposal = remoteProposal(runner, job.carried, policies);
    return [{ line, text, instead, targets: [showProposal(name, proposal)], notes }];
  });
}

/** The keys and the agent are the user's, but the daemon runs as root. */
function whyLocal({ user, env, inside }: Carried, line: CronLine): string | undefined {
  const own = user ?? userOf(line) ?? 'root';
  if (own !== 'root') return say.keysOf(own);
  const [odd] = Object.keys(env).filter((name) => name !== 'SSH_AUTH_SOCK');
  if (odd !== undefined) return say.needsVariable(odd);
  return inside[0] === undefined ? undefined : say.insideOf(inside[0]);
}

function remoteOf({ runner, text, notes }: SshRead & { readonly ok: true }): Remote {
  const calls = callsIn(text);
  const words = runner.args ?? readShell(text, false).commands[0]?.words.map((it) => it.text) ?? [];
  return {
    runner,
    name: `${nameOfWords(words)}-on-${runner.host.replace(/[^\w.-]+/g, '_')}`,
    policies: calls.slice(-1).map((call) => policyOf(call, runner.host)),
    notes,
  };
}

/** Only the order of the classic names is known: the conf is on the other machine. */
function policyOf({ level, conf }: RsnapshotCall, host: string): Proposal['policies'][number] {
  const isClassic = level === SYNC || CLASSIC.some((names) => names.includes(level));
  return isClassic
    ? { type: 'rsnapshot', interval: level }
    : { type: 'cardinality', group: `${host}:${conf}` };
}

function callsIn(text: string): readonly RsnapshotCall[] {
  const settings = { all: [], count: 0 };
  return callsOf({ command: text, settings }).flatMap((it) => (it.kind === 'rsnapshot' ? it : []));
}

/** For ssh, from the command for the other shell; for the others, from their words. */
function levelsIn(job: ElsewhereJob): readonly string[] {
  const texts = job.words.map(({ value, text }) => value ?? text);
  const read = baseOf(job) === 'ssh' ? readSsh(job.words) : undefined;
  const at = texts.findIndex((text) => isRsnapshot(text.split(/\s/, 1)[0] ?? ''));
  const text = read?.ok === true ? read.text : at < 1 ? '' : texts.slice(at).join(' ');
  return callsIn(text).map(({ level }) => level);
}

function baseOf({ words }: ElsewhereJob): string {
  const name = words[0]?.value ?? '';
  return name.slice(name.lastIndexOf('/') + 1);
}
