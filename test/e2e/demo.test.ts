/** `npm run demo` as a newcomer sees it, with and without rsnapshot on the machine. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { skipWithout } from '../support/tools.ts';

const DEMO = join(import.meta.dirname, '../demo.js');
/** The programs that the demo and baton itself call. */
const TOOLS = ['sh', 'sleep', 'perl', 'flock', 'getent', 'env'];

async function demo(path: string, home: string): Promise<{ code: number | null; text: string }> {
  const env = { PATH: path, TMPDIR: home };
  const child = spawn(process.execPath, [DEMO], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, text };
}

function checkDemo({ code, text }: { code: number | null; text: string }, home: string): void {
  assert.equal(code, 0, text);
  assert.match(text, /ran in this order.*: yearly, monthly, weekly, daily, hourly/);
  assert.match(text, /waits for run \d+ \(rsnap-yearly\)/);
  assert.deepEqual(readdirSync(home), [], 'something is left behind');
  const left = readdirSync('/proc').filter((name) => {
    try {
      return readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(home);
    } catch {
      return false; // no process, or one that has just gone
    }
  });
  assert.deepEqual(left, [], 'a process is left behind');
}

test('the demo runs the real rsnapshot, highest interval first, and leaves nothing', async (t) => {
  if (skipWithout(t, 'rsnapshot', 'rsync')) return;
  const home = mkdtempSync(join(tmpdir(), 'demo-'));
  const result = await demo('/usr/bin:/bin', home);
  assert.match(result.text, /the demo uses it/);
  checkDemo(result, home);
  rmSync(home, { recursive: true });
});

test('without rsnapshot the demo says so and uses dummy commands', async () => {
  const home = mkdtempSync(join(tmpdir(), 'demo-'));
  const tools = mkdtempSync(join(tmpdir(), 'tools-'));
  for (const tool of TOOLS) {
    const place = spawnSync('which', [tool]).stdout.toString().trim();
    symlinkSync(place, join(tools, tool));
  }
  const result = await demo(tools, home);
  assert.match(result.text, /rsnapshot is not installed/);
  checkDemo(result, home);
  for (const directory of [home, tools]) rmSync(directory, { recursive: true });
});
