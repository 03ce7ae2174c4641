/** The pure parts of the wire contract: exit statuses, requests, sentences, suggestions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as v from 'valibot';
import {
  describeOutcome,
  exitStatus,
  HISTORY_RUNS_MAX,
  suggest,
} from '../../../daemon/protocol/request.ts';
import { Request } from '../../../daemon/protocol/request-schema.ts';
import type { Outcome } from '../../../daemon/shared/run.ts';

const detail = 'x: no such file or directory';

/** Every outcome, its status for the client, and its sentence. */
const OUTCOMES: readonly (readonly [Outcome, number, string])[] = [
  [{ kind: 'exited', code: 0 }, 0, 'exited with 0'],
  [{ kind: 'exited', code: 3 }, 3, 'exited with 3'],
  [{ kind: 'exited', code: 125 }, 125, 'exited with 125'],
  [{ kind: 'exited', code: 255 }, 255, 'exited with 255'],
  [{ kind: 'signalled', signal: 9, core: false }, 137, 'was killed by signal 9 (SIGKILL)'],
  [
    { kind: 'signalled', signal: 11, core: true },
    139,
    'was killed by signal 11 (SIGSEGV) (core dumped)',
  ],
  [{ kind: 'signalled', signal: 31, core: false }, 159, 'was killed by signal 31 (SIGSYS)'],
  [{ kind: 'signalled', signal: 40, core: false }, 168, 'was killed by signal 40'],
  [{ kind: 'timed-out' }, 124, 'exceeded its timeout and was stopped'],
  [{ kind: 'cancelled' }, 125, 'was cancelled before it started'],
  [{ kind: 'cancelled', signal: 15 }, 143, 'was cancelled (signal 15 (SIGTERM))'],
  [{ kind: 'cancelled', signal: 9 }, 137, 'was cancelled (signal 9 (SIGKILL))'],
  [
    { kind: 'not-started', stage: 'command', errno: 'ENOENT', detail },
    127,
    `could not be started: ${detail}`,
  ],
  [
    { kind: 'not-started', stage: 'command', errno: 'EACCES', detail },
    126,
    `could not be started: ${detail}`,
  ],
  [
    { kind: 'not-started', stage: 'directory', errno: 'ENOENT', detail },
    126,
    `could not be started: ${detail}`,
  ],
  [
    { kind: 'not-started', stage: 'user', errno: 'EPERM', detail },
    126,
    `could not be started: ${detail}`,
  ],
  [
    { kind: 'not-started', stage: 'system', errno: 'EAGAIN', detail },
    126,
    `could not be started: ${detail}`,
  ],
  [{ kind: 'expired', waitedMs: 61_400 }, 75, 'was queued for 1 min 1 s, longer than its maxWait'],
  [{ kind: 'skipped', reason: 'it was removed' }, 75, 'was skipped: it was removed'],
  [{ kind: 'lost' }, 125, 'is lost: its keeper was killed, so it is unknown how the command ended'],
  [{ kind: 'lost', detail: 'the connection broke' }, 255, 'is lost: the connection broke'],
  [{ kind: 'unreachable', phase: 'connect', detail }, 255, `could not connect: ${detail}`],
  [{ kind: 'unreachable', phase: 'auth', detail }, 255, `could not authenticate: ${detail}`],
  [
    { kind: 'unreachable', phase: 'hostkey', detail },
    255,
    `was stopped at the host key: ${detail}`,
  ],
  [{ kind: 'interrupted' }, 125, 'was interrupted: the machine was restarted during the run'],
  [
    { kind: 'interrupted', signal: 15 },
    125,
    'was interrupted: the machine was shut down during the run (signal 15 (SIGTERM))',
  ],
  [
    { kind: 'interrupted', code: 1 },
    125,
    'was interrupted: the machine was shut down during the run (the command exited with 1)',
  ],
];

