/** A run that a client of the socket has requested and waits for, with its whole output. */
import type { Reply } from '../../daemon/protocol/request.ts';
import type { Puppet, Puppets } from './puppet.ts';
import type { Rig } from './rig.ts';

export async function askRun(rig: Rig, target: string) {
  const session = await rig.open();
  const request = { type: 'run', target, wait: true, merged: false } as const;
  const { run, id } = await session.ask(request, 'accepted');
  const ended = async () => {
    const end = await session.reply('ended', id as string);
    session.close();
    return { ...end, out: bytes(session.replies, 'out'), err: bytes(session.replies, 'err') };
  };
  const cancel = async () => await session.ask({ type: 'cancel', of: run }, 'done');
  return { session, run, cancel, ended };
}

/**
 * Like askRun, for a target with a short timeout: its puppet has started. If a busy machine takes
 * longer than the timeout to start it, it is requested again.
 */
export async function askBegun(rig: Rig, puppets: Puppets, target: string) {
  const next = puppets.next();
  for (;;) {
    const ended = (await askRun(rig, target)).ended();
    const first: Puppet | undefined = await Promise.race([next, ended.then(() => undefined)]);
    if (first !== undefined) return { puppet: first, ended };
  }
}

function bytes(replies: readonly Reply[], stream: 'out' | 'err'): Buffer {
  const frames = replies.flatMap((reply) =>
    reply.type === 'output' && reply.stream === stream
      ? [Buffer.from(reply.data, reply.encoding ?? 'utf8')]
      : [],
  );
  return Buffer.concat(frames);
}
