/**
 * Ports of 127.0.0.1 that nobody has, for servers that a test starts. They are below those that
 * the kernel gives to connections: a server that is killed and started again finds its port as
 * free as it was. Each process begins elsewhere, or two of them would take the same port between a
 * look at it and its use.
 */
import { createServer } from 'node:net';

const FIRST = 10_000;
const COUNT = 22_000;
/** More than a file of tests takes at a time. */
const APART = 16;

let at = (process.pid * APART) % COUNT;

export async function freePorts(count: number): Promise<readonly number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = FIRST + (at++ % COUNT);
    if (await isFree(port)) ports.push(port);
  }
  return ports;
}

export async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1);
  return port;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
