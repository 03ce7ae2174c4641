/** What a call of baton in a crontab line requests, if it requests a run. Pure. */
import { parseDuration } from '../../daemon/protocol/request.ts';
import { OPTIONS, optionOf } from '../command-line/manual.ts';

export interface BatonCall {
  readonly kind: 'baton';
  readonly targets: readonly [string, ...string[]];
  /** For the command, after the target. */
  readonly args?: readonly string[];
  /** Hosts of a fleet. */
  readonly only?: readonly string[];
  readonly maxWaitMs?: number;
  /** Of another daemon. */
  readonly socket?: string;
}

/** `words` are those after the program. */
export function batonCall(words: readonly string[]): BatonCall | undefined {
  const end = words.indexOf('--');
  const { plain, values } = cut(end < 0 ? words : words.slice(0, end));
  const old = values.get('target');
  const [verb, ...named] = plain;
  const [first, ...others] = old === undefined ? named : [old];
  if (first === undefined || (old === undefined && verb !== 'run')) return undefined;
  const args = end < 0 ? [] : words.slice(end + 1);
  const only = values.get('only')?.split(',');
  const maxWaitMs = parseDuration(values.get('maxWait') ?? '');
  const socket = values.get('socket');
  return {
    kind: 'baton',
    targets: [first, ...others],
    ...(args.length === 0 ? {} : { args }),
    ...(only === undefined ? {} : { only }),
    ...(maxWaitMs === undefined ? {} : { maxWaitMs }),
    ...(socket === undefined ? {} : { socket }),
  };
}

/** Words that are not options, and the values of options. */
function cut(words: readonly string[]) {
  const plain: string[] = [];
  const values = new Map<string, string>();
  for (let at = 0; at < words.length; at++) {
    const [written = '', ...rest] = (words[at] ?? '').split('=');
    const option = OPTIONS.find(
      ({ name, short }) => written === optionOf(name) || written === `-${short}`,
    );
    if (option === undefined && !written.startsWith('-')) plain.push(words[at] ?? '');
    if (option?.value === undefined) continue;
    values.set(option.name, rest.length > 0 ? rest.join('=') : (words[++at] ?? ''));
  }
  return { plain, values };
}
