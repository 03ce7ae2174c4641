/** Section 3: runs: how soon they start, how many per second and at once, with how much memory. */
import { spawn } from 'node:child_process';
import type { RequestInput } from '../../daemon/protocol/request-schema.ts';
import { BareKeepers } from './keepers.ts';
import { WINDOW } from './line.ts';
import { ENV, median, type Options, pssMb, takeTurns, timeIt } from './measure.ts';
import { gaps, has, Peer } from './peers.ts';
import { SLEEP, Subject, TRUE } from './subject.ts';
import type { Line } from './table.ts';

/** The first budgets were 10 ms and 1 MB. */
const RUN_MS = 8;
const RUN_MB = 0.75;
const RUN_GOAL_MB = 0.25;
/** Relative to a bare spawn, to task-spooler's rate, and to its time. */
const SPAWN_FACTOR = 1.3;
const DRAIN_FACTOR = 1;
const CROWD_FACTOR = 1;
/** The aim is to beat nq, which writes nothing durably. */
const NQ_FACTOR = 1;
const QUEUED = 1_000;
/** tsp accepts no more than 994 and then hangs. */
const QUEUED_TSP = 900;
const CORES = 2;

export async function measureRunning(options: Options): Promise<readonly Line[]> {
  const crowd = options.isQuick ? 50 : 500;
  return [
    ...(await measureTrue(options)),
    ...(await measureDrain(options)),
    (await measureCrowd(10)).memory,
    ...(await measureCrowds(crowd)),
  ];
}

async function measureTrue({ isQuick }: Options): Promise<readonly Line[]> {
  const subject = await Subject.on({ t: TRUE });
  const keepers = new BareKeepers();
  try {
    const line = await subject.line();
    const request = { type: 'run', target: 't', wait: true } as const;
    const { run, bare, keeper } = await takeTurns(isQuick ? 10 : 100, {
      bare: () => timeIt(bareSpawn),
      keeper: () => timeIt(() => keepers.keep()),
      run: () => timeIt(() => line.ask(request, 'ended')),
    });
    line.close();
    const against = { what: 'spawn from Node', figure: bare };
    const budget = { rule: 'at most', on: 'figure', bound: RUN_MS } as const;
    const goal = { rule: 'at most', on: 'ratio', bound: SPAWN_FACTOR } as const;
    const what = 'true, from request to ended';
    const floor = { what: 'its keeper alone', figure: keeper };
    return [
      { what, unit: 'ms', figure: run, against, budget, goal },
      { what: `${what}, against its keeper alone`, unit: 'ms', figure: run, against: floor },
    ];
  } finally {
    keepers.close();
    await subject.close();
  }
}

function bareSpawn(): Promise<unknown> {
  const child = spawn('/bin/true', [], { stdio: 'ignore', env: ENV });
  return new Promise((resolve) => child.once('close', resolve));
}

async function measureDrain(options: Options): Promise<readonly Line[]> {
  const queued = options.isQuick ? QUEUED / 10 : QUEUED;
  const queuedTsp = Math.min(queued, QUEUED_TSP);
  const rounds = options.isQuick ? 1 : 3;
  const [baton, bare, tsp, nq]: number[][] = [[], [], [], []];
  for (let round = 0; round < rounds; round++) {
    options.say(`drain ${round + 1} of ${rounds}`);
    baton?.push(await drainBaton(queued));
    bare?.push(await drainKeepers(queued));
    if (has('tsp')) tsp?.push(await drainPeer(new Peer('tsp', 1), queuedTsp));
    if (has('nq')) nq?.push(await drainPeer(new Peer('nq'), queued));
  }
  const figure = median(baton ?? []);
  const what = `${queued} × true drained, two at a time`;
  const beside = (name: 'tsp' | 'nq', said: string, rates: readonly number[]): readonly Line[] => {
    if (!has(name)) return gaps(`${what}, against ${name}`, name);
    const against = { what: said, figure: median(rates) };
    const line: Line = { what: `${what}, against ${name}`, unit: '/s', figure, against };
    const atLeast = (bound: number) => ({ rule: 'at least', on: 'ratio', bound }) as const;
    if (name === 'nq') return [{ ...line, budget: atLeast(NQ_FACTOR) }];
    return [{ ...line, goal: atLeast(DRAIN_FACTOR) }];
  };
  const floor = { what: 'the keepers alone', figure: median(bare ?? []) };
  return [
    { what: `${what}, against the keepers alone`, unit: '/s', figure, against: floor },
    ...beside('tsp', `tsp (${queuedTsp}, its most)`, tsp ?? []),
    ...beside('nq', 'nq (one at a time)', nq ?? []),
  ];
}

