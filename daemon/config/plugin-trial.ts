/**
 * First imports a module in a separate process: an endless loop, an exit or a crash there does not
 * affect the daemon. Also, only an error that ends a process reports the line of a syntax error.
 * The process ends with the daemon, whatever the module does.
 */
import { spawn } from 'node:child_process';
import type { Result } from '../shared/result.ts';
import * as say from './config-messages.ts';
import { cleaned } from './plugin-guard.ts';

/** Longest time for importing a module. */
export const IMPORT_MS_MAX = 10_000;
/** How much of the module's last output is read. */
const STDERR_CHARS_MAX = 65_536;

/** The import has finished; a module that ends its process uses another status. */
const IMPORTED = 93;
/** Nothing is left to do, and the import is still pending. */
const UNSETTLED = 94;
/** How often the process checks whether the daemon is still alive. */
const PARENT_LOOK_MS = 250;
/** In a separate thread, because the module may loop for ever, and nothing else would end it. */
const WATCH = `const [, , daemon] = process.argv;
  setInterval(() => {
    if (process.ppid !== Number(daemon)) process.kill(process.pid, 'SIGKILL');
  }, ${PARENT_LOOK_MS});`;
const CODE = `const { Worker } = require('node:worker_threads');
  const [, url, daemon] = process.argv;
  new Worker(${JSON.stringify(WATCH)}, { eval: true, argv: [daemon] }).unref();
  process.once('beforeExit', () => process.exit(${UNSETTLED}));
  import(url).then(() => process.exit(${IMPORTED}))`;

/** Resolves with the reason if it cannot be imported; never rejects. */
export function tryImport(url: string, msMax = IMPORT_MS_MAX): Promise<Result<undefined>> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--eval', CODE, url, String(process.pid)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let text = '';
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      child.kill('SIGKILL');
    }, msMax);
    child.stderr.setEncoding('utf8').on('data', (piece: string) => {
      if (text.length < STDERR_CHARS_MAX) text += piece;
    });
    const end = (error: string | undefined): void => {
      clearTimeout(timer);
      child.stderr.destroy();
      resolve(error === undefined ? { ok: true, value: undefined } : { ok: false, error });
    };
    child.once('error', (error) => end(say.failedImport(error.message)));
    // Not "close": a process that the module left behind may hold the pipe.
    child.once('exit', (code, signal) => {
      if (isLate || code === UNSETTLED) return end(say.lateImport(msMax));
      if (code === IMPORTED) return end(undefined);
      setImmediate(() => end(say.failedImport(reasonIn(text) ?? say.endsProcess(code ?? signal))));
    });
  });
}

/** The error that ended the process, with its line number. */
function reasonIn(stderr: string): string | undefined {
  const lines = stderr.split('\n');
  const error = lines.find((line) => /^(\[?\w*(Error|Exception)\b.*: |Uncaught )/.test(line));
  if (error === undefined) return undefined;
  const [, line] = /^file:\S+?:(\d+)$/m.exec(stderr) ?? [];
  return cleaned(line === undefined ? error : say.atLine(error, line));
}
