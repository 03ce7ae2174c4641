/**
 * The facts about a backup or maintenance tool: the common shape of all rows. Every row was
 * measured with the packages that it names; test/tools/measure repeats those with `run: true`.
 */
import * as v from 'valibot';
import { STOP_SIGNALS } from '../shared/stop.ts';
import { Codes } from './field-types.ts';

const Text = v.pipe(v.string(), v.minLength(1));
const Signal = v.picklist(STOP_SIGNALS);

export const KnownTool = v.strictObject({
  /** Base names of its command. */
  programs: v.pipe(v.array(Text), v.minLength(1)),
  /** The row applies only to commands with this argument. */
  word: v.exactOptional(Text),
  /** Partial success, something was skipped: `warnExit`. */
  warn: v.exactOptional(Codes),
  /** Another run holds its lock; this code has no other cause. */
  locked: v.exactOptional(Codes),
  /** If the code has other causes: the text that it prints for a lock. */
  lockedText: v.exactOptional(Text),
  /** Exit codes of `retry.on`: failures that may be temporary, in every version. Default: all. */
  again: v.exactOptional(Codes),
  /** Meanings of other codes. */
  failed: v.exactOptional(v.record(v.pipe(v.string(), v.regex(/^\d+$/)), Text)),
  /** The cleanest way to stop it, in every version: `stopSignal`. Absent: not measured. */
  stop: v.exactOptional(Signal),
  /** It stops its helpers itself, more cleanly than if they get the signal: `stopTo`. */
  stopTo: v.exactOptional(v.literal('main')),
  /** Its exit code then (128 and above: by a signal, or such a code), for each version in order. */
  stopped: v.exactOptional(Codes),
  /** Signals that do not end it. */
  ignores: v.exactOptional(v.array(Signal)),
  /** Other processes continue if only its main process gets the signal. */
  leavesOthers: v.exactOptional(v.boolean()),
  /** What it leaves behind, and what that blocks. */
  leaves: v.exactOptional(Text),
  /** Arguments with which it prints "NN%": `progress`. */
  percent: v.exactOptional(v.pipe(v.array(Text), v.minLength(1))),
  /** It may exit with 0 although something is missing: a warning of `batond --check`. */
  caution: v.exactOptional(Text),
  /** Only for commands with at least `least` of these options, and without `unless`. */
  cautionIf: v.exactOptional(
    v.strictObject({
      options: v.array(Text),
      least: v.pipe(v.number(), v.minValue(1)),
      unless: Text,
    }),
  ),
  seen: v.array(
    v.strictObject({
      debian: v.picklist([12, 13]),
      package: Text,
      version: Text,
      /** By test/tools/measure; the others were measured once, by hand. */
      run: v.boolean(),
    }),
  ),
});
export type KnownTool = v.InferOutput<typeof KnownTool>;

/** With the packages of Debian 12 and 13. */
export function seenIn(
  name: string,
  twelve: string | undefined,
  thirteen: string | undefined,
  run: { readonly 12?: true; readonly 13?: true } = {},
): KnownTool['seen'] {
  const of = (debian: 12 | 13, version: string | undefined) =>
    version === undefined ? [] : [{ debian, package: name, version, run: run[debian] === true }];
  return [...of(12, twelve), ...of(13, thirteen)];
}
