/**
 * Connects with the system's ssh as a run would, but runs nothing there: not even a forced command,
 * because no session is requested (-N). A LocalCommand reports that it is logged in; jump hosts do
 * not have it. A shared connection is not used: -N would open a shell on it.
 */
import type { SshSession } from '../../daemon/core/plan.ts';
import { showDuration } from '../../daemon/shared/duration.ts';
import type { Failure } from '../ssh/keeper-protocol.ts';
import { Limit } from '../ssh/limit.ts';
import * as say from '../ssh/ssh-messages.ts';
import { phaseOf } from './openssh.ts';
import { type Ssh, spawnSsh } from './spawn-ssh.ts';

/** ssh's own limit covers connection and key exchange; each jump host has its own. */
const LIMIT_TIMES = 4;
/** How much of ssh's messages is kept. */
const SAID_CHARS_MAX = 65_536;
/** How long its last messages may be under way. */
const LAST_WORDS_MS = 500;
const IN = '# baton is in';
/** Useful lines of ssh's debug output; its normal messages do not have this prefix. */
const TOLD =
  /^debug1: ((?:Connecting to|Remote protocol version|Server host key:|Found key in|Server accepts key:) .*)/;

export interface Seen {
  readonly lines: readonly string[];
  readonly failure?: Failure;
}

/** `args` come before the command. */
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

/** Until it is logged in, has ended, or is given up; it is then ended. */
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
    // Processes that it has started, such as a ProxyCommand, may hold its stderr open for ever.
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
