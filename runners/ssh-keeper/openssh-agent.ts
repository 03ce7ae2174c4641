/**
 * Checks whether the agent that ssh(1) will ask answers at all. ssh would wait for it for ever: its
 * ConnectTimeout covers only the connection and the key exchange. Checked before ssh is started, so
 * that if this fails, nothing of the run has been executed.
 */
import type { SshSession } from '../../daemon/core/plan.ts';
import { showDuration } from '../../daemon/shared/duration.ts';
import { errnoOf, isShortage } from '../../daemon/shared/errno.ts';
import { SshAgent } from '../ssh/agent.ts';
import { Limit } from '../ssh/limit.ts';
import type { Router } from '../ssh/route.ts';
import * as say from '../ssh/ssh-messages.ts';
import type { End } from './status-writer.ts';

/** Why ssh(1) would wait for ever, or cannot be checked now. It continues without a dead agent. */
export async function checkAgent(
  session: SshSession,
  router: Router,
  abort: AbortSignal,
): Promise<End | undefined> {
  const agent = await router.agentOfSsh(session);
  if (agent === undefined || abort.aborted) return undefined;
  const limit = new Limit(session.connectTimeoutMs, abort);
  const error = await identities(agent, limit.signal);
  limit.lift();
  if (limit.isLate) {
    const message = say.silentAgent(agent, showDuration(session.connectTimeoutMs));
    return { kind: 'failed', failure: { phase: 'auth', message } };
  }
  const errno = errnoOf(error);
  return isShortage(errno) ? { kind: 'shortage', errno } : undefined;
}

/** Resolves when the agent has answered, cannot be asked, or has timed out. */
function identities(agent: string, abort: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    abort.addEventListener('abort', resolve, { once: true });
    new SshAgent(agent, abort).getIdentities((error) => resolve(error));
  });
}
