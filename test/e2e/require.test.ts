/** The require policy of a real daemon, with a real disk (in memory) that comes and goes. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { test } from 'node:test';
import { directory } from '../support/config.ts';
import { BATOND, Rig } from '../support/rig.ts';
import { skipWithout } from '../support/tools.ts';

const runner = { type: 'dummy', time: '1ms' };

test('a run waits for its disk and its free space, and says so; another one is skipped', async (t) => {
  if (skipWithout(t, 'root', 'a mount namespace', 'mount', 'umount')) return;
  let disk = '';
  let rig: Rig | undefined;
  // Before the directory is removed.
  t.after(async () => {
    unmount();
    await rig?.close();
  });
  disk = realpathSync(directory(t));
  const mount = (size: string, source: string): void => {
    const options = ['-t', 'tmpfs', '-o', `size=${size}`, source, disk];
    const { status, stderr } = spawnSync('mount', options, { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  };
  const unmount = () => spawnSync('umount', ['-l', disk]);
  const mounted = {
    type: 'require',
    mounted: disk,
    device: 'backup-disk',
    free: '4MB',
    every: '1s',
  };
  const skipped = { ...mounted, otherwise: 'skip' };
  rig = await Rig.start({
    targets: { waits: { runner, policies: [mounted] }, skips: { runner, policies: [skipped] } },
  });
  const { stdout, status } = spawnSync(process.execPath, [BATOND, '--check', rig.configFile], {
    encoding: 'utf8',
  });
  const now = `requirement of waits, skips: ${disk} is not a mount point: not met now`;
  assert.deepEqual([status, stdout.includes(now)], [0, true], stdout);
  const session = await rig.open();
  const { run } = await session.ask({ type: 'run', target: 'waits' }, 'accepted');
  const why = async (): Promise<string> => {
    const { reasons = [] } = (await session.ask({ type: 'why', of: run }, 'why')).chain[0] ?? {};
    return reasons.join();
  };
  const seen = / \(checked \d\d:\d\d:\d\d, again every 1\.0 s\)$/;
  assert.equal((await why()).replace(seen, ''), `waits for: ${disk} is not a mount point`);
  const { run: other } = await session.ask({ type: 'run', target: 'skips' }, 'accepted');
  const end = await session.ask({ type: 'wait', run: other }, 'ended');
  assert.equal(end.exit, 75);
  assert.match(end.text, /is not a mount point \(checked \d\d:\d\d:\d\d\)/);
  mount('64k', 'other-disk');
  assert.match(await why(), /is mounted from other-disk, not from backup-disk/);
  unmount();
  mount('64k', 'backup-disk');
  // The other conditions are checked in the background.
  while (!/ has \d+(\.\d)? kB free, less than 4 MB/.test(await why()));
  unmount();
  mount('8m', 'backup-disk');
  assert.equal((await session.ask({ type: 'wait', run }, 'ended')).exit, 0);
  session.close();
});
