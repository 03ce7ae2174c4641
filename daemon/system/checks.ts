/**
 * Checks that take time: commands of the administrator, and network hosts. getent(1) looks up
 * names, because Node would occupy one of its few threads until a name server answers.
 */
import { connect, isIP, type Socket } from 'node:net';
import { subjectOf } from '../core/describe-condition.ts';
import type { SlowCondition } from '../core/world.ts';
import { errnoOf } from '../shared/errno.ts';
import { type Ran, runBounded } from './bounded-command.ts';
import * as say from './condition-text.ts';
import { findUser, ownAccount, type PasswdEntry } from './passwd.ts';

export interface Answer {
  readonly holds: boolean;
  /** What was found, as a clause. */
  readonly text: string;
}

type Of<K extends SlowCondition['kind']> = Extract<SlowCondition, { kind: K }>;
type Done = (answer: Answer) => void;

/** How much later than the daemon timeout(1) kills a command, if the daemon is gone. */
const ALONE_SECONDS = 5;
/** Most addresses of one host that are tried. */
const ADDRESSES_MAX = 8;

/** Runs a command without a shell, ignoring its output; the condition is met if it exits with 0. */
export function checkCommand(condition: Of<'command'>, done: Done): () => void {
  const { user } = condition;
  const subject = subjectOf(condition);
  let stop: (() => void) | undefined;
  let isStopped = false;
  const begin = (account: PasswdEntry | undefined): void => {
    if (account === undefined) return done(no(say.notSeen(subject, say.noSuchUser(user ?? ''))));
    if (isStopped) return done(no(say.notSeen(subject, 'SIGKILL')));
    stop = runBounded(
      argsOf(condition, account),
      (ran) => done(judge(subject, ran)),
      envOf(account),
    );
  };
  const account = user === undefined ? Promise.resolve(ownAccount()) : findUser(user);
  account.then(begin, (error) => done(no(say.notSeen(subject, errnoOf(error)))));
  return () => {
    isStopped = true;
    stop?.();
  };
}

/**
 * Run by timeout(1), which also ends it if the daemon is gone. And spawning blocks the daemon until
 * the program has been executed: timeout(1) is on a disk that answers, the command may not be.
 */
function argsOf(
  { args, timeoutMs }: Of<'command'>,
  { uid, gid }: PasswdEntry,
): [string, ...string[]] {
  const seconds = Math.ceil(timeoutMs / 1_000) + ALONE_SECONDS;
  const isOther = uid !== process.getuid?.() || gid !== process.getgid?.();
  const become = isOther
    ? ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--init-groups', '--']
    : [];
  return ['timeout', '-s', 'KILL', String(seconds), ...become, ...args];
}

/** The same as for a run of this user. */
function envOf({ name, home }: PasswdEntry): Readonly<Record<string, string>> {
  const path = '/usr/bin:/bin';
  return { SHELL: '/bin/sh', PATH: path, HOME: home, LOGNAME: name, USER: name };
}

function judge(subject: string, { code, errno }: Ran): Answer {
  if (errno !== undefined) return no(say.notSeen(subject, errno));
  if (code === 0) return { holds: true, text: say.exitedWith(subject, 0) };
  return no(code === undefined ? say.wasKilled(subject) : say.exitedWith(subject, code));
}

/** Connects, and closes the connection immediately. */
export function checkHost(condition: Of<'host'>, done: Done): () => void {
  const { host, port } = condition;
  const sockets: Socket[] = [];
  let isStopped = false;
  const dial = (addresses: readonly string[]): void => {
    if (isStopped) return done(no(say.notReached(host, port, 'ECANCELED')));
    let left = addresses.length;
    let isDone = false;
    const finish = (answer: Answer): void => {
      if (isDone) return;
      isDone = true;
      for (const socket of sockets) socket.destroy();
      done(answer);
    };
    for (const address of addresses) {
      const socket = connect({ host: address, port });
      sockets.push(socket);
      socket.once('connect', () => finish({ holds: true, text: say.answers(host, port) }));
      socket.once('error', (error) => {
        if (--left === 0) finish(no(say.notReached(host, port, errnoOf(error))));
      });
      // Also if it was destroyed before it could connect.
      socket.once('close', () => isStopped && finish(no(say.notReached(host, port, 'ECANCELED'))));
    }
  };
  const stopLookup = findAddresses(host, (addresses) => {
    if (addresses.length > 0) dial(addresses);
    else done(no(say.unknownHost(host)));
  });
  return () => {
    isStopped = true;
    stopLookup();
    for (const socket of sockets) socket.destroy();
  };
}

function findAddresses(host: string, found: (addresses: readonly string[]) => void): () => void {
  if (isIP(host) !== 0) {
    setImmediate(found, [host]);
    return () => {};
  }
  return runBounded(['getent', 'ahosts', '--', host], ({ stdout }) => {
    const words = stdout.split('\n').map((line) => line.split(/\s/, 1)[0] ?? '');
    const addresses = [...new Set(words)].filter((word) => isIP(word) !== 0);
    found(addresses.slice(0, ADDRESSES_MAX));
  });
}

function no(text: string): Answer {
  return { holds: false, text };
}
