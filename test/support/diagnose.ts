/** Runs the real `baton doctor` and compares its findings with the faults of a set-up. */
import assert from 'node:assert/strict';
import { BATON, Baton, type BatonEnd } from './fake-daemon.ts';

interface Found {
  readonly look: string;
  readonly level: 'wrong' | 'note' | 'ok';
  readonly found: string;
  readonly expected?: string;
  readonly todo?: string;
}

export interface Diagnosis {
  readonly status: number | NodeJS.Signals | null;
  /** As people read it, if requested; else "". */
  readonly text: string;
  readonly findings: readonly Found[];
}

export interface How {
  readonly env: Readonly<Record<string, string>>;
  readonly words?: readonly string[];
  /** Run a second time, for people, to check that the lines fit. */
  readonly isRead?: boolean;
  readonly uid?: number | undefined;
  /** A prefix of the command: another namespace. */
  readonly within?: readonly string[];
  /** Another copy of the client. */
  readonly client?: string;
}

export async function diagnose(how: How): Promise<Diagnosis> {
  const [json, plain] = await Promise.all([
    run(how, ['--json']),
    how.isRead === true ? run(how, []) : undefined,
  ]);
  assert.equal(json.stderr, '');
  const { findings, wrong } = JSON.parse(json.text) as { findings: Found[]; wrong: number };
  const wrongs = findings.filter(({ level }) => level === 'wrong');
  assert.equal(wrongs.length, wrong);
  for (const { found, expected, todo, level } of findings) {
    for (const part of [found, expected, todo]) {
      if (part === undefined) assert.equal(level, 'ok');
      else assert.match(part, /^[^\s\p{Cc}].*[^\s.\p{Cc}]$/u);
    }
  }
  if (plain !== undefined) assertReadable(plain, json.status);
  return { status: json.status, text: plain?.text ?? '', findings };
}

/** The worst first, and no line is too long. */
function assertReadable({ text, status, stderr }: BatonEnd, expected: BatonEnd['status']): void {
  assert.equal(stderr, '');
  assert.equal(status, expected);
  const lines = text.split('\n');
  for (const line of lines) assert.ok([...line].length <= 80, line);
  const levels = ['wrong', 'note', 'ok'];
  const shown = lines.flatMap((line) => levels.indexOf(line.split(' ', 1)[0] ?? ''));
  const order = shown.filter((rank) => rank >= 0);
  assert.deepEqual(order, order.toSorted(), text);
}

function run({ env, words = [], within = [], client = BATON, uid }: How, more: readonly string[]) {
  const [program = '', ...rest] = [...within, process.execPath, client];
  const options = { program: [program, ...rest] as const, ...(uid === undefined ? {} : { uid }) };
  return new Baton(['doctor', ...more, ...words], { ...env, COLUMNS: '80' }, options).ended;
}

/** One fault: in which check it was seen, what was found, and what to do. */
export type Wrong = readonly [look: string, found: RegExp, todo: RegExp];

/** Exactly these are wrong. */
export function assertWrong({ status, findings }: Diagnosis, ...wrongs: Wrong[]): void {
  const found = findings.filter(({ level }) => level === 'wrong');
  assert.deepEqual(
    found.map(({ look }) => look),
    wrongs.map(([look]) => look),
    JSON.stringify(found, null, 2),
  );
  for (const [at, [, what, todo]] of wrongs.entries()) {
    assert.match(found[at]?.found ?? '', what);
    assert.match(found[at]?.todo ?? '', todo);
  }
  assert.equal(status, wrongs.length === 0 ? 0 : 1);
}
