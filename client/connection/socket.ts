/** The socket that the client connects to. Part of the fast path. */
import { accessSync } from 'node:fs';
import { clientSocket } from '../../daemon/protocol/request.ts';

/** R_OK and W_OK of access(2), and F_OK: as literals, to keep the bundle small. */
const READ_WRITE = 6;
const EXISTS = 0;

export function findSocket(): string {
  return clientSocket(process.env, process.getuid?.() ?? 0, test);
}

function test(path: string, mayOpen: boolean): boolean {
  try {
    accessSync(path, mayOpen ? READ_WRITE : EXISTS);
    return true;
  } catch {
    return false;
  }
}
