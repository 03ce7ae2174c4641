/** Section 6: an idle daemon: no wake-ups, little memory, or no process at all. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Activated } from './activated.ts';
import { type Options, rssMb } from './measure.ts';
import { gaps, has } from './peers.ts';
import { Subject, TRUE } from './subject.ts';
import type { Line } from './table.ts';

/** The first budget was 60. */
const RSS_MB = 55;
/** Once, some 8 s after the last activity, V8 cleans up. */
const SETTLE_MS = 15_000;

export async function measureIdle({ idleSeconds, say }: Options): Promise<readonly Line[]> {
  const subject = await Subject.on({ t: TRUE });
  try {
    const line = await subject.line();
    await line.ask({ type: 'run', target: 't', wait: true }, 'ended');
    line.close();
    await sleep(SETTLE_MS);
    say(`idle: ${idleSeconds} s`);
    const before = wakeups(subject.pid);
    await sleep(idleSeconds * 1_000);
    const figure = wakeups(subject.pid) - before;
    const none = { rule: 'at most', on: 'figure', bound: 0 } as const;
    const small = { rule: 'at most', on: 'figure', bound: RSS_MB } as const;
    const what = `idle for ${idleSeconds} s`;
    return [
      { what, unit: 'wake-ups', figure, budget: none },
      { what: 'idle memory (RSS)', unit: 'MB', figure: rssMb(subject.pid), budget: small },
      ...(await measureExit()),
    ];
  } finally {
    await subject.close();
  }
}

/** A sleeping thread gives up the processor voluntarily: those switches are counted. */
function wakeups(pid: number): number {
  let sum = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const text = readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8');
    sum += Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(text)?.[1] ?? Number.NaN);
  }
  return sum;
}

async function measureExit(): Promise<readonly Line[]> {
  const what = 'left over after idle exit';
  if (!has('systemd-socket-activate')) return gaps(what, 'systemd-socket-activate');
  const activated = new Activated({ t: TRUE }, ['--idle-exit', '100ms']);
  try {
    await activated.listen();
    await activated.firstReplyMs();
    await activated.exited();
    const figure = activated.isAlive ? 1 : 0;
    const budget = { rule: 'at most', on: 'figure', bound: 0 } as const;
    return [{ what, unit: 'processes', figure, budget }];
  } finally {
    await activated.close();
  }
}
