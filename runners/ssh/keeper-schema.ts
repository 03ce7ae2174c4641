/**
 * The schemas of keeper-protocol.ts for incoming messages: each side rejects everything else. What
 * is sent before the versions are known, `hello` and `retire`, never changes.
 */
import * as v from 'valibot';
import type { SshSession } from '../../daemon/core/plan.ts';
import { STOP_SIGNALS, STOP_TO, type StopOrder } from '../../daemon/shared/stop.ts';
import type * as protocol from './keeper-protocol.ts';

const Whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const attempt = { run: Whole, attempt: Whole, nonce: v.string() };

const Failure: v.GenericSchema<unknown, protocol.Failure> = v.object({
  phase: v.picklist(['connect', 'auth', 'hostkey', 'lost']),
  message: v.string(),
});

export const FromKeeper: v.GenericSchema<unknown, protocol.FromKeeper> = v.variant('type', [
  v.object({ type: v.literal('hello'), version: v.number(), pid: Whole }),
  v.object({ type: v.literal('ready'), ...attempt }),
  v.object({ type: v.literal('ended'), ...attempt }),
  v.object({
    type: v.literal('probed'),
    id: v.string(),
    lines: v.array(v.string()),
    failure: v.exactOptional(Failure),
  }),
]);

const Session: v.GenericSchema<unknown, SshSession> = v.object({
  openssh: v.exactOptional(v.array(v.string())),
  host: v.string(),
  port: v.exactOptional(v.number()),
  user: v.exactOptional(v.string()),
  keys: v.array(v.string()),
  passphraseFile: v.exactOptional(v.string()),
  agent: v.exactOptional(v.string()),
  sshConfig: v.picklist(['auto', 'yes', 'no']),
  jump: v.exactOptional(v.array(v.string())),
  knownHosts: v.exactOptional(v.string()),
  hostKey: v.string(),
  connectTimeoutMs: v.number(),
  keepaliveMs: v.number(),
  killOnDisconnect: v.boolean(),
  retries: v.number(),
  verbatim: v.boolean(),
  command: v.string(),
  shell: v.picklist(['exec', 'sh', 'own']),
  env: v.record(v.string(), v.string()),
} satisfies Record<keyof SshSession, v.GenericSchema>);

const Order: v.GenericSchema<unknown, StopOrder> = v.object({
  signal: v.picklist(STOP_SIGNALS),
  to: v.picklist(STOP_TO),
  graceMs: v.number(),
});

export const ToKeeper: v.GenericSchema<unknown, protocol.ToKeeper> = v.variant('type', [
  v.object({
    type: v.literal('prepare'),
    ...attempt,
    directory: v.string(),
    merged: v.boolean(),
    stop: Order,
    session: Session,
  }),
  v.object({ type: v.picklist(['go', 'drop']), ...attempt }),
  v.object({ type: v.literal('stop'), order: Order, ...attempt }),
  v.object({ type: v.literal('probe'), id: v.string(), session: Session }),
  v.object({ type: v.literal('retire') }),
]);

export type FromKeeper = protocol.FromKeeper;
export type ToKeeper = protocol.ToKeeper;
