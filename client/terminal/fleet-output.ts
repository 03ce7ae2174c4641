/**
 * The output of a fleet's hosts: at a terminal line by line as it arrives, each prefixed with its
 * host; elsewhere host by host, in the form in which `head` shows several files, each when its run
 * has ended. Both hold at most a part of a line in memory.
 */
import { areOneFile, writeAll } from './output.ts';

type Stream = 'out' | 'err';

const FD = { out: 1, err: 2 } as const;
const NEWLINE = 10;
/** A longer line is shown in parts, each as a line. */
export const PART_BYTES_MAX = 65_536;

/** Returns the errno's name if something could not be written. */
type Write = (host: string, stream: Stream, bytes: Uint8Array) => string | undefined;

export interface FleetOutput {
  readonly write: Write;
  /** This host prints nothing more. */
  readonly end: (host: string) => string | undefined;
}

/** Each line prefixed with its host. */
export function prefixed(to: typeof writeAll = writeAll): FleetOutput {
  const parts = new Map<string, Buffer>();
  const put = (host: string, stream: Stream, lines: Uint8Array): string | undefined => {
    const head = Buffer.from(`${host}: `);
    const pieces: Uint8Array[] = [];
    for (let from = 0; from < lines.length; ) {
      const end = lines.indexOf(NEWLINE, from);
      const next = end < 0 ? lines.length : end + 1;
      pieces.push(head, lines.subarray(from, next));
      from = next;
    }
    return pieces.length === 0 ? undefined : to(FD[stream], Buffer.concat(pieces));
  };
  const flush = (host: string, stream: Stream): string | undefined => {
    const part = parts.get(`${stream} ${host}`);
    parts.delete(`${stream} ${host}`);
    if (part === undefined) return undefined;
    return put(host, stream, Buffer.concat([part, Buffer.from([NEWLINE])]));
  };
  return {
    write: (host, stream, bytes) => {
      const part = parts.get(`${stream} ${host}`);
      const all = part === undefined ? bytes : Buffer.concat([part, bytes]);
      const whole = all.lastIndexOf(NEWLINE) + 1;
      const rest = all.subarray(whole);
      if (rest.length > 0) parts.set(`${stream} ${host}`, Buffer.from(rest));
      else parts.delete(`${stream} ${host}`);
      const code = put(host, stream, all.subarray(0, whole));
      return code ?? (rest.length > PART_BYTES_MAX ? flush(host, stream) : undefined);
    },
    end: (host) => flush(host, 'out') ?? flush(host, 'err'),
  };
}

/** One host after the other: a line with its name, then all of its output. */
export function inBlocks(to: typeof writeAll = writeAll, isOneFile = areOneFile()): FleetOutput {
  /** The host that the stream shows, and whether its output stopped in the middle of a line. */
  const shown: Record<Stream, string | undefined> = { out: undefined, err: undefined };
  const isMidLine: Record<Stream, boolean> = { out: false, err: false };
  return {
    write: (host, stream, bytes) => {
      const at = isOneFile ? 'out' : stream;
      const end = isMidLine[at] ? '\n' : '';
      const head = shown[at] === host ? '' : `${end}==> ${host} <==\n`;
      shown[at] = host;
      isMidLine[at] = bytes.at(-1) !== NEWLINE;
      return to(FD[stream], head === '' ? bytes : Buffer.concat([Buffer.from(head), bytes]));
    },
    end: (host) => {
      let code: string | undefined;
      for (const at of ['out', 'err'] as const) {
        if (shown[at] !== host) continue;
        shown[at] = undefined;
        if (isMidLine[at]) code ??= to(FD[at], Buffer.from('\n'));
        isMidLine[at] = false;
      }
      return code;
    },
  };
}
