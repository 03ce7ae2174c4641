/**
 * Converts a command line of ssh(1) to the equivalent runner `ssh` (runners/ssh-options.ts). What
 * has no key there is not guessed: the result is a reason, and ssh stays a command of this machine.
 * Pure.
 */
import * as say from './migration-messages.ts';
import { readShell, type ShellWord } from './shell.ts';

export interface SshRunner {
  readonly type: 'ssh';
  /** What is not on the command line still comes from ssh_config. */
  readonly via?: 'openssh';
  readonly host: string;
  readonly port?: number;
  readonly user?: string;
  readonly key?: string;
  readonly agent?: string;
  readonly jump?: readonly string[];
  readonly knownHosts?: string;
  readonly hostKey?: string;
  readonly connectTimeout?: string;
  readonly keepalive?: string;
  readonly args?: readonly string[];
  readonly cmds?: readonly string[];
  readonly stopOnError?: false;
}

export type SshRead =
  | {
      readonly ok: true;
      readonly runner: SshRunner;
      /** What the other machine's shell gets. */
      readonly text: string;
      readonly notes: readonly string[];
    }
  | { readonly ok: false; readonly why: string };

type Draft = { -readonly [Key in keyof SshRunner]?: SshRunner[Key] };

/** Options that have no effect on a run, or only with a terminal. */
const UNMISSED = 'qTnxavkC';
const VALUED = 'BbcDEeFIiJLlmOoPpQRSWw';
/** Settings that prevent prompts, or only change the verbosity. */
const UNMISSED_SETTINGS = [
  ...['batchmode', 'identitiesonly', 'loglevel', 'serveralivecountmax', 'compression'],
  ...['passwordauthentication', 'kbdinteractiveauthentication', 'numberofpasswordprompts'],
  ...[
    'tcpkeepalive',
    'forwardx11',
    'forwardagent=no',
    'requesttty=no',
    'stricthostkeychecking=yes',
  ],
];
const HOST = /^[^\s@/-][^\s@/]*$/;
/** Shell builtins: `args` can only start programs. */
const BUILTINS = [
  'cd',
  '.',
  ':',
  'source',
  'eval',
  'export',
  'set',
  'ulimit',
  'umask',
  'type',
  'exec',
];

/** `agent` is the socket of an agent in the line's environment. */
export function readSsh(words: readonly ShellWord[], agent?: string): SshRead {
  const draft: Draft = {};
  const notes: string[] = [];
  let host: string | undefined;
  let at = 1;
  // Options may also follow the host.
  for (; at < words.length; at++) {
    const word = words[at];
    const value = word === undefined ? undefined : plainText(word);
    if (value === undefined) return { ok: false, why: say.unknownWord(word?.text ?? '') };
    if (value === '--') {
      if (host === undefined) continue;
      at++;
      break;
    }
    if (!value.startsWith('-')) {
      if (host !== undefined) break;
      host = value;
      continue;
    }
    const letters = [...value.slice(1)];
    const valued = letters.findIndex((letter) => VALUED.includes(letter));
    const flags = valued < 0 ? letters : letters.slice(0, valued);
    const odd = flags.find((letter) => !UNMISSED.includes(letter));
    if (odd !== undefined) return { ok: false, why: say.noKeyFor(`-${odd}`) };
    if (valued < 0) continue;
    const rest = value.slice(valued + 2);
    const next = words[at + 1];
    const text = rest === '' && next !== undefined ? plainText(next) : rest;
    if (rest === '') at++;
    if (text === undefined) return { ok: false, why: say.unknownWord(next?.text ?? '') };
    if (!take(draft, notes, letters[valued] ?? '', text)) {
      return { ok: false, why: say.noKeyFor(`-${letters[valued]} ${text}`) };
    }
  }
  return finish(draft, host, words.slice(at), notes, agent);
}

