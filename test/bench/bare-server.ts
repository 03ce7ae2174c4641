/**
 * The smallest server in Node that makes requests durable before it answers: no checks, no queues,
 * no policies, one write and one fdatasync for all requests that came in the meantime.
 *
 *   node bare-server.js SOCKET FILE
 *
 * Prints a line once it listens, and exits when its stdin ends.
 */
import { fdatasync, openSync, writeSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';

interface Accepted {
  readonly client: Socket;
  readonly run: number;
}

const [, , path = '', file = ''] = process.argv;
const journal = openSync(file, 'a');
let waiting: Accepted[] = [];
let lines: string[] = [];
let isBusy = false;
let runs = 0;

createServer((client) => {
  client.on('error', () => {});
  // Clients wait for each answer, so each chunk is one request.
  client.setEncoding('utf8').on('data', (request: string) => {
    const asked: unknown = JSON.parse(request);
    const record = { type: 'accepted', run: ++runs, asked, at: Date.now() };
    waiting.push({ client, run: record.run });
    lines.push(`${JSON.stringify(record)}\n`);
    if (isBusy) return;
    isBusy = true;
    setImmediate(commit);
  });
}).listen(path, () => process.stdout.write('listening\n'));
process.stdin.on('end', () => process.exit()).resume();

function commit(): void {
  const taken = waiting;
  waiting = [];
  writeSync(journal, lines.join(''));
  lines = [];
  fdatasync(journal, (error) => {
    if (error) throw error;
    for (const { client, run } of taken) client.write(`{"type":"accepted","run":${run}}\n`);
    isBusy = waiting.length > 0;
    if (isBusy) commit();
  });
}
