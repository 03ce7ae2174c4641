/**
 * Several commands as one, for the one child of a keeper: a small text for sh, in which every word
 * is quoted, so that nothing in it means anything to the shell.
 *
 * The commands run one after the other. One that ends with a code outside `continueOn` is the last,
 * and its code is that of the whole. Otherwise the last command's code is, unless it is 0: then the
 * first other code on the way, since a warning of the first command must not be forgotten.
 */
import { quote } from './ssh/remote-script.ts';

type Command = readonly [string, ...string[]];

/** What is appended to the result goes to the last command. Codes are 0 to 255. */
export function sequence(
  commands: readonly Command[],
  continueOn: readonly number[],
): [string, ...string[]] {
  const others = continueOn.filter((code) => code !== 0);
  const pass = others.length === 0 ? '' : ` ${others.join('|')}) w=$s ;;`;
  const zero = continueOn.includes(0) ? ' 0) ;;' : '';
  const lines = commands.map((command, at) => {
    // By exec: a program, never something of the shell's own that has the same name.
    const text = `exec ${command.map(quote).join(' ')}`;
    if (at === commands.length - 1) return `(${text} "$@"); s=$?`;
    // The first code that is not 0 stays.
    return `(${text}); s=$?; case $s in${zero}${pass.replace('w=$s', '[ "$w" -ne 0 ] || w=$s')} *) exit $s ;; esac`;
  });
  const text = ['w=0', ...lines, '[ "$s" -ne 0 ] || s=$w', 'exit $s'].join('\n');
  return ['/bin/sh', '-c', text, 'sh'];
}
