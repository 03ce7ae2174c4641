/** `--quiet-success`: a run's output is held back until it is known whether it is wanted. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { directory } from '../support/config.ts';
import { Puppets } from '../support/puppet.ts';
import { BATON, Rig } from '../support/rig.ts';

const MANY_BYTES = 200_000_000;
/** What a client needs in any case, without the output. */
const CLIENT_KB_MAX = 150_000;
const QUIET = ['--wait', '--quiet-success'];

let puppets: Puppets;
let rig: Rig;

before(async () => {
  puppets = await Puppets.open();
  const sh = (script: string, more: object = {}) => ({
    runner: { type: 'local', args: ['/bin/sh', '-c', script] },
    ...more,
  });
  rig = await Rig.start({
    targets: {
      good: sh('echo out; echo err >&2'),
      fair: sh('echo out; exit 24', { warnExit: [24] }),
      odd: sh('echo out; exit 3', { okExit: [0, 3] }),
      bad: sh('echo out; echo err >&2; exit 5'),
      mute: sh('exit 5'),
      slow: sh('echo out; sleep 60', { timeout: '3s', killAfter: '100ms' }),
      many: sh(`head -c ${MANY_BYTES} /dev/zero; exit 1`),
      held: { runner: { type: 'local', args: puppets.args('held') } },
    },
  });
});

after(async () => {
  await rig.close();
  puppets.close();
});

async function quiet(target: string) {
  const { status, text, errors } = await rig.baton('run', target, ...QUIET);
  return [status, text, errors];
}

test('nothing is printed of a run whose status is in okExit or warnExit; the status is relayed', async () => {
  assert.deepEqual(await quiet('good'), [0, '', '']);
  assert.deepEqual(await quiet('fair'), [24, '', '']);
  assert.deepEqual(await quiet('odd'), [3, '', '']);
});

test('all of a failure is printed, each stream where it belongs', async () => {
  assert.deepEqual(await quiet('bad'), [5, 'out\n', 'err\n']);
});

test('a failure without a word, and one of baton’s own, are a line as ever', async () => {
  const [status, text, errors] = await quiet('mute');
  assert.deepEqual([status, text], [5, '']);
  assert.match(
    String(errors),
    /^baton: mute: run \d+ exited with 5, with no output; see the documentation of its command for that status\n$/,
  );
  const [code, said, why] = await quiet('slow');
  assert.deepEqual([code, said], [124, 'out\n']);
  assert.match(
    String(why),
    /^baton: slow: run \d+ exceeded its timeout and was stopped; [^\n]+\n$/,
  );
  assert.equal((await quiet('nobody'))[0], 78);
});

test('a run that is cancelled prints what it has', async () => {
  const client = rig.client(['run', 'held', ...QUIET]);
  const puppet = await puppets.next();
  await puppet.print('out', 'half a line');
  client.child.kill('SIGTERM');
  const { status, text } = await client.ended;
  assert.deepEqual([status, text], [143, 'half a line']);
});

test('200 MB are held in no memory, and come out whole', async () => {
  const env = { PATH: process.env['PATH'], BATON_SOCKET: rig.socket };
  const child = spawn(process.execPath, [BATON, 'run', 'many', ...QUIET], { env });
  const ended = once(child, 'exit');
  // Nobody reads yet: at the first byte everything is held, and most of it cannot be written.
  await new Promise((resolve) => child.stdout.on('readable', resolve));
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  const peakKb = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]);
  assert.ok(peakKb < CLIENT_KB_MAX, `${peakKb} kB at most`);
  let bytes = 0;
  for await (const chunk of child.stdout) bytes += (chunk as Buffer).length;
  assert.deepEqual(await ended, [1, null]);
  assert.equal(bytes, MANY_BYTES);
});

test('nothing is left in the temporary folder, and one that cannot be written loses nothing', async (t) => {
  const place = directory(t);
  const whole = rig.client(['run', 'bad', ...QUIET], { TMPDIR: place });
  assert.equal((await whole.ended).text, 'out\n');
  assert.deepEqual(readdirSync(place), []);
  const env = { TMPDIR: '/nonexistent' };
  assert.equal((await rig.client(['run', 'bad', ...QUIET], env).ended).text, 'out\n');
  assert.equal((await rig.client(['run', 'good', ...QUIET], env).ended).text, 'out\n');
});

test('--quiet-success without --wait is a mistake', async () => {
  const { status, errors } = await rig.baton('run', 'good', '--quiet-success');
  assert.equal(status, 64);
  assert.match(errors, /^baton: run: --quiet-success needs --wait; see baton help run\n$/);
});

test('--verdict adds a last line to a failure, and none where there is one or nothing failed', async () => {
  const told = async (...words: readonly string[]) => {
    const { status, text, errors } = await rig.baton('run', ...words, '--wait', '--verdict');
    return [status, text, errors.replace(/run \d+/g, 'run N')];
  };
  assert.deepEqual(await told('bad'), [5, 'out\n', 'err\nbaton: bad: run N exited with 5\n']);
  assert.deepEqual(await told('fair'), [24, 'out\n', '']);
  assert.deepEqual(await told('good', '--quiet-success'), [0, '', '']);
  const quietly = await told('bad', '--quiet-success');
  assert.deepEqual(quietly, [5, 'out\n', 'err\nbaton: bad: run N exited with 5\n']);
  const [, , mute] = await told('mute');
  assert.match(String(mute), /^baton: mute: run N exited with 5, with no output; [^\n]+\n$/);
  const [status, , several] = await told('bad', 'fair', 'odd');
  assert.deepEqual([status, several], [5, 'err\nbaton: bad: run N exited with 5\n']);
});

test('the line of --verdict does not stand in the middle of another one', async () => {
  const client = rig.client(['run', 'held', '--wait', '--verdict']);
  const puppet = await puppets.next();
  await puppet.print('err', 'half a line');
  puppet.exit(7);
  const { status, errors } = await client.ended;
  assert.deepEqual(
    [status, errors.replace(/\d+ e/, 'N e')],
    [7, 'half a line\nbaton: held: run N exited with 7\n'],
  );
});

test('--verdict without --wait is a mistake', async () => {
  const { status, errors } = await rig.baton('run', 'good', '--verdict');
  assert.equal(status, 64);
  assert.match(errors, /^baton: run: --verdict needs --wait; see baton help run\n$/);
});
