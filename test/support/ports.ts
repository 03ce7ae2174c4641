/**
 * Unused ports of 127.0.0.1 for servers that a test starts. They are below the ports that the
 * kernel assigns to connections, so a server that is killed and restarted finds its port still
 * free. Each process begins elsewhere, because two processes could otherwise take the same port
 * between the check and its use.
 */
import { createServer } from 'node:net';

const FIRST = 10_000;
const COUNT = 22_000;
/** More than one file of tests needs at a time. */
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
