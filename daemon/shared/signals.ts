/** The names of signals. Pure. */

/** signal(7) on Linux, by number. */
const SIGNALS =
  ' HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP ' +
  'TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS';

/** Such as "SIGKILL"; empty if it has no name. */
export function nameSignal(signal: number): string {
  const name = SIGNALS.split(' ')[signal];
  return name ? `SIG${name}` : '';
}

/** "SIGHUP", "SIGINT", … */
export const SIGNAL_NAMES: readonly string[] = SIGNALS.trim()
  .split(' ')
  .map((name) => `SIG${name}`);
