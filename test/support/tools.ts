/**
 * Tests that need a tool of the system skip visibly without it, and fail where nothing may be
 * skipped (BATON_TEST_NO_SKIP, as in .ci/run).
 */
import { spawnSync } from 'node:child_process';
import type { TestContext } from 'node:test';

/** True if the test has to end here: a tool is missing, or it needs root ("root"). */
export function skipWithout(t: TestContext, ...tools: readonly string[]): boolean {
  const missing = tools.filter((tool) => !isThere(tool));
  if (missing.length === 0) return false;
  const reason = `needs ${missing.join(', ')}`;
  if (process.env['BATON_TEST_NO_SKIP'] === '1')
    throw new Error(`${reason}; nothing may be skipped`);
  t.skip(reason);
  return true;
}

function isThere(tool: string): boolean {
  if (tool === 'root') return process.getuid?.() === 0;
  const path = `${process.env['PATH']}:/usr/sbin:/sbin`;
  return (
    spawnSync('sh', ['-c', 'command -v "$1"', 'sh', tool], { env: { PATH: path } }).status === 0
  );
}
