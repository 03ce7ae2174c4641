/** The clock: whether it is synchronized, and whether it was set back. */
import { stat } from 'node:fs/promises';
import { showDuration } from '../../daemon/protocol/request.ts';
import { showTime } from '../terminal/words.ts';
import { BATOND } from './config.ts';
import * as say from './doctor-messages.ts';
import { type Finding, note, ok, wrong } from './finding.ts';
import { run } from './limits.ts';
import { namesOfProcesses } from './processes.ts';

/** The clocks of two file systems may differ. */
const AHEAD_MS_MAX = 60_000;
/** A package may be built in another time zone. */
const AHEAD_PROGRAM_MS_MAX = 86_400_000;
const KEEPERS = ['chronyd', 'ntpd', 'ntpsec', 'systemd-timesyn', 'openntpd'];

export interface ClockFacts {
  readonly nowMs: number;
  readonly zone: string;
  /** Undefined: unknown. */
  readonly isSynchronized: boolean | undefined;
  /** What synchronizes the clock, or could. */
  readonly service: string;
  /** Times of files that cannot be later than now. */
  readonly stamps: readonly Stamp[];
}

interface Stamp {
  readonly name: string;
  readonly ms: number;
  readonly slackMs: number;
}

export async function lookAtClock(
  hasSystemd: boolean,
  journalOf: { readonly path: string; readonly ms: number } | undefined,
): Promise<ClockFacts> {
  const { mtimeMs } = await stat(BATOND);
  const program = { name: BATOND, ms: mtimeMs, slackMs: AHEAD_PROGRAM_MS_MAX };
  const journal = journalOf && { name: journalOf.path, ms: journalOf.ms, slackMs: AHEAD_MS_MAX };
  const runs = (await namesOfProcesses()).find((name) => KEEPERS.includes(name));
  const argv = ['timedatectl', 'show', '--property=NTPSynchronized', '--property=NTP'] as const;
  const shown = hasSystemd ? (await run([...argv])).stdout : '';
  const said = /^NTPSynchronized=(yes|no)$/m.exec(shown)?.[1];
  const isOn = /^NTP=yes$/m.test(shown);
  const idle = isOn ? 'a time service is enabled' : 'no time service is enabled';
  return {
    nowMs: Date.now(),
    zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    isSynchronized: said === undefined ? (runs === undefined ? undefined : true) : said === 'yes',
    service: runs === undefined ? idle : `${runs} runs`,
    stamps: [program, ...(journal === undefined ? [] : [journal])],
  };
}

export function judgeClock(facts: ClockFacts): readonly Finding[] {
  const { nowMs, zone, isSynchronized, service, stamps } = facts;
  const ahead = stamps.filter(({ ms, slackMs }) => ms - nowMs > slackMs);
  const findings = [
    ...ahead.map(({ name, ms }) => wrong('clock', say.setBack(showDuration(ms - nowMs), name))),
    ...(isSynchronized === false ? [note('clock', say.notSynchronized(service))] : []),
  ];
  if (findings.length > 0) return findings;
  const how =
    isSynchronized === true ? 'synchronized' : 'it is unknown whether the clock is synchronized';
  return [ok('clock', `${showTime(nowMs)} ${zone}, ${how}`)];
}
