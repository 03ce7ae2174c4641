/**
 * Connects by the system's ssh as a run would, and runs nothing there: not even a forced command,
 * since no session is asked for (-N). That it is in, ssh tells by its LocalCommand, which hosts on
 * the way do not have. A shared connection is not used: -N would open a shell on it.
 */
import type { SshSession } from '../../daemon/core/plan.ts';
import { showDuration } from '../../daemon/shared/duration.ts';
import type { Failure } from '../ssh/keeper-protocol.ts';
import { Limit } from '../ssh/limit.ts';
import * as say from '../ssh/ssh-messages.ts';
import { phaseOf } from './openssh.ts';
import { type Ssh, spawnSsh } from './spawn-ssh.ts';

/** ssh's own limit is for the connection and the key exchange; a host on the way has its own. */
const LIMIT_TIMES = 4;
/** As much of what ssh says is kept. */
const SAID_CHARS_MAX = 65_536;
/** How long its last words may be on their way. */
const LAST_WORDS_MS = 500;
const IN = '# baton is in';
/** What of ssh's debugging is worth reading; what it says anyway has no such prefix. */
const TOLD =
  /^debug1: ((?:Connecting to|Remote protocol version|Server host key:|Found key in|Server accepts key:) .*)/;

export interface Seen {
  readonly lines: readonly string[];
  readonly failure?: Failure;
}

/** `args` go before the command. */
export async function probeOpenssh(
  session: SshSession,
  args: readonly string[],
  abort: AbortSignal,
): Promise<Seen> {
  const settings = ['PermitLocalCommand=yes', `LocalCommand=echo "${IN}"`, 'ControlPath=none'];
  const options = settings.flatMap((setting) => ['-o', setting]);
  const ssh = await spawnSsh(['-v', '-N', ...options, ...args]);
  if (typeof ssh === 'string') {
    return { lines: [], failure: { phase: 'connect', message: say.noSpawn(ssh) } };
  }
  const limitMs = session.connectTimeoutMs * LIMIT_TIMES;
  const limit = new Limit(limitMs, abort);
  const { isIn, said } = await watch(ssh, limit.signal);
  limit.lift();
  const lines = said.split(/\r?\n/).flatMap(told);
  if (isIn) return { lines };
  const message = limit.isLate
    ? say.sshSilent(session.host, showDuration(limitMs))
    : say.sshRefused(session.host, lines.at(-1) ?? '');
  return { lines, failure: { phase: phaseOf(said), message } };
}

/** Until it is in, has ended, or is given up; then it is ended. */
function watch(
  ssh: Ssh,
  abort: AbortSignal,
): Promise<{ readonly isIn: boolean; readonly said: string }> {
  let [isIn, said, out] = [false, '', ''];
  return new Promise((resolve) => {
    const end = (): void => {
      abort.removeEventListener('abort', end);
      ssh.kill('SIGTERM');
      ssh.stdin.destroy();
      ssh.stdout.destroy();
      ssh.stderr.destroy();
      resolve({ isIn, said });
    };
    ssh.stdout.on('data', (chunk: Buffer) => {
      out = `${out}${chunk}`.slice(-SAID_CHARS_MAX);
      isIn = out.includes(IN);
      if (isIn) setImmediate(end);
    });
    ssh.stderr.on('data', (chunk: Buffer) => {
      said = `${said}${chunk}`.slice(-SAID_CHARS_MAX);
    });
    // What it has started, as a ProxyCommand, may hold its stderr for ever.
    ssh.once('exit', () => setTimeout(end, LAST_WORDS_MS));
    ssh.stderr.once('end', end);
    abort.addEventListener('abort', end);
    if (abort.aborted) end();
  });
}

function told(line: string): readonly string[] {
  const debugged = TOLD.exec(line)?.[1];
  if (debugged !== undefined) return [debugged];
  return line.trim() === '' || /^debug\d: /.test(line) ? [] : [line.trim()];
}
