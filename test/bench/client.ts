/** Section 1: the cost of a crontab line, as whole processes from start to exit. */
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { BATON } from '../support/rig.ts';
import { NODE, type Options, timeProcesses } from './measure.ts';
import { gaps, has, Peer } from './peers.ts';
import { Subject, TRUE } from './subject.ts';
import type { Budget, Line, Row } from './table.ts';

const FRONT_DOOR = join(dirname(BATON), 'baton.pl');
const CROWD = 30;
/** What a run itself may cost a waiting client: forks, four disk writes, and the way back. */
const RUN_MS = 10;
/** The first budget was 1.3, and 12 ms for the run. */
const NODE_FACTOR = 1.25;
/** What the front door may take, of the time that task-spooler takes. */
const TSP_FACTOR = 2.5;
const TSP_WAIT_FACTOR = 4;
/** The smallest possible client in Node: anything above it is baton's own. */
const LEAST = `const socket = require('net').connect(process.env.BATON_SOCKET);
socket.on('connect', () => socket.write('{"type":"run","target":"queue"}\\n'));
socket.on('data', () => process.exit());`;

export async function measureClient({ isQuick }: Options): Promise<readonly Line[]> {
  const lacking = gaps('the client', 'hyperfine', 'nc');
  if (lacking.length > 0) return lacking;
  const subject = await Subject.on({ t: TRUE, queue: TRUE });
  const [tsp, nq] = [new Peer('tsp', 2), new Peer('nq')];
  try {
    const line = await subject.line();
    await line.ask({ type: 'pause', target: 'queue' }, 'done');
    line.close();
    const input = join(subject.directory, 'request');
    writeFileSync(input, '{"type":"run","target":"queue"}\n');
    const env = { BATON_SOCKET: subject.socket, ...tsp.env, ...nq.env };
    const timing = { rounds: isQuick ? 1 : 5, runs: isQuick ? 3 : 8, env };
    const times = await timeProcesses(
      commands(`nc -N -U ${subject.socket} <${input}`, tsp, nq),
      timing,
    );
    const crowds = await timeProcesses(
      {
        node: crowd(`${NODE} -e 0`),
        baton: crowd(`${NODE} ${BATON} run queue`),
        door: crowd(`perl ${FRONT_DOOR} run queue`),
        tsp: crowd(has('tsp') ? tsp.submit('true').join(' ') : 'true'),
      },
      { ...timing, runs: 3 },
    );
    return [...rows(times), ...crowdRows(crowds)];
  } finally {
    await Promise.all([subject.close(), tsp.close(), nq.close()]);
  }
}

type Name =
  | 'node'
  | 'least'
  | 'run'
  | 'wait'
  | 'door'
  | 'doorWait'
  | 'nc'
  | 'flock'
  | 'tsp'
  | 'tspWait'
  | 'nq'
  | 'nqWait';

function commands(nc: string, tsp: Peer, nq: Peer): Record<Name, readonly string[]> {
  const { directory } = tsp;
  // A missing tool costs nothing here and is reported below.
  const orTrue = (tool: 'tsp' | 'nq' | 'flock', command: readonly string[]): readonly string[] =>
    has(tool) ? command : ['true'];
  return {
    node: [NODE, '-e', '0'],
    least: [NODE, '-e', LEAST],
    run: [NODE, BATON, 'run', 'queue'],
    wait: [NODE, BATON, 'run', 't', '--wait'],
    door: ['perl', FRONT_DOOR, 'run', 'queue'],
    doorWait: ['perl', FRONT_DOOR, 'run', 't', '--wait'],
    nc: ['sh', '-c', nc],
    flock: orTrue('flock', ['flock', join(directory, 'lock'), 'true']),
    tsp: orTrue('tsp', tsp.submit('true')),
    tspWait: orTrue('tsp', ['tsp', '-fn', 'true']),
    nq: orTrue('nq', nq.submit('true')),
    nqWait: orTrue('nq', ['sh', '-c', 'nq -q true && nq -w']),
  };
}

function crowd(command: string): readonly string[] {
  const script = `i=0; while [ $i -lt ${CROWD} ]; do ${command} & i=$((i+1)); done; wait`;
  return ['sh', '-c', script];
}

function rows(ms: Readonly<Record<Name, number>>): readonly Line[] {
  const node = { what: 'node -e 0', figure: ms.node };
  const floorMs = NODE_FACTOR * ms.node;
  const startBudget: Budget = { rule: 'at most', on: 'ratio', bound: NODE_FACTOR };
  const from = `${NODE_FACTOR} × node -e 0 + ${RUN_MS} ms`;
  const waitBudget: Budget = { rule: 'at most', on: 'figure', bound: floorMs + RUN_MS, from };
  const against = (what: string, figure: number) => ({ what, figure });
  const row = (what: string, figure: number) => ({ what, unit: 'ms', figure }) as const;
  const peer = (
    tool: 'tsp' | 'nq' | 'flock',
    what: string,
    figure: number,
    other: number,
    bounds: Pick<Row, 'budget' | 'goal'> = {},
  ) => {
    const said = `${what}, against ${tool}`;
    if (!has(tool)) return gaps(said, tool);
    return [{ ...row(said, figure), against: against(tool, other), ...bounds }];
  };
  const tspBudget = { rule: 'at most', on: 'ratio', bound: TSP_FACTOR } as const;
  const tspGoal = { rule: 'at most', on: 'ratio', bound: TSP_WAIT_FACTOR } as const;
  return [
    { ...row('baton run', ms.run), against: node, budget: startBudget },
    { ...row('baton run', ms.run), against: against('three lines of Node', ms.least) },
    { ...row('baton run --wait of true', ms.wait), against: node, budget: waitBudget },
    { ...row('the front door, run', ms.door), against: against('sh and nc', ms.nc) },
    ...peer('tsp', 'the front door, run', ms.door, ms.tsp, { budget: tspBudget }),
    ...peer('nq', 'the front door, run', ms.door, ms.nq),
    ...peer('tsp', 'baton run', ms.run, ms.tsp),
    ...peer('nq', 'baton run', ms.run, ms.nq),
    ...peer('tsp', 'the front door, run --wait', ms.doorWait, ms.tspWait, { goal: tspGoal }),
    ...peer('nq', 'the front door, run --wait', ms.doorWait, ms.nqWait),
    ...peer('flock', 'the front door, run --wait', ms.doorWait, ms.flock),
    ...peer('tsp', 'baton run --wait', ms.wait, ms.tspWait),
    ...peer('flock', 'baton run --wait', ms.wait, ms.flock),
  ];
}

interface Crowds {
  readonly node: number;
  readonly baton: number;
  readonly door: number;
  readonly tsp: number;
}

function crowdRows(ms: Crowds): readonly Line[] {
  const against = { what: `${CROWD} × node -e 0`, figure: ms.node };
  const budget = { rule: 'at most', on: 'ratio', bound: NODE_FACTOR } as const;
  const what = `${CROWD} × the front door, run at once`;
  const tsp = { what: `${CROWD} × tsp`, figure: ms.tsp };
  const doorBudget = { rule: 'at most', on: 'ratio', bound: TSP_FACTOR } as const;
  const door: Line = { what, unit: 'ms', figure: ms.door, against: tsp, budget: doorBudget };
  return [
    { what: `${CROWD} × baton run at once`, unit: 'ms', figure: ms.baton, against, budget },
    ...(has('tsp') ? [door] : []),
  ];
}
