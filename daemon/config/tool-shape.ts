/**
 * What is known of a backup or maintenance tool: the one shape of all rows. Every row was measured
 * with the packages that it names; test/tools/measure runs again those that say `run: true`.
 */
import * as v from 'valibot';
import { STOP_SIGNALS } from '../shared/stop.ts';
import { Codes } from './field-types.ts';

const Text = v.pipe(v.string(), v.minLength(1));
const Signal = v.picklist(STOP_SIGNALS);

export const KnownTool = v.strictObject({
  /** Base names of its command. */
  programs: v.pipe(v.array(Text), v.minLength(1)),
  /** The row is of its commands with this argument only. */
  word: v.exactOptional(Text),
  /** Something was left out, the rest is done: `warnExit`. */
  warn: v.exactOptional(Codes),
  /** Another run holds its lock, and no other cause has this code. */
  locked: v.exactOptional(Codes),
  /** The same code has other causes: what it says then. */
  lockedText: v.exactOptional(Text),
  /** What may pass by itself, in every version: exit codes of `retry.on`. Absent: any failure. */
  again: v.exactOptional(Codes),
  /** What other codes mean. */
  failed: v.exactOptional(v.record(v.pipe(v.string(), v.regex(/^\d+$/)), Text)),
  /** What ends it most cleanly in every version: `stopSignal`. Absent: not measured. */
  stop: v.exactOptional(Signal),
  /** It ends its helpers itself, and by that more cleanly than if they are told: `stopTo`. */
  stopTo: v.exactOptional(v.literal('main')),
  /** How it ends then, from 128 on by a signal or with such a code; of the versions, in order. */
  stopped: v.exactOptional(Codes),
  /** Signals that it does not end by. */
  ignores: v.exactOptional(v.array(Signal)),
  /** Other processes go on where its main process alone is told. */
  leavesOthers: v.exactOptional(v.boolean()),
  /** What it leaves behind, and whom that holds up. */
  leaves: v.exactOptional(Text),
  /** Arguments with which it prints "NN%": `progress`. */
  percent: v.exactOptional(v.pipe(v.array(Text), v.minLength(1))),
  /** It exits with 0 although something is missing: a warning of `batond --check`. */
  caution: v.exactOptional(Text),
  /** Only of commands with `least` of these options or more, and without `unless`. */
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
