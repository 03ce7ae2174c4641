/** Replies of a daemon in the tests of the client: all about run 17 of target x. */
import assert from 'node:assert/strict';
import type { Reply } from '../../daemon/protocol/request.ts';
import type { BatonEnd } from './fake-daemon.ts';

type Ended = Extract<Reply, { readonly type: 'ended' }>;

export const accepted: Reply = { type: 'accepted', run: 17, target: 'x' };
export const joined: Reply = { type: 'joined', run: 17, target: 'x' };
export const started: Reply = { type: 'started', run: 17 };

export function output(stream: 'out' | 'err', offset: number, bytes: Buffer | string): Reply {
  const frame = { type: 'output', run: 17, stream, offset } as const;
  if (typeof bytes === 'string') return { ...frame, bytes: Buffer.byteLength(bytes), data: bytes };
  return { ...frame, bytes: bytes.length, data: bytes.toString('base64'), encoding: 'base64' };
}

export function ended(code: number, more: Partial<Ended> = {}): Reply {
  return {
    type: 'ended',
    run: 17,
    target: 'x',
    outcome: { kind: 'exited', code },
    verdict: code === 0 ? 'ok' : 'failed',
    exit: code,
    text: `exited with ${code}`,
    tell: false,
    ...more,
  };
}

export const timedOut = ended(124, {
  outcome: { kind: 'timed-out' },
  text: 'ran too long',
  tell: true,
});
export const cancelled = ended(143, {
  outcome: { kind: 'cancelled', signal: 15 },
  text: 'was cancelled (signal 15 (SIGTERM))',
  tell: true,
});

const silent = { text: '', stderr: '' };

/** Compares an end with the expected one; by default, no output is expected. */
export function assertEnd(end: BatonEnd, expected: Partial<BatonEnd>): void {
  const { status, text, stderr } = end;
  assert.deepEqual({ status, text, stderr }, { ...silent, ...expected });
}
