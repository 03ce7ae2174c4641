/** What a socket permits: verbs, targets, and which parts of the replies are shown. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as v from 'valibot';
import { permits, type Rights } from '../../../daemon/config/rights.ts';
import { makeCatalog } from '../../../daemon/core/catalog.ts';
import { emptyState } from '../../../daemon/core/state.ts';
import type { Reply } from '../../../daemon/protocol/request.ts';
import { Request, type RequestInput } from '../../../daemon/protocol/request-schema.ts';
import { authorize } from '../../../daemon/server/access.ts';
import { target } from '../../support/core.ts';

/** One fleet of two hosts beside other targets. */
const catalog = makeCatalog([
  target('web'),
  target('db'),
  ...['one', 'two'].map((host) => target(`up@${host}`, [], { fleet: 'up' })),
]);

const at = { steadyMs: 1, wallMs: 1 };
const view = (run: number, target: string) =>
  ({ run, target, state: 'queued', acceptedAtMs: 1, waitedMs: 0 }) as const;
const targetView = (target: string, active: number) => ({
  ...{ target, runner: 'dummy', groups: [], paused: false, queued: [], waiting: 2 },
  active: Array.from({ length: active }, (_, index) => view(index, target)),
});

/** Run 1 is of target web, run 2 of target db. */
function state() {
  const made = emptyState();
  for (const [run, target] of [
    [1, 'web'],
    [2, 'db'],
  ] as const) {
    const accepted = { accepted: at, merged: true, nonce: 'life', tokens: [`token ${run}`] };
    made.tokens.set(`token ${run}`, run);
    made.runs.set(run, { run, target, state: 'queued', overtaken: 0, ...accepted });
  }
  return made;
}

const ELSEWHERE = 'use another socket (--socket), or change "allow" of this socket in config.json';
const CLOSED =
  'socket /s permits nothing: config.json has no entry of "sockets" with this "name"; ' +
  'add one and run "baton reload" on another socket';

/** The reply to a request if the service answers `answer`; undefined: it was not called. */
function ask(input: RequestInput, rights: Omit<Rights, 'socket'>, answer: Reply) {
  const replies: Reply[] = [];
  const asked: Request[] = [];
  let finished = 0;
  const service = authorize(
    (request, caller) => {
      asked.push(request);
      caller.send(answer);
      caller.finish();
    },
    () => ({ socket: '/s', ...rights }),
    () => ({ state: state(), catalog }),
  );
  service(v.parse(Request, input), {
    send: (reply) => {
      replies.push(reply);
    },
    hasRoom: () => true,
    onDrain: () => {},
    onClose: () => {},
    hold: () => {},
    finish: () => finished++,
  });
  assert.equal(finished, 1);
  assert.equal(replies.length, 1);
  return { reply: replies[0] as Reply, asked: asked[0] };
}

const done: Reply = { type: 'done' };

function isRefused(input: RequestInput, rights: Omit<Rights, 'socket'>): string | undefined {
  const { reply, asked } = ask(input, rights, done);
  if (reply.type !== 'error') {
    assert.ok(asked);
    return undefined;
  }
  assert.equal(asked, undefined, 'the service hears nothing of it');
  assert.deepEqual([reply.code, reply.exit], ['not-permitted', 77]);
  return reply.message;
}

const REQUESTS: readonly v.InferInput<typeof Request>[] = [
  { type: 'run', target: 'web' },
  { type: 'wait', run: 1 },
  { type: 'wait', run: 'web' },
  { type: 'output', of: 1 },
  { type: 'output', of: 'web' },
  { type: 'cancel', of: 1 },
  { type: 'cancel', of: 'web' },
  { type: 'status' },
  { type: 'why', of: 1 },
  { type: 'why', of: 'web' },
  { type: 'history' },
  { type: 'history', target: 'web' },
  { type: 'pause', target: 'web' },
  { type: 'resume', target: 'web' },
  { type: 'probe', target: 'web' },
  { type: 'forget', target: 'web' },
  { type: 'reload' },
];

