/**
 * Several commands as one, for the one child of a keeper: a small script for sh, in which every
 * word is quoted, so that the shell interprets nothing in it.
 *
 * The commands run one after the other. A command that exits with a code outside `continueOn` is
 * the last one, and determines the exit code. Otherwise it is that of the last command, or if that
 * is 0, the first nonzero one, because a warning of an earlier command must not be lost.
 */
import { quote } from './ssh/remote-script.ts';

type Command = readonly [string, ...string[]];

/** Arguments appended to the result go to the last command. Codes are 0 to 255. */
export function sequence(
  commands: readonly Command[],
  continueOn: readonly number[],
): [string, ...string[]] {
  const others = continueOn.filter((code) => code !== 0);
  const pass = others.length === 0 ? '' : ` ${others.join('|')}) w=$s ;;`;
  const zero = continueOn.includes(0) ? ' 0) ;;' : '';
  const lines = commands.map((command, at) => {
    // With exec: a program, never a shell builtin or function with the same name.
    const text = `exec ${command.map(quote).join(' ')}`;
    if (at === commands.length - 1) return `(${text} "$@"); s=$?`;
    // The first nonzero code is kept.
    return `(${text}); s=$?; case $s in${zero}${pass.replace('w=$s', '[ "$w" -ne 0 ] || w=$s')} *) exit $s ;; esac`;
  });
  const text = ['w=0', ...lines, '[ "$s" -ne 0 ] || s=$w', 'exit $s'].join('\n');
  return ['/bin/sh', '-c', text, 'sh'];
}
