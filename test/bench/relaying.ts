/** Section 4: relaying output to clients: how fast, and that the daemon does not grow. */
import { join } from 'node:path';
import { BATON } from '../support/rig.ts';
import { connect } from './line.ts';
import { growthMb, NODE, type Options, takeTurns, timeOnce } from './measure.ts';
import { Subject } from './subject.ts';
import type { Line } from './table.ts';

const MB = 1_000_000;
/** The first budget was 200. */
const RATE_MBS = 300;
/** Of `cat | cat`. */
const CAT_FACTOR = 1;
/** The tolerance of "flat": buffers, and variations of Node itself. */
const FLAT_MB = 24;
const CLIENTS = 10;
const LINE_MB = 100;
const SLOW_READ_MS = 20;

export async function measureRelaying({ isQuick, say }: Options): Promise<readonly Line[]> {
  const bigMb = isQuick ? 100 : 1_000;
  const sh = (script: string) => ({ runner: { type: 'local', args: ['/bin/sh', '-c', script] } });
  const subject = await Subject.on({
    big: sh(`yes 'a line of a backup that tells what it does' | head -c ${bigMb * MB}`),
    line: sh(`head -c ${LINE_MB * MB} /dev/zero | tr '\\0' x`),
  });
  try {
    const [big, long] = [await produce(subject, 'big'), await produce(subject, 'line')];
    say(`relaying: ${bigMb} MB`);
    const one = await measureOne(subject, big, bigMb, isQuick);
    say(`relaying: ${bigMb} MB to ${CLIENTS} clients`);
    const ten = await measureTen(subject, big, bigMb);
    const line = await measureLine(subject, long);
    return [...one, ...ten, ...line, ...(await measureStalled(subject, big, bigMb))];
  } finally {
    await subject.close();
  }
}

/** Runs it to its end, so that relaying is measured and not the job. */
async function produce(subject: Subject, target: string): Promise<number> {
  const line = await subject.line();
  const { run } = await line.ask({ type: 'run', target }, 'accepted');
  const script = `${NODE} ${BATON} wait ${run} >/dev/null`;
  await timeOnce(['sh', '-c', script], { BATON_SOCKET: subject.socket });
  line.close();
  return run;
}

function relay(subject: Subject, run: number, count = 1): Promise<number> {
  const one = `${NODE} ${BATON} wait ${run} >/dev/null`;
  const script = count === 1 ? one : `${`${one} & `.repeat(count)} wait`;
  return timeOnce(['sh', '-c', script], { BATON_SOCKET: subject.socket });
}

async function measureOne(
  subject: Subject,
  run: number,
  mb: number,
  isQuick: boolean,
): Promise<readonly Line[]> {
  const file = join(subject.state, 'runs', String(run), 'out');
  const raw = `printf '{"type":"wait","run":${run}}\\n' | nc -N -U ${subject.socket} >/dev/null`;
  const request = ['sh', '-c', raw];
  let grown = 0;
  const ms = await takeTurns(isQuick ? 1 : 3, {
    cat: () => timeOnce(['sh', '-c', `cat ${file} | cat >/dev/null`]),
    nc: () => timeOnce(request),
    baton: async () => {
      let tookMs = 0;
      const grow = await growthMb(subject.pid, async () => {
        tookMs = await relay(subject, run);
      });
      grown = Math.max(grown, grow);
      return tookMs;
    },
  });
  const against = { what: 'cat | cat', figure: rate(mb, ms.cat) };
  const budget = { rule: 'at least', on: 'figure', bound: RATE_MBS } as const;
  const goal = { rule: 'at least', on: 'ratio', bound: CAT_FACTOR } as const;
  const what = `${mb} MB to one client`;
  return [
    { what, unit: 'MB/s', figure: rate(mb, ms.baton), against, budget, goal },
    { what: `${mb} MB to one nc`, unit: 'MB/s', figure: rate(mb, ms.nc), against },
    flat(`daemon's memory grows by, ${what}`, grown),
  ];
}

async function measureTen(subject: Subject, run: number, mb: number): Promise<readonly Line[]> {
  const file = join(subject.state, 'runs', String(run), 'out');
  const cats = `${`cat ${file} | cat >/dev/null & `.repeat(CLIENTS)} wait`;
  const catMs = await timeOnce(['sh', '-c', cats]);
  let tookMs = 0;
  const grown = await growthMb(subject.pid, async () => {
    tookMs = await relay(subject, run, CLIENTS);
  });
  const all = mb * CLIENTS;
  const against = { what: `${CLIENTS} × cat | cat`, figure: rate(all, catMs) };
  const budget = { rule: 'at least', on: 'figure', bound: RATE_MBS } as const;
  const what = `${mb} MB to each of ${CLIENTS} clients`;
  return [
    { what: `${what}, in all`, unit: 'MB/s', figure: rate(all, tookMs), against, budget },
    flat(`daemon's memory grows by, ${what}`, grown),
  ];
}

async function measureLine(subject: Subject, run: number): Promise<readonly Line[]> {
  let tookMs = 0;
  const grown = await growthMb(subject.pid, async () => {
    tookMs = await relay(subject, run);
  });
  const what = `one line of ${LINE_MB} MB`;
  return [
    { what, unit: 'MB/s', figure: rate(LINE_MB, tookMs) },
    flat(`daemon's memory grows by, ${what}`, grown),
  ];
}

/** One client reads nothing, one reads slowly, one as fast as it can. */
async function measureStalled(subject: Subject, run: number, mb: number): Promise<readonly Line[]> {
  const sockets = [await connect(subject.socket), await connect(subject.socket)];
  const [stalled, slow] = sockets;
  stalled?.pause();
  slow?.on('data', () => slow.pause());
  const timer = setInterval(() => slow?.resume(), SLOW_READ_MS);
  let besideMs = 0;
  try {
    const grown = await growthMb(subject.pid, async () => {
      for (const socket of sockets) socket.write(`{"type":"wait","run":${run}}\n`);
      besideMs = await relay(subject, run);
    });
    const aloneMs = await relay(subject, run);
    const against = { what: 'alone', figure: rate(mb, aloneMs) };
    const what = 'beside a slow and a stalled reader';
    return [
      { what: `${mb} MB ${what}`, unit: 'MB/s', figure: rate(mb, besideMs), against },
      flat(`daemon's memory grows by, ${what}`, grown),
    ];
  } finally {
    clearInterval(timer);
    for (const socket of sockets) socket.destroy();
  }
}

function flat(what: string, figure: number): Line {
  const budget = { rule: 'at most', on: 'figure', bound: FLAT_MB } as const;
  return { what, unit: 'MB', figure, budget };
}

function rate(mb: number, ms: number): number {
  return (mb * 1_000) / ms;
}
