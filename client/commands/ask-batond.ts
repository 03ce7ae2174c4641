/**
 * Has `batond --plan` make a plan: a process of its own, with the rights of the caller, so that a
 * long plan keeps no daemon from its work and a configuration is read by nobody who may not.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { PlanInput, Planned } from '../../daemon/protocol/planned.ts';
import { EXIT } from '../../daemon/protocol/request.ts';
import { noPlan } from '../client-errors.ts';
import type { Ending } from '../ending.ts';
import { codeOf } from '../terminal/output.ts';

/** More is a bug: PLAN_REQUESTS_MAX requests make less. */
const ANSWER_BYTES_MAX = 1024 ** 3;

export type PlanAnswer =
  | { readonly ok: true; readonly value: Planned }
  | { readonly ok: false; readonly ending: Ending };

/** `config` is that of the daemon; without one, batond looks for it as ever. */
export function askBatond(input: PlanInput, config: string | undefined): PlanAnswer {
  const batond = join(import.meta.dirname, '../daemon/batond.cjs');
  const args = [batond, '--plan', ...(config === undefined ? [] : ['--config', config])];
  const { status, stdout, error } = spawnSync(process.execPath, args, {
    input: JSON.stringify(input),
    encoding: 'utf8',
    maxBuffer: ANSWER_BYTES_MAX,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  // Who ends before it has read all of a long input has a reason, which its status tells.
  const hasEnded = error === undefined || codeOf(error) === 'EPIPE';
  if (hasEnded && status === 0) return plannedIn(stdout, batond);
  // What is wrong with the configuration, batond has said.
  if (hasEnded && status !== null) return { ok: false, ending: { status, isOwn: true } };
  const line = noPlan(batond, error === undefined ? 'it was killed' : codeOf(error));
  return { ok: false, ending: { status: EXIT.noVerdict, isOwn: true, line } };
}

/** A plugin could write into it, past Node's own stream. */
function plannedIn(text: string, batond: string): PlanAnswer {
  try {
    const value: unknown = JSON.parse(text);
    if (isPlanned(value)) return { ok: true, value };
  } catch {
    // Told below.
  }
  const line = noPlan(batond, 'its output is not a plan; a plugin may have printed something');
  return { ok: false, ending: { status: EXIT.noVerdict, isOwn: true, line } };
}

/** It is of the same version: a look tells it from what somebody else printed. */
function isPlanned(value: unknown): value is Planned {
  return typeof value === 'object' && value !== null && 'runs' in value && 'unknown' in value;
}
