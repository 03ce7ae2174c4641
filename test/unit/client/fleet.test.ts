/** The output of a fleet: by host, the worst status, the table, a line of `baton status`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { inBlocks, PART_BYTES_MAX, prefixed } from '../../../client/terminal/fleet-output.ts';
import {
  fleetTable,
  type HostEnd,
  summaryOf,
  worstOf,
} from '../../../client/terminal/fleet-text.ts';
import { showStatus } from '../../../client/terminal/status-text.ts';
import { showWhy } from '../../../client/terminal/why-text.ts';
import type { RunView, TargetView, Verdict } from '../../../daemon/protocol/request.ts';
import type { Outcome } from '../../../daemon/shared/run.ts';

const screen = { columns: 80, isColoured: false, isUnicode: false };

/** What is written, by descriptor. */
function recorder() {
  const written = { 1: '', 2: '' };
  const order: string[] = [];
  const to = (fd: number, bytes: Uint8Array): undefined => {
    const text = Buffer.from(bytes).toString();
    order.push(text);
    if (fd === 1) written[1] += text;
    else written[2] += text;
  };
  return { written, order, to };
}

const bytes = (text: string): Buffer => Buffer.from(text);

test('on a terminal every line stands behind its host, and no line is torn', () => {
  const { written, to } = recorder();
  const output = prefixed(to);
  output.write('a', 'out', bytes('one\ntw'));
  output.write('b', 'out', bytes('x'));
  output.write('a', 'err', bytes('trouble\n'));
  output.write('a', 'out', bytes('o\n\nthree'));
  output.end('a');
  output.end('b');
  assert.equal(written[1], 'a: one\na: two\na: \na: three\nb: x\n');
  assert.equal(written[2], 'a: trouble\n');
});

test('a line without an end is shown in parts, and never kept as a whole', () => {
  const { written, to } = recorder();
  const output = prefixed(to);
  output.write('a', 'out', bytes('x'.repeat(PART_BYTES_MAX)));
  assert.equal(written[1], '');
  output.write('a', 'out', bytes('yz'));
  assert.equal(written[1], `a: ${'x'.repeat(PART_BYTES_MAX)}yz\n`);
});

test('whatever the pieces, the lines of each host are whole and in order', () => {
  const piece = fc.tuple(fc.constantFrom('a', 'b'), fc.stringMatching(/^[xy\n]{0,5}$/));
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const { written, to } = recorder();
      const output = prefixed(to);
      for (const [host, text] of pieces) output.write(host, 'out', bytes(text));
      output.end('a');
      output.end('b');
      for (const host of ['a', 'b']) {
        const all = pieces.map(([of, text]) => (of === host ? text : '')).join('');
        const lines = written[1].split('\n').filter((line) => line.startsWith(`${host}: `));
        const shown = lines.map((line) => `${line.slice(3)}\n`).join('');
        assert.equal(shown, all === '' || all.endsWith('\n') ? all : `${all}\n`);
      }
    }),
  );
});

test('elsewhere each host has a block under its name, on each stream that it writes to', () => {
  const { written, to } = recorder();
  const output = inBlocks(to, false);
  output.write('a', 'out', bytes('one'));
  output.write('a', 'out', bytes(' line'));
  output.end('a');
  output.write('b', 'err', bytes('trouble\n'));
  output.write('b', 'out', bytes('two\n'));
  output.end('b');
  assert.equal(written[1], '==> a <==\none line\n==> b <==\ntwo\n');
  assert.equal(written[2], '==> b <==\ntrouble\n');
});

test('where both streams are one file, a block has one name', () => {
  const { order, to } = recorder();
  const output = inBlocks(to, true);
  output.write('a', 'err', bytes('x\n'));
  output.write('a', 'out', bytes('y'));
  output.end('a');
  output.write('b', 'out', bytes('z\n'));
  output.end('b');
  assert.equal(order.join(''), '==> a <==\nx\ny\n==> b <==\nz\n');
});

test('why a block could not be written is told', () => {
  const output = inBlocks(() => 'ENOSPC', true);
  assert.equal(output.write('a', 'out', bytes('x')), 'ENOSPC');
});

function end(host: string, outcome: Outcome | undefined, more: Partial<HostEnd> = {}): HostEnd {
  const known = outcome === undefined ? {} : { outcome };
  const failed = { status: 1, isOwn: false, verdict: 'failed' as Verdict, text: 'ended' };
  return { host, ...failed, ...known, ...more };
}

const exited = (code: number): Outcome => ({ kind: 'exited', code });
const ok = (host: string): HostEnd => end(host, exited(0), { status: 0, verdict: 'ok' });

