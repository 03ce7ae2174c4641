/** `batond --replay` on the journal of a real daemon. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Event } from '../../daemon/core/event.ts';
import { encodeLine } from '../../daemon/journal/record.ts';
import { Puppets } from '../support/puppet.ts';
import { BATOND, Rig } from '../support/rig.ts';

/** It ends by itself, or the test has failed. */
function replay(rig: Rig, ...args: readonly string[]) {
  const line = [BATOND, '--config', rig.configFile, '--replay', ...args];
  return spawnSync(process.execPath, line, { encoding: 'utf8', timeout: 60_000 });
}

test('the journal of a running daemon is told, with why each run waits, and left as it is', async (t) => {
  const puppets = await Puppets.open();
  const disk = { type: 'cardinality', group: 'disk' };
  const rig = await Rig.start({
    targets: {
      first: { runner: { type: 'local', args: puppets.args('first') }, policies: [disk] },
      second: { runner: { type: 'local', args: ['/bin/false'] }, policies: [disk] },
    },
  });
  t.after(async () => {
    puppets.close();
    await rig.close();
  });
  await rig.baton('run', 'first');
  const puppet = await puppets.next();
  await rig.baton('run', 'second');
  const path = join(rig.state, 'journal.ndjson');
  const before = readFileSync(path);
  const live = replay(rig, path);
  assert.equal(live.status, 0, live.stderr);
  assert.match(live.stdout, /run 1 \(first\) starts: all its policies allow it; counts in card/);
  assert.match(
    live.stdout,
    /at the end of the journal run 2 \(second\): waits for run 1 \(first\), which is running/,
  );
  assert.deepEqual(readFileSync(path), before);
  puppet.exit(3);
  await rig.baton('wait', '2');
  const past = replay(rig, path, '--only', '2');
  assert.match(past.stdout, /run 2 \(second\) exited with 1: a failure\n$/);
  assert.doesNotMatch(past.stdout, /run 1 \(first\) exited/);
  assert.equal((await rig.status()).targets.length, 2, 'the daemon has not noticed');
});

test('a torn end and a damaged line are told as the start of a daemon would', async (t) => {
  const rig = new Rig();
  t.after(() => rig.close());
  rig.configure({ targets: {} });
  const path = join(rig.directory, 'copy');
  const whole = encodeLine(1, { type: 'journal', format: 1 });
  writeFileSync(path, `${whole}{"seq":2,"crc`);
  const torn = replay(rig, path);
  assert.equal(torn.status, 0);
  assert.match(torn.stderr, /^batond: .*copy: line 2 \(byte \d+\) is incomplete: 13 bytes/);
  appendFileSync(path, `\n${encodeLine(3, { type: 'journal', format: 1 })}`);
  const damaged = replay(rig, path);
  assert.equal(damaged.status, 69);
  assert.match(damaged.stdout, /a journal of format 1\n$/, 'what stands before it is told');
  assert.match(damaged.stderr, /copy: line 2 \(byte \d+\) is damaged/);
  assert.match(
    replay(rig, rig.directory).stderr,
    /is not a regular file; name a journal, such as STATE\/journal\.ndjson/,
  );
  assert.match(replay(rig, join(rig.directory, 'no')).stderr, /cannot be read \(ENOENT\)/);
});

test('a long journal is told in little memory, and a reader may leave early', async (t) => {
  const rig = new Rig();
  t.after(() => rig.close());
  rig.configure({ targets: { t: { runner: { type: 'local', args: ['/bin/true'] } } } });
  const path = join(rig.directory, 'long');
  const at = { steadyMs: 1, wallMs: 1_700_000_000_000 };
  const keeper = { pid: 1, startTime: 1, bootId: 'b' };
  const outcome = { kind: 'exited', code: 0 } as const;
  const lines = [encodeLine(1, { type: 'journal', format: 1 })];
  for (let run = 1; run <= 40_000; run++) {
    const life: readonly Event[] = [
      { type: 'accepted', run, target: 't', at, token: `token ${run}`, merged: true },
      { type: 'starting', run, attempt: 1, at },
      { type: 'started', run, attempt: 1, at, keeper },
      { type: 'ended', run, at, outcome, verdict: 'ok' },
      { type: 'forgotten', runs: [run] },
    ];
    for (const event of life) lines.push(encodeLine(lines.length + 1, event));
  }
  writeFileSync(path, lines.join(''));
  const line = ['--max-old-space-size=32', BATOND, '--config', rig.configFile, '--replay', path];
  const all = spawnSync(process.execPath, line, { encoding: 'utf8', maxBuffer: 1 << 27 });
  assert.equal(all.status, 0, all.stderr);
  assert.equal(all.stdout.split('\n').length - 1, lines.length);
  const child = spawn(process.execPath, line, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  child.stdout.destroy();
  assert.deepEqual(await once(child, 'close'), [0, null]);
});
