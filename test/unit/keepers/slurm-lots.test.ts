/** Pending submissions are sent together, with a script in place of sbatch. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  COMMANDS_MAX,
  RealSlurm,
  SUBMIT_MS_MAX,
  type Submitted,
} from '../../../daemon/keepers/slurm-commands.ts';
import { answersIn, SUBMITS_MAX } from '../../../daemon/keepers/slurm-lots.ts';
import { ProgramFinder } from '../../../daemon/system/find-program.ts';
import { directory } from '../../support/config.ts';
import { ManualClock } from '../../support/parts.ts';

/** The option follows eleven arguments of the runner, of which $7 is the token. */
const NOTES = 'token=$7; shift 11; printf "%s\\n" "$PPID $token $1" >> "$(dirname "$0")"/calls';

interface Call {
  readonly parent: string;
  readonly token: string;
  readonly option: string;
}

function stage(t: TestContext, script: string) {
  const place = directory(t);
  writeFileSync(join(place, 'sbatch'), `#!/bin/sh -e\n${NOTES}\n${script}\n`);
  chmodSync(join(place, 'sbatch'), 0o755);
  const clock = new ManualClock();
  const slurm = new RealSlurm(clock, new ProgramFinder(place), '/keeper.pl');
  const submit = (token: string, conf?: string, more = ''): Promise<Submitted> =>
    slurm.submit({
      ...{ token, directory: '/shared/1', attempt: 1 },
      options: [`--comment=${token}'s "$x"${more}`],
      ...(conf === undefined ? {} : { conf }),
    });
  const calls = (): readonly Call[] => {
    const path = join(place, 'calls');
    const lines = existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : [];
    return lines.map((line) => {
      const [parent = '', token = '', ...option] = line.split(' ');
      return { parent, token, option: option.join(' ') };
    });
  };
  return { clock, submit, calls };
}

/** More than run at once, so that the rest waits. */
function names(more: number): readonly string[] {
  return Array.from({ length: COMMANDS_MAX + more }, (_, at) => `t${at}`);
}

test('submissions that wait go together, and each gets its own answer to its own words', async (t) => {
  const { submit, calls } = stage(t, 'echo "1$token" | tr -d t');
  await submit('t');
  const tokens = names(3 * SUBMITS_MAX);
  const answers = await Promise.all(tokens.map((token) => submit(token)));
  assert.deepEqual(
    answers,
    tokens.map((token) => ({ kind: 'taken', job: token.replace('t', '1') })),
  );
  const [, ...made] = calls();
  assert.deepEqual(made.map(({ token }) => token).toSorted(), tokens.toSorted());
  for (const { token, option } of made) assert.equal(option, `--comment=${token}'s "$x"`);
  const shells = new Set(made.map(({ parent }) => parent));
  shells.delete(String(process.pid));
  assert.ok(shells.size >= 3 && shells.size <= 6, `${shells.size} shells for ${made.length}`);
});

test('a submission that is refused ends its lot, and the others take another turn', async (t) => {
  const { submit, calls } = stage(
    t,
    'case $token in t6) echo "sbatch: error: Invalid partition" >&2; exit 1;; esac; echo 17',
  );
  await submit('t');
  const tokens = names(SUBMITS_MAX);
  const answers = await Promise.all(tokens.map((token) => submit(token)));
  for (const [at, answer] of answers.entries()) {
    if (tokens[at] === 't6') assert.ok(answer.kind === 'refused' && /Invalid/.test(answer.why));
    else assert.deepEqual(answer, { kind: 'taken', job: '17' });
  }
  const made = calls().map(({ token }) => token);
  assert.deepEqual(made.toSorted(), ['t', ...tokens].toSorted(), 'one was submitted twice');
});

test('of a lot that is late one submission is in doubt: others are done, or not begun', async (t) => {
  const { clock, submit, calls } = stage(t, 'case $token in t6) exec sleep 1000;; esac; echo 17');
  await submit('t');
  const tokens = names(SUBMITS_MAX);
  const all = Promise.all(tokens.map((token) => submit(token)));
  while (!calls().some(({ token }) => token === 't6')) await sleep(2);
  clock.advance(SUBMIT_MS_MAX);
  const answers = await all;
  assert.deepEqual(
    answers.map(({ kind }) => kind),
    tokens.map((token) => (token === 't6' ? 'unknown' : 'taken')),
  );
  assert.equal(calls().length, 1 + tokens.length);
});

test('submissions with more words than one shell takes are submitted alone', async (t) => {
  const { submit, calls } = stage(t, 'echo 17');
  await submit('t');
  const tokens = names(SUBMITS_MAX);
  // Linux accepts 128 KiB in one argument.
  const more = 'x'.repeat((2 * 131_072) / SUBMITS_MAX);
  const answers = await Promise.all(tokens.map((token) => submit(token, undefined, more)));
  assert.deepEqual(
    answers.filter(({ kind }) => kind !== 'taken'),
    [],
  );
  assert.equal(calls().length, 1 + tokens.length);
});

test('until a cluster has taken a job, and while it does not, each is submitted alone', async (t) => {
  const { submit, calls } = stage(t, 'echo "sbatch: error: Invalid partition" >&2; exit 1');
  const answers = await Promise.all(names(SUBMITS_MAX).map((token) => submit(token)));
  assert.ok(answers.every(({ kind }) => kind === 'refused'));
  assert.ok(calls().every(({ parent }) => parent === String(process.pid)));
});

test('only submissions to one cluster go together', async (t) => {
  const { submit, calls } = stage(t, 'echo "$SLURM_CONF" | tr -d /');
  for (const conf of ['/1', '/2']) await submit('t', conf);
  const confs = names(2 * SUBMITS_MAX).map((_, at) => `/${(at % 2) + 1}`);
  const answers = await Promise.all(confs.map((conf, at) => submit(`t${at}`, conf)));
  const own = confs.map((conf) => ({ kind: 'taken', job: conf.slice(1) }));
  assert.deepEqual(answers, own);
  assert.equal(calls().length, 2 + confs.length);
});

test('what a lot says is the answer of each call that was begun', () => {
  const stdout = 'begun\n17\nended 0\nbegun\nended 1\n';
  const stderr = '\nbegun\nsee the configuration file\n\nbegun\ninvalid partition\n';
  assert.deepEqual(answersIn({ stdout, stderr }), [
    { stdout: '17\n', stderr: 'see the configuration file\n', code: 0 },
    { stdout: '', stderr: 'invalid partition\n', code: 1 },
  ]);
  assert.deepEqual(answersIn({ stdout: 'begun\n17\n', stderr: '' }), [{ stdout: '', stderr: '' }]);
  assert.deepEqual(answersIn({ stdout: '', stderr: '' }), []);
});
