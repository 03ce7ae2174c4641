/** The programs that baton needs or that people ask about, and their versions. */
import { access, constants } from 'node:fs/promises';
import { arch, cpus, release } from 'node:os';
import { join } from 'node:path';
import { readRegular } from '../../daemon/system/regular-file.ts';
import { findProgram } from '../crontab/look.ts';
import { codeOf } from '../terminal/output.ts';
import { BATOND } from './config.ts';
import * as say from './doctor-messages.ts';
import { type Finding, ok, wrong } from './finding.ts';
import { type Answer, run } from './limits.ts';

/** As "engines" in package.json. */
export const NODE_LEAST = '20.15';
const KEEPER = join(import.meta.dirname, '../daemon/keeper.pl');
const OS_FILE = '/etc/os-release';
const OS_BYTES_MAX = 65_536;

interface Program {
  readonly name: string;
  readonly argv: readonly [string, ...string[]];
  /** Finds the version in its output. */
  readonly version: RegExp;
  /** Why it is required, and its package; absent: optional. */
  readonly need?: { readonly use: string; readonly debian: string };
}

const PROGRAMS: readonly Program[] = [
  {
    name: 'perl',
    argv: ['perl', '-e', 'printf "%vd", $^V'],
    version: /^(\d[\d.]+)/,
    need: { use: 'each run has a keeper written in Perl', debian: 'perl-base' },
  },
  {
    name: 'flock',
    argv: ['flock', '--version'],
    version: /util-linux (\S+)/,
    need: { use: 'the daemon locks its state directory with it', debian: 'util-linux' },
  },
  {
    name: 'setpriv',
    argv: ['setpriv', '--version'],
    version: /util-linux (\S+)/,
    need: { use: 'it starts targets that have a "user"', debian: 'util-linux' },
  },
  { name: 'ssh', argv: ['ssh', '-V'], version: /^OpenSSH_(\S+?),?\s/ },
  { name: 'rsnapshot', argv: ['rsnapshot', 'version'], version: /rsnapshot (\S+)/ },
  { name: 'systemd', argv: ['systemctl', '--version'], version: /^systemd (\d+)/ },
];
/** Possible crons, by package. */
const CRONS = ['cron', 'systemd-cron', 'cronie', 'bcron'];

export interface ProgramsFacts {
  readonly own: string;
  readonly node: string;
  readonly found: readonly { readonly program: Program; readonly answer: Answer }[];
  /** From the file beside this client. */
  readonly batond: Answer;
  /** The one that a shell would find. */
  readonly onPath: { readonly path: string; readonly answer: Answer } | undefined;
  readonly keeper: string | undefined;
  readonly crons: string;
}

export async function lookAtPrograms(own: string): Promise<ProgramsFacts> {
  const path = findProgram('batond', process.env['PATH'] ?? '');
  const asked = PROGRAMS.map(async (program) => ({ program, answer: await run(program.argv) }));
  const show = `--showformat=\${db:Status-Status} \${Package} \${Version}\\n`;
  const [found, batond, onPath, keeper, crons] = await Promise.all([
    Promise.all(asked),
    run([process.execPath, BATOND, '--version']),
    path === undefined ? undefined : run([path, '--version']).then((answer) => ({ path, answer })),
    access(KEEPER, constants.R_OK).then(() => undefined, codeOf),
    run(['dpkg-query', '--show', show, ...CRONS]),
  ]);
  const { node } = process.versions;
  return { own, node, found, batond, onPath, keeper, crons: crons.stdout };
}

export function judgePrograms(facts: ProgramsFacts): readonly Finding[] {
  const { own, node, found, batond, onPath, keeper } = facts;
  const ours = batond.stdout.trim();
  const others = onPath?.answer.stdout.trim() ?? '';
  const findings = [
    ...judgeNode(node),
    ...found.flatMap(({ program, answer }) => judgeProgram(program, answer)),
    ...(batond.code === 0 && ours === own
      ? []
      : [wrong('programs', say.oddProgram(BATOND, ours || batond.how))]),
    ...(onPath === undefined || others === own
      ? []
      : [wrong('programs', say.otherBatond(onPath.path, others || onPath.answer.how, own))]),
    ...(keeper === undefined ? [] : [wrong('programs', say.missingFile(KEEPER, keeper))]),
  ];
  return [...findings, ok('programs', versionsOf(facts))];
}

/** An older one starts, and fails later. */
export function judgeNode(version: string): readonly Finding[] {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [leastMajor = 0, leastMinor = 0] = NODE_LEAST.split('.').map(Number);
  const isOld = major < leastMajor || (major === leastMajor && minor < leastMinor);
  return isOld ? [wrong('programs', say.oldNode(version, NODE_LEAST))] : [];
}

export function judgeProgram(
  { name, need, version }: Pick<Program, 'name' | 'need' | 'version'>,
  answer: Answer,
): readonly Finding[] {
  if (need === undefined || versionIn(answer, version) !== undefined) return [];
  const isMissing = answer.how === 'ENOENT';
  if (isMissing) return [wrong('programs', say.missingProgram(name, need.use, need.debian))];
  return [wrong('programs', say.oddProgram(name, answer.how))];
}

function versionIn({ stdout, stderr }: Answer, version: RegExp): string | undefined {
  return (version.exec(stdout) ?? version.exec(stderr))?.[1];
}

function versionsOf({ own, node, found, crons }: ProgramsFacts): string {
  const installed = crons.split('\n').flatMap((line) => {
    const [, name, version] = /^installed (\S+) (\S+)$/.exec(line) ?? [];
    return name === undefined ? [] : [`${name} ${version}`];
  });
  const others = found.map(
    ({ program, answer }) => `${program.name} ${versionIn(answer, program.version) ?? '(none)'}`,
  );
  const cron = installed.length === 0 ? 'cron (no package)' : installed.join(', ');
  return [`baton ${own}`, `node ${node}`, ...others, cron].join(', ');
}

/** The machine, for a report. */
export function describeMachine(): string {
  const user = process.getuid?.() === 0 ? 'run as root' : `run as uid ${process.getuid?.()}`;
  const cores = cpus().length;
  return `${systemName()}, Linux ${release()}, ${arch()}, ${cores} processors, ${user}`;
}

function systemName(): string {
  try {
    const text = readRegular(OS_FILE, OS_BYTES_MAX);
    return /^PRETTY_NAME="?([^"\n]*)/m.exec(text)?.[1] ?? 'an unknown system';
  } catch {
    return 'an unknown system';
  }
}
