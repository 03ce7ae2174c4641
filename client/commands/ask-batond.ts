/**
 * Runs `batond --plan`: a separate process with the rights of the caller, so that a long plan does
 * not hold up the daemon, and nobody gets to read a configuration without permission.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { PlanInput, Planned } from '../../daemon/protocol/planned.ts';
import { EXIT } from '../../daemon/protocol/request.ts';
import { noPlan } from '../client-errors.ts';
import type { Ending } from '../ending.ts';
import { codeOf } from '../terminal/output.ts';

/** More is a bug: PLAN_REQUESTS_MAX requests produce less. */
const ANSWER_BYTES_MAX = 1024 ** 3;

export type PlanAnswer =
  | { readonly ok: true; readonly value: Planned }
  | { readonly ok: false; readonly ending: Ending };

/** `config` is the daemon's; without it, batond looks in the usual places. */
export function askBatond(input: PlanInput, config: string | undefined): PlanAnswer {
  const batond = join(import.meta.dirname, '../daemon/batond.cjs');
  const args = [batond, '--plan', ...(config === undefined ? [] : ['--config', config])];
  const { status, stdout, error } = spawnSync(process.execPath, args, {
    input: JSON.stringify(input),
    encoding: 'utf8',
    maxBuffer: ANSWER_BYTES_MAX,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  // If it exits before it has read all of a long input, its status says why.
  const hasEnded = error === undefined || codeOf(error) === 'EPIPE';
  if (hasEnded && status === 0) return plannedIn(stdout, batond);
  // batond has printed what is wrong with the configuration.
  if (hasEnded && status !== null) return { ok: false, ending: { status, isOwn: true } };
  const line = noPlan(batond, error === undefined ? 'it was killed' : codeOf(error));
  return { ok: false, ending: { status: EXIT.noVerdict, isOwn: true, line } };
}

/** A plugin could write to the descriptor, bypassing Node's stream. */
function plannedIn(text: string, batond: string): PlanAnswer {
  try {
    const value: unknown = JSON.parse(text);
    if (isPlanned(value)) return { ok: true, value };
  } catch {
    // Reported below.
  }
  const line = noPlan(batond, 'its output is not a plan; a plugin may have printed something');
  return { ok: false, ending: { status: EXIT.noVerdict, isOwn: true, line } };
}

/** It has the same version: a short check tells it from other output. */
function isPlanned(value: unknown): value is Planned {
  return typeof value === 'object' && value !== null && 'runs' in value && 'unknown' in value;
}