test('every outcome has its exit status and its sentence', () => {
  for (const [outcome, status, sentence] of OUTCOMES) {
    const name = JSON.stringify(outcome);
    assert.equal(exitStatus(outcome), status, name);
    assert.equal(describeOutcome(outcome), sentence, name);
  }
});

test('only a command that exited with 0 has the status 0, and every status fits a byte', () => {
  for (const [outcome] of OUTCOMES) {
    const status = exitStatus(outcome);
    assert.equal(status === 0, outcome.kind === 'exited' && outcome.code === 0);
    assert.ok(status >= 0 && status <= 255);
  }
});

test('a misspelt name is answered with the most similar one, or with none', () => {
  const known = ['rsnap-daily', 'rsnap-weekly', 'borg', 'policies', 'db'];
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['rsnap-dayly', 'rsnap-daily'],
    ['rsnap_daily', 'rsnap-daily'],
    ['RSNAP-WEEKLY', 'rsnap-weekly'],
    ['polices', 'policies'],
    ['brog', 'borg'],
    ['bd', undefined],
    ['x', undefined],
    ['', undefined],
    ['dbs', 'db'],
    ['restic', undefined],
  ];
  for (const [wrong, right] of cases) assert.equal(suggest(wrong, known), right, wrong);
  assert.equal(suggest('borg', []), undefined);
});

test('a suggestion is one of the known names, and a name that is known suggests itself', () => {
  const name = fc.string({ minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(fc.array(name, { minLength: 1 }), name, (known, wrong) => {
      const best = suggest(wrong, known);
      assert.ok(best === undefined || known.includes(best));
      const [first = ''] = known;
      assert.equal(suggest(first, known)?.toLowerCase(), first.toLowerCase());
    }),
  );
});

test('what a request may leave out is filled in', () => {
  assert.deepEqual(v.parse(Request, { type: 'run', target: 't' }), {
    type: 'run',
    target: 't',
    wait: false,
    merged: true,
  });
  assert.deepEqual(v.parse(Request, { type: 'history', id: 7 }), {
    type: 'history',
    id: 7,
    limit: 50,
  });
  assert.deepEqual(v.parse(Request, { type: 'cancel', of: 3, v: 1, id: 'a' }).type, 'cancel');
});

test('a request with a wrong, missing or unknown key is refused', () => {
  const wrong: readonly unknown[] = [
    null,
    [],
    'run',
    {},
    { type: 'execute', target: 't' },
    { type: 'run' },
    { type: 'run', target: '' },
    { type: 'run', target: 't'.repeat(201) },
    { type: 'run', target: 't', command: ['rm'] },
    { type: 'run', target: 't', wait: 'yes' },
    { type: 'run', target: 't', id: {} },
    { type: 'wait', run: -1 },
    { type: 'wait', run: 1.5 },
    { type: 'wait', run: 1, from: { out: 0 } },
    { type: 'cancel', of: null },
    { type: 'history', limit: HISTORY_RUNS_MAX + 1 },
    { type: 'history', sinceMs: -1 },
    { type: 'history', outcome: 'good' },
    { type: 'status', target: 't' },
  ];
  for (const request of wrong) {
    assert.equal(v.safeParse(Request, request).success, false, JSON.stringify(request));
  }
});

test('a request has at most 100 arguments of 4096 characters, and words of 200', () => {
  const isTaken = (more: object): boolean =>
    v.safeParse(Request, { type: 'run', target: 'x', ...more }).success;
  assert.deepEqual(
    [100, 101].map((length) => isTaken({ args: Array(length).fill('') })),
    [true, false],
  );
  assert.deepEqual(
    [4_096, 4_097].map((length) => isTaken({ args: ['x'.repeat(length)] })),
    [true, false],
  );
  assert.deepEqual(
    [200, 201].map((length) => isTaken({ target: 'x'.repeat(length) })),
    [true, false],
  );
  assert.deepEqual(
    [200, 201].map((length) => isTaken({ token: 'x'.repeat(length) })),
    [true, false],
  );
});
