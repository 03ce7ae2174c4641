/** A follower of output that does not exist yet costs next to nothing, and misses none of it. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { FairQueue } from '../../../daemon/server/fair-queue.ts';
import { Follower } from '../../../daemon/server/output-follower.ts';
import { CHUNK_BYTES } from '../../../daemon/server/output-frame.ts';
import { openRegular } from '../../../daemon/system/regular-file.ts';
import '../../support/scratch.ts';

const MINUTE_MS = 60_000;
const STEP_MS = 10;

/** On a clock that the test advances, in a directory that may or may not exist. */
function follow(t: TestContext, directory: string) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const seen = { opened: 0, text: '' };
  const follower = new Follower({
    directory,
    from: { out: 0, err: 0 },
    chunk: Buffer.alloc(CHUNK_BYTES),
    fairQueue: new FairQueue(),
    send: (frame) => {
      seen.text += frame.data;
    },
    hasRoom: () => true,
    done: () => {},
    failed: (why) => assert.fail(why),
    cut: () => assert.fail('there is nothing to cut'),
    disk: {
      ...fs,
      openSync: (path) => {
        seen.opened += 1;
        return openRegular(path);
      },
    },
  });
  t.after(() => follower.close());
  follower.pump();
  return {
    seen,
    /** In steps, because a timer set by a timer is due later than that. */
    pass(ms: number): void {
      for (let step = 0; step < ms; step += STEP_MS) t.mock.timers.tick(STEP_MS);
    },
    /** Notifications of the system arrive between the turns of the loop. */
    async until(isTrue: () => boolean): Promise<void> {
      while (!isTrue()) {
        await new Promise((resolve) => setImmediate(resolve));
        t.mock.timers.tick(1);
      }
    },
  };
}

const place = (): string => mkdtempSync(join(tmpdir(), 'follower-'));

test('files that are yet to be made are not looked for again and again', async (t) => {
  const directory = place();
  const { seen, pass, until } = follow(t, directory);
  pass(MINUTE_MS);
  assert.ok(seen.opened <= 30, `looked ${seen.opened} times in a minute`);
  const before = seen.opened;
  pass(10 * MINUTE_MS);
  assert.equal(seen.opened, before, 'nothing happens, and nobody looks');
  writeFileSync(join(directory, 'err'), 'late\n');
  await until(() => seen.text !== '');
  assert.equal(seen.text, 'late\n');
});

test('output that comes after a long silence is sent', async (t) => {
  const directory = place();
  writeFileSync(join(directory, 'out'), 'one,');
  const { seen, pass, until } = follow(t, directory);
  await until(() => seen.text === 'one,');
  pass(MINUTE_MS);
  writeFileSync(join(directory, 'out'), 'two,', { flag: 'a' });
  await until(() => seen.text === 'one,two,');
  pass(MINUTE_MS);
  writeFileSync(join(directory, 'err'), 'three');
  await until(() => seen.text === 'one,two,three');
});

test('a directory that is yet to be made is looked for once a second', async (t) => {
  const directory = join(place(), '1');
  const { seen, pass, until } = follow(t, directory);
  pass(MINUTE_MS);
  assert.ok(seen.opened <= 300, `looked ${seen.opened} times in a minute`);
  mkdirSync(directory);
  writeFileSync(join(directory, 'out'), 'there\n');
  await until(() => seen.text !== '');
  assert.equal(seen.text, 'there\n');
});
