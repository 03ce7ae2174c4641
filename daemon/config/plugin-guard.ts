/**
 * Asks one plugin, whose answers nobody has tried before: it may throw, answer nonsense, or take
 * for ever. Each of these becomes a sentence, and is reported; so is an answer that takes long.
 * What a plugin sets going by itself (timers, promises) is beyond this fence.
 */
import * as v from 'valibot';
import type { Result } from '../shared/result.ts';
import * as say from './config-messages.ts';
import { ANSWER_MS_MAX, isLate } from './plugin-time.ts';

/** Where two answers in a row take longer, the plugin is reported as slow. */
export const SLOW_MS = 10;
/** How long a plugin whose answer came too late is not asked again. */
export const LATE_REST_MS = 60_000;
/** Longest text of a plugin's that is handed on. */
const TEXT_CHARS_MAX = 1_000;
const SHOWN_CHARS_MAX = 100;

/** What there is to tell about a plugin that has been loaded. */
export interface PluginNotice {
  /** Such as "policy quiet-hours". */
  readonly plugin: string;
  readonly file: string;
  /** What it was asked for. */
  readonly method: string;
  /** How it failed; absent: it was slow. */
  readonly failure?: string;
  readonly tookMs?: number;
}

export interface GuardPorts {
  /** Calls, and throws after ANSWER_MS_MAX. */
  readonly bounded: (call: () => unknown) => unknown;
  /** Any clock that goes on. */
  readonly nowMs: () => number;
  readonly report: (notice: PluginNotice) => void;
}

export class Guard {
  readonly #plugin: string;
  readonly #file: string;
  readonly #ports: GuardPorts;
  /** Its last answer that came too late: many questions after it must not cost as much again. */
  #late: { readonly atMs: number; readonly how: string } | undefined;
  /** Methods whose last answer took long: one alone may be due to a busy machine. */
  readonly #slow = new Set<string>();

  constructor(plugin: string, file: string, ports: GuardPorts) {
    this.#plugin = plugin;
    this.#file = file;
    this.#ports = ports;
  }

  /** The answer, as `shape` makes it, or the sentence that says why there is none. */
  ask<T>(
    method: string,
    call: () => unknown,
    shape: v.GenericSchema<unknown, T>,
    expected: string,
  ): Result<T> {
    const beganMs = this.#ports.nowMs();
    if (this.#late !== undefined && beganMs < this.#late.atMs + LATE_REST_MS) {
      return this.#failed(method, this.#late.how);
    }
    try {
      // Looking at an answer may run code of the plugin's, too: getters.
      const answer = this.#ports.bounded(() => judge(call(), shape)) as Judged<T>;
      this.#time(method, this.#ports.nowMs() - beganMs);
      if (answer.ok) return answer;
      const how =
        answer.found === undefined
          ? say.answersLater(method)
          : say.wrongAnswer(method, answer.found, expected);
      return this.#failed(method, how);
    } catch (error) {
      if (!isLate(error)) {
        return this.#failed(method, say.throwsError(method, describeThrown(error, this.#file)));
      }
      const how = say.lateAnswer(method, ANSWER_MS_MAX);
      this.#late = { atMs: this.#ports.nowMs(), how };
      return this.#failed(method, how);
    }
  }

  #time(method: string, tookMs: number): void {
    if (tookMs <= SLOW_MS) return void this.#slow.delete(method);
    if (this.#slow.has(method)) this.#report({ method, tookMs: Math.round(tookMs) });
    this.#slow.add(method);
  }

  #failed(method: string, how: string): Extract<Result<never>, { ok: false }> {
    const error = say.pluginFailed(this.#plugin, how, this.#file);
    this.#report({ method, failure: error });
    return { ok: false, error };
  }

  #report(notice: Pick<PluginNotice, 'method' | 'failure' | 'tookMs'>): void {
    this.#ports.report({ plugin: this.#plugin, file: this.#file, ...notice });
  }
}

type Judged<T> =
  | { readonly ok: true; readonly value: T }
  /** `found` is absent where it is a promise. */
  | { readonly ok: false; readonly found?: string };

function judge<T>(answer: unknown, shape: v.GenericSchema<unknown, T>): Judged<T> {
  if (answer instanceof Promise) {
    // Nobody waits for it, and one that fails would end the daemon.
    answer.catch(() => {});
    return { ok: false };
  }
  const parsed = v.safeParse(shape, answer);
  return parsed.success ? { ok: true, value: parsed.output } : { ok: false, found: show(answer) };
}

/** Whatever was thrown, on one line; with its place where that is in the plugin's file. */
export function describeThrown(error: unknown, file: string): string {
  try {
    const text = cleaned(error instanceof Error ? `${error.name}: ${error.message}` : show(error));
    const stack = error instanceof Error ? (error.stack ?? '') : '';
    const name = file.slice(file.lastIndexOf('/') + 1);
    const line = stack.split('\n').find((frame) => frame.includes(`/${encodeURI(name)}?`));
    const [, place] = /\?[^:\s]*:(\d+):\d+\)?$/.exec(line ?? '') ?? [];
    return place === undefined ? text : say.atLine(text, place);
  } catch {
    return say.unshown();
  }
}

/** On one line and harmless for a terminal; never longer than people read. */
export function cleaned(text: string): string {
  return text
    .replace(/\p{Cc}+/gu, ' ')
    .slice(0, TEXT_CHARS_MAX)
    .trim();
}

function show(value: unknown): string {
  const text = value === undefined ? 'nothing' : (jsonOf(value) ?? typeof value);
  return cleaned(text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX)}…` : text);
}

/** Absent where there is none. */
function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    // It contains itself, a bigint, or what throws.
    return say.unshown();
  }
}