test('a wait for a run that was found under a new number is judged by its target', () => {
  const rights = { targets: ['web'] };
  const wait = (run: number, token?: string) =>
    isRefused({ type: 'wait', run, nonce: 'other', ...(token && { token }) }, rights);
  assert.equal(wait(1), undefined);
  assert.equal(wait(2, 'token 1'), undefined, 'that is a run of web');
  assert.match(wait(1, 'token 2') ?? '', /does not permit/);
});

test('a socket of some targets pauses no group and not all, for others would wait as well', () => {
  for (const type of ['pause', 'resume'] as const) {
    const rights = { targets: ['*'] };
    const [group, all] = [
      isRefused({ type, group: 'disk' }, rights),
      isRefused({ type, all: true }, rights),
    ];
    assert.match(group ?? '', /^socket \/s does not permit group disk; it permits targets \*;/);
    assert.match(all ?? '', /^socket \/s does not permit all targets;/);
    assert.equal(isRefused({ type, group: 'disk' }, { allow: [type] }), undefined);
  }
});

test('every request there is stands in these tests', () => {
  const known = Request.options.map(({ entries }) => entries.type.literal);
  assert.deepEqual([...new Set(REQUESTS.map(({ type }) => type))].sort(), known.sort());
});

for (const request of REQUESTS) {
  const text = JSON.stringify(request);
  test(`${text} passes without rights, needs its verb in allow, and its target in targets`, () => {
    assert.equal(isRefused(request, {}), undefined);
    assert.equal(isRefused(request, { allow: [request.type] }), undefined);
    assert.equal(
      isRefused(request, { allow: [] }),
      `socket /s does not permit "${request.type}"; it permits nothing; ${ELSEWHERE}`,
    );
    assert.equal(isRefused(request, { targets: ['w*'] }), undefined);
    const hasSubject = Object.keys(request).length > 1;
    const refusal = isRefused(request, { targets: ['db', 'x*'] });
    if (!hasSubject) return assert.equal(refusal, undefined);
    assert.match(
      refusal ?? '',
      /^socket \/s does not permit (target "web"|run 1); it permits targets db, x\*; use another socket/,
    );
  });
}

test('a socket that nobody has described refuses everything and says why', () => {
  for (const request of REQUESTS) {
    assert.equal(isRefused(request, { closed: 'name' }), CLOSED);
  }
});

test('an unknown run is told by the service, but never cancelled: it could be the next one', () => {
  assert.equal(isRefused({ type: 'wait', run: 3 }, { targets: ['web'] }), undefined);
  assert.match(isRefused({ type: 'cancel', of: 3 }, { targets: ['web'] }) ?? '', /run 3/);
  assert.equal(isRefused({ type: 'cancel', of: 3 }, {}), undefined);
});

test('status shows the permitted targets and counts them alone', () => {
  const status: Reply = {
    ...{ type: 'status', version: '1', pid: 1, startedAtMs: 1, nowMs: 1, requests: 1, config: 'c' },
    ...{ running: 3, queued: 4, executing: ['web', 'db', 'db'] },
    targets: [targetView('web', 1), targetView('db', 2)],
  };
  const { reply } = ask({ type: 'status' }, { targets: ['w*'] }, status);
  assert.ok(reply.type === 'status');
  assert.deepEqual([reply.running, reply.queued, reply.executing], [1, 2, ['web']]);
  assert.deepEqual(
    reply.targets.map(({ target }) => target),
    ['web'],
  );
  assert.deepEqual(ask({ type: 'status' }, { allow: ['status'] }, status).reply, status);
});

test('history shows as many runs of permitted targets as were asked for', () => {
  const runs = [1, 2, 3, 4, 5, 6].map((run) => view(run, run % 2 === 0 ? 'db' : 'web'));
  const { reply, asked } = ask(
    { type: 'history', limit: 2 },
    { targets: ['web'] },
    { type: 'history', runs },
  );
  assert.ok(asked?.type === 'history' && asked.limit > 1_000);
  assert.ok(reply.type === 'history');
  assert.deepEqual(
    reply.runs.map(({ run }) => run),
    [1, 3],
  );
});

test('why shows the runs of permitted targets', () => {
  const chain = [view(1, 'web'), view(2, 'db')];
  const { reply } = ask({ type: 'why', of: 1 }, { targets: ['web'] }, { type: 'why', chain });
  assert.deepEqual(reply, { type: 'why', chain: [view(1, 'web')] });
});

