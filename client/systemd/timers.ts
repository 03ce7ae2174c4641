/**
 * The systemd timers whose service requests runs from baton, and when they do: for `baton plan`. A
 * machine without systemd has none. Timers that cannot be predicted exactly are listed, and so is
 * what systemd did not answer.
 */
import { existsSync } from 'node:fs';
import type { ComingRequest } from '../../daemon/protocol/planned.ts';
import { callsOf } from '../crontab/calls.ts';
import { callsFirst, isKnown, requestsOf } from '../crontab/coming-requests.ts';
import { type Environment, environmentOf, wordsOf } from './service.ts';
import { calendarTimes, NO_PROGRAM, systemctl } from './systemctl.ts';
import { allOf, lastOf, parseUnitFile, type UnitFile } from './unit-file.ts';
import { notAsked } from './unit-messages.ts';
import { type Read, secondsOf, unitNameOf } from './unit-words.ts';

/** A timer that systemd has loaded and waits for. */
export interface Timer {
  readonly name: string;
  readonly service: string;
  readonly calendars: readonly string[];
  /** It also counts from the boot or from its last start. */
  readonly isMonotonic: boolean;
  /** How much later it may start its service. */
  readonly delayMs: number;
  /** It catches up on what was missed while the machine was off. */
  readonly isPersistent: boolean;
}

export interface ComingTimers {
  /** By timer; if there are very many, slightly more than wanted. */
  readonly requests: readonly ComingRequest[];
  /** Number of timers that call baton. */
  readonly asking: number;
  /** Names of those that cannot be planned: their times or their requests are unknown. */
  readonly timeless: readonly string[];
  readonly unclear: readonly string[];
  /** Something else precedes the call, or is a condition for it. */
  readonly conditional: readonly string[];
  readonly delayed: readonly { readonly name: string; readonly ms: number }[];
  readonly persistent: readonly string[];
  /** What systemd did not answer: each of these means that timers are missing. */
  readonly failed: readonly string[];
}

interface Span {
  readonly fromMs: number;
  readonly untilMs: number;
}

const PROPERTIES = [
  ...['Id', 'Unit', 'ActiveState', 'SourcePath', 'TimersCalendar', 'TimersMonotonic'],
  ...['AccuracyUSec', 'RandomizedDelayUSec', 'Persistent'],
];
/** In the service, before its commands or as a condition for them. */
const BEFORE = ['ExecCondition', 'ExecStartPre'];
/** How many times are requested first; then all. */
const TIMES_FIRST = 64;
/** Timers are no more precise than cron, which starts everything of a minute at once. */
const DELAY_MS_MIN = 1_000;
/** Exists while systemd is the init of the machine; see sd_booted(3). */
const BOOTED = '/run/systemd/system';

/** Timers of systemd-cron represent crontab lines, which are read there. */
export function comingTimers(span: Span, most: number, booted = BOOTED): ComingTimers {
  const found = new Found();
  const asked = systemctl('show', ...PROPERTIES.flatMap((it) => ['-p', it]), '--', '*.timer');
  if (!asked.ok && (asked.why === NO_PROGRAM || !existsSync(booted))) return found;
  const timers = parseTimers(found.told('systemctl show *.timer', asked) ?? '');
  const asking = servicesOf(timers, found);
  for (const timer of timers) {
    if (asking.has(timer.service)) found.add(timer, span, most);
  }
  return found;
}