async function drainBaton(count: number): Promise<number> {
  const policies = [{ type: 'cardinality', instances: CORES }];
  const subject = await Subject.on({ t: { ...TRUE, policies } });
  try {
    const [line, watch] = [await subject.line(), await subject.line()];
    await line.ask({ type: 'pause', target: 't' }, 'done');
    const asked = Array.from({ length: count }, () => ({ type: 'run', target: 't' }) as const);
    const accepted = await line.collect(asked, 'accepted');
    const requests = accepted.map(({ run }): RequestInput => ({ type: 'wait', run }));
    const ended = watch.collect(requests.slice(-CORES), 'ended');
    const tookMs = await timeIt(async () => {
      await line.ask({ type: 'resume', target: 't' }, 'done');
      await ended;
    });
    for (const end of await ended) if (end.exit !== 0) throw new Error(`run ${end.run} failed`);
    line.close();
    watch.close();
    return (count * 1_000) / tookMs;
  } finally {
    await subject.close();
  }
}

/** The limit of the design: the same number of keepers, each released immediately, no journal. */
async function drainKeepers(count: number): Promise<number> {
  const keepers = new BareKeepers();
  try {
    let left = count;
    const work = async (): Promise<void> => {
      while (left-- > 0) await keepers.keep();
    };
    await keepers.keep();
    const tookMs = await timeIt(() => Promise.all(Array.from({ length: CORES }, work)));
    return (count * 1_000) / tookMs;
  } finally {
    keepers.close();
  }
}

/** Queues jobs behind one that sleeps, kills that one, and waits for all. */
async function drainPeer(peer: Peer, count: number): Promise<number> {
  try {
    await peer.fill(1, 'sleep 1000');
    await peer.fill(count, 'true');
    const [sleeper] = peer.pids('sleep');
    if (sleeper === undefined) throw new Error(`${peer.name} did not start its first job`);
    const tookMs = await timeIt(async () => {
      if (peer.name === 'tsp') await peer.shell(`tsp -S ${CORES}`);
      process.kill(sleeper, 'SIGKILL');
      await peer.drained();
    });
    return (count * 1_000) / tookMs;
  } finally {
    await peer.close();
  }
}

/** Compares baton and tsp with this many sleeping jobs at once. */
async function measureCrowds(count: number): Promise<readonly Line[]> {
  const { tookMs, memory } = await measureCrowd(count);
  const row = { what: `${count} runs started at once`, unit: 'ms', figure: tookMs } as const;
  if (!has('tsp')) return [row, memory, ...gaps(`${count} jobs of tsp`, 'tsp')];
  const tsp = await measureTspCrowd(count);
  const against = { what: `${count} jobs of tsp`, figure: tsp.tookMs };
  const goal = { rule: 'at most', on: 'ratio', bound: CROWD_FACTOR } as const;
  return [{ ...row, against, goal }, memory, tsp.memory];
}

interface Crowd {
  /** Until the last one is running. */
  readonly tookMs: number;
  readonly memory: Line;
}

async function measureCrowd(count: number): Promise<Crowd> {
  const subject = await Subject.on({ s: SLEEP });
  try {
    const line = await subject.line();
    const before = pssMb(subject.pid);
    const asked = Array.from({ length: count }, () => {
      return { type: 'run', target: 's', wait: true } as const;
    });
    const lines = await Promise.all(
      Array.from({ length: Math.ceil(count / WINDOW) }, () => subject.line()),
    );
    const tookMs = await timeIt(() =>
      Promise.all(
        lines.map((each, at) =>
          each.collect(asked.slice(at * WINDOW, (at + 1) * WINDOW), 'started'),
        ),
      ),
    );
    const { targets } = await line.ask({ type: 'status' }, 'status');
    const keepers = targets.flatMap(({ active }) => active.flatMap(({ pid }) => pid ?? []));
    if (keepers.length !== count) throw new Error(`${keepers.length} of ${count} are running`);
    const all = keepers.reduce((sum, pid) => sum + pssMb(pid), 0) + pssMb(subject.pid) - before;
    for (const each of [line, ...lines]) each.close();
    const what = `memory of each of ${count} runs (PSS)`;
    const budget = { rule: 'at most', on: 'figure', bound: RUN_MB } as const;
    const goal = { rule: 'at most', on: 'figure', bound: RUN_GOAL_MB } as const;
    return { tookMs, memory: { what, unit: 'MB', figure: all / count, budget, goal } };
  } finally {
    await subject.close();
  }
}

/** The same for tsp: the memory of its own processes, without the jobs. */
async function measureTspCrowd(count: number): Promise<Crowd> {
  const what = `memory of each of ${count} jobs of tsp (PSS)`;
  const peer = new Peer('tsp', count);
  try {
    const tookMs = await timeIt(() => peer.fill(count, 'sleep 1000'));
    const all = peer.pids('tsp').reduce((sum, pid) => sum + pssMb(pid), 0);
    return { tookMs, memory: { what, unit: 'MB', figure: all / count } };
  } finally {
    await peer.close();
  }
}
