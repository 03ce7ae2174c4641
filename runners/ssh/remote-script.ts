/**
 * The text that a server is asked to run, and what is written to its stdin.
 *
 * Usually the command runs below a small shell that listens to us on stdin, while the command's own
 * stdin is empty. A line there, `TERM GRACE_S`, is a signal for the whole process group, and `TERM
 * GRACE_S main` is one for the command alone until that has ended. sshd's own way to signal a
 * command is not sufficient: it refuses for root ("session signalling requires privilege
 * separation") and for forced commands. With `killOnDisconnect` the end of stdin, however the
 * connection dies, ends the group as well. A command with `verbatim` is sent unmodified, for keys
 * whose forced command checks the text.
 *
 * Variables are sent on stdin as well: sshd drops those of the protocol (AcceptEnv), and everybody
 * on the other machine can read a command's text.
 */
import { randomBytes } from 'node:crypto';
import type { SshSession } from '../../daemon/core/plan.ts';
import { STOP_SIGNALS, type StopOrder, type StopSignal } from '../../daemon/shared/stop.ts';

/** From the signal to KILL after the connection is gone. */
const ALONE_GRACE_S = 30;

/** Exit status of ssh(1) if ssh itself has failed. */
export const LOST_CODE = 255;

/** Ends the group: signals it now, and kills what is left after the grace time. */
export function stopLine(name: StopSignal | 'KILL', { to, graceMs }: StopOrder): string {
  const whom = to === 'main' && name !== 'KILL' ? ' main' : '';
  return `${name} ${Math.max(1, Math.ceil(graceMs / 1_000))}${whom}\n`;
}

export interface Script {
  readonly text: string;
  readonly input: string;
  /** A line on stderr: see `announced`. */
  readonly mark: string;
}

/**
 * `announced`: prints a mark on stderr, starts the command only when it has its input, and prints
 * the mark again before it exits with 255 or kills its group. ssh(1)'s own 255 has no second mark.
 */
export function script(
  {
    command,
    env,
    killOnDisconnect,
    verbatim,
    shell,
    stop,
  }: Pick<SshSession, 'command' | 'env' | 'killOnDisconnect' | 'verbatim' | 'shell'> & {
    readonly stop: StopOrder;
  },
  announced = false,
): Script {
  const mark = `# baton ${randomBytes(8).toString('hex')}`;
  if (verbatim) return { text: command, input: '', mark };
  const variables = Object.entries(env);
  const isAwaited = announced || variables.length > 0;
  const lines = variables.map(([name, value]) => `export ${name}=${quoteText(value)}`);
  const input = isAwaited ? `${[...lines, mark].join('\n')}\n` : '';
  const readers = {
    exec: `exec ${command}`,
    sh: `exec sh -c ${quoteText(command)}`,
    // SHLVL tells bash that another shell has already read ~/.bashrc.
    own: `SHLVL=1; exec "\${SHELL:-/bin/sh}" -c ${quoteText(command)}`,
  };
  const parts = [
    ...(announced ? [`echo "${mark}" >&2`] : []),
    ...(isAwaited ? [readVariables(mark)] : []),
    supervised(readers[shell], stop, killOnDisconnect, announced ? `echo "${mark}" >&4` : ':'),
    ...(announced ? [`[ "$r" != ${LOST_CODE} ] || echo "${mark}" >&4`] : []),
    'exit "$r"',
  ];
  return { text: `exec sh -c ${quoteText(parts.join('\n'))}`, input, mark };
}

/**
 * For any Bourne shell. Plain words stay as they are: a forced command such as rrsync compares the
 * exact text.
 */
export function quote(word: string): string {
  return /^[\w@+:,./-]+$/.test(word) ? word : quoteText(word);
}

function quoteText(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function readVariables(mark: string): string {
  return [
    'e=',
    `while IFS= read -r l || exit ${LOST_CODE}; do`,
    `[ "$l" = "${mark}" ] && break`,
    'e="$e$l',
    '"',
    'done',
    'eval "$e"',
    'unset e l',
  ].join('\n');
}

/**
 * The command is a foreground child: a background one would ignore INT. The trap with a handler
 * keeps this shell alive when the group is signalled, and is not inherited. Its own stderr is
 * closed, or it would print "Terminated". If it was told to end the command, the listener stays
 * until the grace time is over, for what is left of the group; it signals that by a TERM to this
 * shell alone, because bash forgets an INT that its child has survived. The listener reads nothing
 * before the child has its own traps: a TERM in between would be lost, until KILL follows after the
 * grace time. Under load that still happened, about once in some hundred stops that coincided with
 * the start. Checked with dash and bash.
 */
function supervised(
  reader: string,
  { signal, to }: StopOrder,
  killOnDisconnect: boolean,
  beforeKill: string,
): string {
  const atEnd = killOnDisconnect
    ? `tell ${signal} ${to}; sleep ${ALONE_GRACE_S}; kill -KILL 0`
    : ':';
  const signals = STOP_SIGNALS.join(' ');
  return [
    `t=; trap t=1 ${signals}`,
    'exec 3<&0 </dev/null 4>&2 2>/dev/null',
    `{ trap "" ${signals}; g=`,
    TELL,
    'while read -r s n m; do',
    `g=$n h=$s k=$m; [ "$s" != KILL ] || ${beforeKill}; tell "$s" "$m"; done`,
    // The command has ended: this shell must not delay the end of stderr.
    'exec 4>&-',
    '[ -z "$g" ] || { [ "$k" != main ] || kill -"$h" 0; sleep "$g"; kill -KILL 0; }',
    `${atEnd}; } <&3 >/dev/null &`,
    'w=$!',
    'kill -STOP $w',
    'exec 3<&-',
    // Without the parentheses, dash redirects its own stderr, and would print there after all.
    `( kill -CONT $w; [ -z "$t" ] || exit 143; exec 2>&4 4>&-; ${reader} )`,
    'r=$?',
    '[ -n "$t" ] || kill -KILL $w',
  ].join('\n');
}

/**
 * `tell SIGNAL main|tree`, in the listener: the command is the child of the small shell other than
 * the listener. The small shell is signalled first, so that it does not end the listener with the
 * command. If neither /proc nor ps(1) knows the command, the whole group is signalled.
 */
const TELL = [
  'tell() { c=',
  'if [ "$2" = main ]; then',
  "i=$(exec sh -c 'echo $PPID')",
  'l=$(cat /proc/$$/task/$$/children || ps -A -o pid= -o ppid= |',
  'while read -r p q; do [ "$q" != $$ ] || echo "$p"; done)',
  'for p in $l; do [ "$p" = "$i" ] || c="$c $p"; done',
  'fi',
  'kill -TERM $$',
  'if [ -n "$c" ]; then kill -"$1" $c; else kill -"$1" 0; fi; }',
].join('\n');