/** Parses the output of `systemctl show`: a block of properties for each timer. */
export function parseTimers(text: string): readonly Timer[] {
  return blocksOf(text).flatMap((values) => {
    const one = (key: string): string => values.get(key)?.[0] ?? '';
    if (one('ActiveState') !== 'active' || one('SourcePath') !== '') return [];
    const calendars = (values.get('TimersCalendar') ?? []).flatMap(
      (value) => /^\{ OnCalendar=(.*) ; next_elapse=/.exec(value)?.[1] ?? [],
    );
    const laterS = ['AccuracyUSec', 'RandomizedDelayUSec'].map((key) => secondsOf(one(key)) ?? 0);
    return {
      ...{ name: one('Id'), service: one('Unit'), calendars },
      isMonotonic: values.has('TimersMonotonic'),
      delayMs: laterS.reduce((sum, seconds) => sum + seconds * 1_000, 0),
      isPersistent: one('Persistent') === 'yes',
    };
  });
}

function blocksOf(text: string): readonly ReadonlyMap<string, readonly string[]>[] {
  return text.split('\n\n').map((block) => {
    const values = new Map<string, string[]>();
    for (const [, key = '', value = ''] of block.matchAll(/^([A-Za-z]+)=(.*)$/gm)) {
      const its = values.get(key);
      if (its === undefined) values.set(key, [value]);
      else its.push(value);
    }
    return values;
  });
}

/** Services that contain the word "baton": only these are worth reading completely. */
function servicesOf(timers: readonly Timer[], found: Found): ReadonlySet<string> {
  const names = [...new Set(timers.map(({ service }) => service))];
  if (names.length === 0) return new Set();
  const asked = systemctl('show', '-p', 'Id', '-p', 'ExecStart', '--', ...names);
  const blocks = blocksOf(found.told('systemctl show -p ExecStart SERVICE...', asked) ?? '');
  const calling = blocks.filter((values) =>
    values.get('ExecStart')?.some((command) => /\bbaton\b/.test(command)),
  );
  return new Set(calling.map((values) => values.get('Id')?.[0] ?? ''));
}

class Found implements ComingTimers {
  readonly requests: ComingRequest[] = [];
  asking = 0;
  readonly timeless: string[] = [];
  readonly unclear: string[] = [];
  readonly conditional: string[] = [];
  readonly delayed: { name: string; ms: number }[] = [];
  readonly persistent: string[] = [];
  readonly failed: string[] = [];

  /** The answer to a command; notes if there is none. */
  told<T>(command: string, answer: Read<T>): T | undefined {
    if (answer.ok) return answer.value;
    const line = notAsked(command, answer.why);
    if (!this.failed.includes(line)) this.failed.push(line);
    return undefined;
  }

  add(timer: Timer, span: Span, most: number): void {
    const { name, service, calendars, isMonotonic, delayMs, isPersistent } = timer;
    const text = this.told(`systemctl cat ${service}`, systemctl('cat', '--', service));
    const asked = text === undefined ? undefined : askedBy(parseUnitFile(text), service);
    if (asked === undefined) return;
    this.asking++;
    if (asked.isUnclear) this.unclear.push(name);
    if (asked.calls.length === 0) return;
    if (asked.isConditional) this.conditional.push(name);
    if (isPersistent) this.persistent.push(name);
    const times = calendars.map((it) => {
      const command = `systemd-analyze calendar '${it}'`;
      return this.told(command, timesWithin(it, span, most - this.requests.length));
    });
    if (isMonotonic) this.timeless.push(name);
    const all = [...new Set(times.flatMap((it) => it ?? []))];
    if (all.length > 0 && delayMs > DELAY_MS_MIN) this.delayed.push({ name, ms: delayMs });
    for (const atMs of all) this.requests.push(...requestsOf(asked.calls, atMs));
  }
}

function timesWithin(
  expression: string,
  { fromMs, untilMs }: Span,
  most: number,
): Read<readonly number[]> {
  for (const count of [TIMES_FIRST, most + 1]) {
    // The answer contains only later times.
    const asked = calendarTimes(expression, fromMs - 1, count);
    if (!asked.ok) return asked;
    const within = asked.value.filter((atMs) => atMs < untilMs);
    if (within.length < count || count > most) return { ok: true, value: within };
  }
  return { ok: true, value: [] };
}

interface Asked {
  readonly calls: Parameters<typeof requestsOf>[0];
  readonly isUnclear: boolean;
  readonly isConditional: boolean;
}

const UNCLEAR: Asked = { calls: [], isUnclear: true, isConditional: false };

/** What a service requests; undefined: nothing. */
export function askedBy(file: UnitFile, service: string): Asked | undefined {
  const name = unitNameOf(service);
  const own = environmentOf(file, name);
  const env: Environment = own.ok ? own.value : {};
  const commands = own.ok ? wordsOf(file, name, env) : own;
  if (!commands.ok) return UNCLEAR;
  // As one shell line, so that wrappers and scripts are handled as in a crontab.
  const lines = commands.value.map(({ words }) => words.map(quoted).join(' '));
  const settings = { all: [], count: 0 };
  const calls = lines.map((command) =>
    callsOf({ command, settings }).filter((call) => call.kind === 'baton'),
  );
  const all = calls.flat();
  if (all.length === 0) return undefined;
  const known = 'BATON_SOCKET' in env ? [] : all.filter((call) => isKnown(call, lines.join('\n')));
  const isFirst = callsFirst({ command: lines[0] ?? '', settings }) === all.length;
  const hasBefore =
    BEFORE.some((key) => lastOf(file, 'Service', key) !== undefined) || hasConditions(file);
  return {
    calls: known,
    isUnclear: known.length < all.length,
    isConditional: !isFirst || hasBefore,
  };
}

function hasConditions(file: UnitFile): boolean {
  const keys = (file.get('Unit') ?? []).map(({ key }) => key);
  return keys.some(
    (key) => /^(?:Condition|Assert)/.test(key) && allOf(file, 'Unit', key).length > 0,
  );
}

function quoted(word: string): string {
  return /^[\w./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