/** From the best to the worst; each outranks all before it. */
const RANKED: readonly HostEnd[] = [
  ok('ok'),
  end('warning', exited(2), { status: 2, verdict: 'warning' }),
  end('cancelled', { kind: 'cancelled' }, { status: 125, isOwn: true }),
  end('skipped', { kind: 'skipped', reason: 'x' }, { status: 75, isOwn: true }),
  end('small', exited(1), { status: 1 }),
  end('large', exited(3), { status: 3 }),
  end('killed', { kind: 'signalled', signal: 9, core: false }, { status: 137 }),
  end('slow', { kind: 'timed-out' }, { status: 124, isOwn: true }),
  end(
    'missing',
    { kind: 'not-started', stage: 'command', detail: 'x' },
    { status: 127, isOwn: true },
  ),
  end('away', { kind: 'unreachable', phase: 'connect', detail: 'x' }, { status: 255, isOwn: true }),
  end('lost', { kind: 'lost' }, { status: 125, isOwn: true }),
  end('unknown', undefined, { status: 126, isOwn: true }),
];

test('the status is that of the worst end, whatever else there is and in whatever order', () => {
  fc.assert(
    fc.property(fc.shuffledSubarray([...RANKED], { minLength: 1 }), (ends) => {
      const worst = RANKED.findLast((it) => ends.includes(it));
      assert.deepEqual(worstOf(ends), { status: worst?.status, isOwn: worst?.isOwn });
    }),
  );
  assert.deepEqual(worstOf([]), { status: 0, isOwn: false });
});

test('a failure is never status 0', () => {
  assert.equal(worstOf([end('a', exited(0), { status: 0 })]).status, 125);
});

test('the table has failures first, and what ended well only where somebody looks on', () => {
  const ends = [ok('one'), ...RANKED.slice(4, 6), ok('two'), RANKED[1] ?? ok('none')];
  assert.equal(
    fleetTable(ends, screen, false),
    [
      'HOST     RUN  STATUS  OUTCOME',
      'large    -    3       ended',
      'small    -    1       ended',
      'warning  -    2       ended',
      '',
    ].join('\n'),
  );
  assert.match(fleetTable(ends, screen, true), /warning .*\none .*\ntwo .*\n$/);
  const many = Array.from({ length: 50 }, (_, at) => ok(`h${at}`));
  assert.match(fleetTable(many, screen, true), /\nh19 .*\nand 30 more that ended well\n$/);
  assert.equal(fleetTable(many, screen, false), '');
});

test('a summary counts what failed and what warned', () => {
  const [good, warned, failed] = [ok('a'), RANKED[1] ?? ok('b'), RANKED[4] ?? ok('c')];
  assert.equal(summaryOf([good]), undefined);
  assert.equal(summaryOf([good, warned]), '1 of 2 ended with a warning');
  assert.equal(summaryOf([good, failed]), '1 of 2 failed');
  assert.equal(
    summaryOf([good, failed, warned, failed]),
    '2 of 4 failed, 1 of 4 ended with a warning',
  );
});

const view = (run: number, target: string, more: Partial<RunView> = {}): RunView => ({
  ...{ run, target, state: 'queued', acceptedAtMs: 0, waitedMs: 0 },
  ...more,
});

function targetOf(name: string, more: Partial<TargetView> = {}): TargetView {
  const none = { runner: 'ssh', groups: [], paused: false, active: [], queued: [], waiting: 0 };
  return { target: name, ...none, ...more };
}

test('status shows a fleet in one line, and under it the hosts that failed', () => {
  const last = (run: number, target: string, verdict: Verdict): RunView =>
    view(run, target, { state: 'ended', endedAtMs: 0, verdict, text: 'exited with 3' });
  const running = [view(9, 'up@c', { state: 'running', tookMs: 1, startedAtMs: 0 })];
  const targets = [
    targetOf('up@a', { fleet: 'up', last: last(1, 'up@a', 'ok') }),
    targetOf('up@b', { fleet: 'up', last: last(2, 'up@b', 'failed') }),
    targetOf('up@c', { fleet: 'up', active: running, last: last(3, 'up@c', 'ok') }),
    targetOf('up@d', { fleet: 'up', waiting: 1, queued: [view(10, 'up@d')] }),
    targetOf('other'),
  ];
  const status = { ...{ type: 'status' as const, version: '1', pid: 1, startedAtMs: 0, nowMs: 0 } };
  const counts = { requests: 1, running: 1, queued: 1, executing: [], config: '/c' };
  const wide = { ...screen, columns: 200 };
  const text = showStatus({ ...status, ...counts, targets }, wide);
  assert.match(
    text,
    /> up +running +4 hosts: 1 running, 1 waiting, 1 failed, 2 ok\n! up@b +failed/,
  );
  assert.doesNotMatch(text, /up@[acd]/);
  assert.match(text, /other/);
});

test('why tells of each run of a fleet that waits, and once what is in their way', () => {
  const chain = [
    view(3, 'up@a', { behind: [1], reasons: ['waits for run 1'] }),
    view(4, 'up@b', { behind: [1], reasons: ['waits for run 1'] }),
    view(1, 'backup', { state: 'starting' }),
  ];
  const reply = { type: 'why', target: 'up', nowMs: 0, members: [3, 4], chain } as const;
  const lines = showWhy(reply, screen).split('\n');
  assert.deepEqual(
    lines.filter((line) => /^ *run /.test(line)).map((line) => line.replace(/ (has|is).*/, '')),
    ['run 3 of up@a', '  run 1 of backup', 'run 4 of up@b'],
  );
});
