/**
 * The directory of a run is moved while the run ends: it is found in its new place, both by the
 * daemon that takes over the run and by the keeper that writes how it ended.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { CommandInput } from '../../../daemon/core/command.ts';
import { ProcessKeepers } from '../../../daemon/keepers/process-keepers.ts';
import { KeeperRouter } from '../../../daemon/keepers/router.ts';
import { RunDirectories } from '../../../daemon/keepers/run-directories.ts';
import type { KeeperId } from '../../../daemon/shared/run.ts';
import { bootId, seemsAlive, statOf } from '../../../daemon/system/proc.ts';
import { writeStatus } from '../../../runners/ssh-keeper/status-writer.ts';
import { directory } from '../../support/config.ts';
import { ManualClock, SpokenLog } from '../../support/parts.ts';

const NONCE = 'nonce';
/** A keeper that is alive and holds no record: its command has ended, but it has not exited yet. */
const ENDED: KeeperId = {
  ...{ pid: process.pid, startTime: statOf(process.pid)?.startTime ?? 0 },
  ...{ bootId: bootId(), nonce: NONCE, was: 1 },
};
const EXIT_7 = '{"started":true,"code":7,"signal":null,"core":false,"stage":null,"errno":null}\n';
const TIMES = { tookMs: 1, steadyMs: 1, wallMs: 1, termMs: null, lostBytes: 0 };

function stage(t: TestContext) {
  const [state, clock, log] = [directory(t), new ManualClock(), new SpokenLog().pino];
  const posts: CommandInput[] = [];
  const post = (input: CommandInput): void => void posts.push(input);
  const directories = new RunDirectories({ directory: state, nonce: NONCE, log });
  const keepers = new ProcessKeepers({ directories, clock, log, post });
  mkdirSync(join(state, 'aside'));
  mkdirSync(join(state, 'runs'));
  const posted = async <T extends CommandInput['type']>(type: T) => {
    for (;;) {
      const isIt = (input: CommandInput): input is CommandInput & { type: T } =>
        input.type === type;
      const found = posts.find(isIt);
      if (found !== undefined) return found;
      clock.advance(50);
      await setImmediate();
    }
  };
  return { state, clock, log, posts, post, posted, directories, keepers };
}

test('a run of another life that ends just before it is taken over has its true end', (t) => {
  const { state, clock, log, posts, post, directories, keepers } = stage(t);
  const router = new KeeperRouter({
    ...{ process: keepers, ssh: keepers, slurm: keepers, directories, clock, log, post },
  });
  const aside = join(state, 'aside', `1.${NONCE}`);
  mkdirSync(aside);
  router.adopt({ run: 2, target: 'one', merged: true, startNonce: NONCE }, 1, ENDED);
  assert.equal(posts.length, 0, 'something is told of it');
  writeFileSync(join(directories.of(2), `status.1.${NONCE}`), EXIT_7);
  clock.advance(1_000);
  const [told] = posts;
  assert.equal(told?.type === 'reported' && told.report.code, 7);
  assert.ok(!existsSync(aside));
});

test('a keeper writes how its run ended into the directory that is moved meanwhile', async (t) => {
  const { state, posted, keepers } = stage(t);
  const [here, there, gate] = [join(state, 'runs', '1'), join(state, 'there'), join(state, 'gate')];
  spawnSync('mkfifo', [gate]);
  await keepers.start({ run: 1, target: 'one', merged: true }, 1, {
    ...{ keeper: 'process', env: {} },
    args: ['/bin/sh', '-c', `echo > '${gate}'; read line < '${gate}'; exit 7`],
  });
  const { keeper } = await posted('kept');
  keepers.go(1);
  readFileSync(gate);
  for (let moves = 0; seemsAlive(keeper); moves++) {
    renameSync(here, there);
    // Only now, so that its end comes while the directory is moved, however fast it is.
    if (moves === 0) writeFileSync(gate, 'go\n');
    renameSync(there, here);
    if (moves % 1_000 === 0) await setImmediate();
  }
  const { report } = await posted('reported');
  assert.equal(report.code, 7);
});

test('a keeper of SSH runs asks again for a directory that was moved while it wrote', async (t) => {
  const { state } = stage(t);
  const path = join(state, 'runs', 'status');
  const places = [join(state, 'vanished', 'status'), path];
  await writeStatus(() => places.shift() ?? path, { kind: 'exited', code: 7 }, TIMES);
  assert.match(readFileSync(path, 'utf8'), /"code":7/);
});