function finish(
  draft: Draft,
  destination: string | undefined,
  rest: readonly ShellWord[],
  notes: readonly string[],
  agent: string | undefined,
): SshRead {
  const sign = destination?.lastIndexOf('@') ?? -1;
  const host = destination?.slice(sign + 1) ?? '';
  const user = sign > 0 ? destination?.slice(0, sign) : draft.user;
  if (!HOST.test(host)) return { ok: false, why: say.noHost(destination ?? '') };
  if (rest.length === 0) return { ok: false, why: say.noRemoteCommand() };
  const odd = rest.find(({ value }) => value === undefined);
  if (odd !== undefined) return { ok: false, why: say.unknownWord(odd.text) };
  const text = rest.map(({ value = '' }) => value).join(' ');
  const { port, key, user: _, ...more } = draft;
  const runner: SshRunner = {
    type: 'ssh',
    ...(user === undefined || key === undefined ? { via: 'openssh' } : {}),
    host,
    ...(port === undefined ? {} : { port }),
    ...(user === undefined ? {} : { user }),
    ...(key === undefined ? {} : { key }),
    ...(agent === undefined ? {} : { agent }),
    ...more,
    ...commandOf(text),
  };
  const forced = key === undefined ? [] : [say.forcedCommand()];
  return { ok: true, runner, text, notes: [...notes, ...forced] };
}

/** One program with its words, or a text for the remote shell. */
function commandOf(text: string): Pick<SshRunner, 'args' | 'cmds' | 'stopOnError'> {
  const { commands, isOne, why } = readShell(text, false);
  const [command] = commands;
  const values = command?.words.flatMap(({ value }) => value ?? []) ?? [];
  const isPlain =
    isOne &&
    why === undefined &&
    command !== undefined &&
    values.length === command.words.length &&
    command.assignments.length + command.redirections.length === 0 &&
    !BUILTINS.includes(values[0] ?? '.');
  return isPlain ? { args: values } : { cmds: [text], stopOnError: false };
}

/** False if no key has that meaning. */
function take(draft: Draft, notes: string[], letter: string, text: string): boolean {
  switch (letter) {
    case 'i':
      return setPath(draft, 'key', text);
    case 'p':
      return setPort(draft, text);
    case 'l':
      draft.user = text;
      return true;
    case 'J':
      draft.jump = text.split(',');
      return true;
    case 'e':
      return text === 'none';
    case 'o':
      return takeSetting(draft, notes, text);
    default:
      return false;
  }
}

/** `NAME=VALUE` or `NAME VALUE`, as in ssh_config(5). */
function takeSetting(draft: Draft, notes: string[], text: string): boolean {
  const [, named = '', value = ''] = /^\s*(\w+)(?:\s*=\s*|\s+)(.*)$/s.exec(text) ?? [];
  const name = named.toLowerCase();
  if (UNMISSED_SETTINGS.includes(name) || UNMISSED_SETTINGS.includes(`${name}=${value}`))
    return true;
  const seconds = /^[1-9]\d*$/.test(value) ? `${value}s` : undefined;
  switch (name) {
    case 'connecttimeout':
      if (seconds !== undefined) draft.connectTimeout = seconds;
      return seconds !== undefined;
    case 'serveraliveinterval':
      if (seconds !== undefined) draft.keepalive = seconds;
      return seconds !== undefined;
    case 'stricthostkeychecking':
      if (!['accept-new', 'no', 'off'].includes(value)) return false;
      if (value !== 'accept-new') notes.push(say.hostKeysChecked());
      draft.hostKey = 'accept-new';
      return true;
    case 'userknownhostsfile':
      return setPath(draft, 'knownHosts', value);
    case 'identityfile':
      return setPath(draft, 'key', value);
    case 'port':
      return setPort(draft, value);
    case 'user':
      draft.user = value;
      return true;
    case 'proxyjump':
      draft.jump = value.split(',');
      return true;
    default:
      return false;
  }
}

function setPath(draft: Draft, name: 'key' | 'knownHosts', path: string): boolean {
  if (draft[name] !== undefined || !/^(?:\/|~\/)\S+$/.test(path)) return false;
  draft[name] = path;
  return true;
}

function setPort(draft: Draft, text: string): boolean {
  if (!/^\d{1,5}$/.test(text)) return false;
  draft.port = Number(text);
  return true;
}

/** Including `~/…`, which baton reads as the shell does. */
function plainText({ value, text }: ShellWord): string | undefined {
  return value ?? (/^~\/[\w./-]+$/.test(text) ? text : undefined);
}
