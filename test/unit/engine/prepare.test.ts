/** Which parts of a start may begin before it is on the disk, and which may not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { makeCatalog } from '../../../daemon/core/catalog.ts';
import type { CommandInput } from '../../../daemon/core/command.ts';
import { emptyState } from '../../../daemon/core/state.ts';
import { Daemon } from '../../../daemon/engine/daemon.ts';
import { keeper, NEVER_RAN, NONCE, target } from '../../support/core.ts';
import { ManualClock, SpokenLog } from '../../support/parts.ts';

const LOCAL = { type: 'local', options: { type: 'local', args: ['true'] } };
const SSH = { type: 'ssh', options: { type: 'ssh', host: 'h', args: ['true'] } };

/** A daemon whose disk is as slow as the test wants, and its calls to its keepers. */
function stage() {
  const done: string[] = [];
  const syncs: (() => void)[] = [];
  const daemon = new Daemon({
    state: emptyState(),
    catalog: makeCatalog([
      target('near', [], { runner: LOCAL }),
      target('far', [], { runner: SSH }),
    ]),
    journal: {
      append: () => ({ ok: true }),
      sync: () => new Promise((resolve) => syncs.push(resolve)),
      examine: () => undefined,
      isBloated: false,
      compact: () => Promise.resolve({ ok: true }),
    },
    clock: new ManualClock(),
    nonce: NONCE,
    log: new SpokenLog().pino,
    keepers: () => ({
      start: async ({ run }, attempt) => void done.push(`start ${run}.${attempt}`),
      go: ({ run }) => done.push(`go ${run}`),
      drop: (run) => done.push(`drop ${run}`),
      adopt: () => {},
      stop: () => {},
      awaitSurvivors: () => {},
      remove: () => {},
    }),
    notify: () => {},
    fail: (error) => {
      throw error;
    },
  });
  daemon.recover();
  return {
    /** Everything that the daemon does by itself after this. */
    post: async (input: CommandInput) => {
      daemon.loop.post(input);
      for (let count = 0; count < 5; count++) await turn();
      return done.splice(0);
    },
    /** Everything written reaches the disk. */
    sync: async () => {
      for (const synced of syncs.splice(0)) synced();
      for (let count = 0; count < 5; count++) await turn();
      return done.splice(0);
    },
  };
}

const submit = (name: string): CommandInput => {
  return { type: 'submit', target: name, token: `token of ${name}`, merged: true };
};

test('a keeper is forked while its start gets on the disk, and then let go', async () => {
  const { post, sync } = stage();
  assert.deepEqual(await post(submit('near')), ['start 1.1']);
  const kept = { type: 'kept', run: 1, attempt: 1, keeper: keeper(1, 1) } as const;
  assert.deepEqual(await post({ ...kept, keeper: { ...kept.keeper, nonce: NONCE } }), []);
  assert.deepEqual(await sync(), ['go 1']);
});

test('what is started on another machine waits for the disk', async () => {
  const { post, sync } = stage();
  assert.deepEqual(await post(submit('far')), []);
  assert.deepEqual(await sync(), ['start 1.1']);
});

test('a further attempt is started after what ends the one before it', async () => {
  const { post, sync } = stage();
  await post(submit('near'));
  await sync();
  assert.deepEqual(await post({ type: 'reported', run: 1, attempt: 1, report: NEVER_RAN }), []);
  assert.deepEqual(await sync(), ['start 1.2']);
});

test('a run that is cancelled before its start is on the disk is never let go', async () => {
  const { post, sync } = stage();
  await post(submit('near'));
  assert.deepEqual(await post({ type: 'cancel', runs: [1] }), []);
  assert.deepEqual(await sync(), ['drop 1']);
});