test('how a target ended that may not be seen is not told by the run of its hook either', () => {
  const cause = { why: 'failure', target: 'db', run: 2, text: 'exited with 3' } as const;
  const own = { ...cause, target: 'web' };
  const runs = [
    { ...view(3, 'web'), cause },
    { ...view(4, 'web'), cause: own },
  ];
  const shown = [view(3, 'web'), { ...view(4, 'web'), cause: own }];
  const rights = { targets: ['web'] };
  const history = ask({ type: 'history' }, rights, { type: 'history', runs }).reply;
  assert.deepEqual(history, { type: 'history', runs: shown });
  const why = ask({ type: 'why', of: 1 }, rights, { type: 'why', chain: runs }).reply;
  assert.deepEqual(why, { type: 'why', chain: shown });
  const hook = { ...view(3, 'web'), cause };
  const target = { ...targetView('web', 0), active: runs, queued: runs, last: hook };
  const status: Reply = {
    ...{ type: 'status', version: '1', pid: 1, startedAtMs: 1, nowMs: 1, requests: 1, config: 'c' },
    ...{ running: 1, queued: 1, executing: [], targets: [target] },
  };
  const { reply } = ask({ type: 'status' }, rights, status);
  assert.ok(reply.type === 'status');
  const [seen] = reply.targets;
  assert.deepEqual([seen?.active, seen?.queued, seen?.last], [shown, shown, shown[0]]);
});

for (const [pattern, yes, no] of [
  ['web', ['web'], ['webs', 'we', '', 'WEB']],
  ['*', ['web', 'a b', ''], []],
  ['rsnap-*', ['rsnap-', 'rsnap-daily'], ['rsnap', 'xrsnap-daily']],
  ['*-daily', ['-daily', 'rsnap-daily'], ['daily', 'rsnap-daily2']],
  ['a*a', ['aa', 'aba'], ['a', 'ab']],
  ['a*b*c', ['abc', 'axbxc', 'abbc', 'abcbc'], ['ac', 'abcb', 'acb']],
  ['**', ['', 'x'], []],
  ['a.c', ['a.c'], ['abc']],
] as const) {
  test(`the pattern "${pattern}" matches whole names`, () => {
    for (const name of yes) assert.ok(permits([pattern], name), name);
    for (const name of no) assert.ok(!permits([pattern], name), name);
  });
}

test('a pattern of many stars takes no time', () => {
  const began = process.cpuUsage();
  assert.equal(permits([`${'*a'.repeat(200)}b`], 'a'.repeat(100_000)), false);
  assert.ok(process.cpuUsage(began).user < 20_000_000);
});

test('no pattern permits no target, no list permits all', () => {
  assert.equal(permits([], 'web'), false);
  assert.equal(permits(undefined, 'web'), true);
});

test('a socket that permits a fleet permits its targets, and shows them', () => {
  const rights = { targets: ['up'] };
  assert.deepEqual(ask({ type: 'run', target: 'up' }, rights, done).reply, done);
  assert.deepEqual(ask({ type: 'pause', target: 'up@one' }, rights, done).reply, done);
  assert.equal(ask({ type: 'run', target: 'web' }, rights, done).asked, undefined);
  const seen = ask({ type: 'why', of: 'up' }, rights, {
    type: 'why',
    chain: [view(7, 'up@two'), view(8, 'web')],
  });
  assert.deepEqual(seen.reply, { type: 'why', chain: [view(7, 'up@two')] });
});

test('a fleet is permitted only where all of its targets are that are meant', () => {
  const rights = { targets: ['up@one'] };
  const { reply, asked } = ask({ type: 'run', target: 'up' }, rights, done);
  assert.equal(asked, undefined);
  assert.match(JSON.stringify(reply), /does not permit target .*up@two/);
  const picked = { type: 'run' as const, target: 'up', only: ['o*'] };
  assert.deepEqual(ask(picked, rights, done).reply, done);
  assert.equal(ask({ ...picked, only: ['*'] }, rights, done).asked, undefined);
  // The service reports patterns that match no host.
  assert.deepEqual(ask({ ...picked, only: ['three'] }, rights, done).reply, done);
});
