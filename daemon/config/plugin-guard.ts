/**
 * Calls one plugin, whose answers are untested: it may throw, return nonsense, or take for ever.
 * Each of these becomes a sentence and is reported; so is a slow answer. What a plugin starts on
 * its own (timers, promises) is not covered.
 */
import * as v from 'valibot';
import type { Result } from '../shared/result.ts';
import * as say from './config-messages.ts';
import { ANSWER_MS_MAX, isLate } from './plugin-time.ts';

/** If two consecutive answers take longer, the plugin is reported as slow. */
export const SLOW_MS = 10;
/** After an answer came too late, the plugin is not called again for this long. */
export const LATE_REST_MS = 60_000;
/** Longest text of a plugin that is passed on. */
const TEXT_CHARS_MAX = 1_000;
const SHOWN_CHARS_MAX = 100;

/** A report about a loaded plugin. */
export interface PluginNotice {
  /** Such as "policy quiet-hours". */
  readonly plugin: string;
  readonly file: string;
  /** The method that was called. */
  readonly method: string;
  /** How it failed; absent: it was slow. */
  readonly failure?: string;
  readonly tookMs?: number;
}

export interface GuardPorts {
  /** Calls the function, and throws after ANSWER_MS_MAX. */
  readonly bounded: (call: () => unknown) => unknown;
  /** Any monotonic clock. */
  readonly nowMs: () => number;
  readonly report: (notice: PluginNotice) => void;
}

export class Guard {
  readonly #plugin: string;
  readonly #file: string;
  readonly #ports: GuardPorts;
  /** The last answer that came too late: many calls after it must not take as long again. */
  #late: { readonly atMs: number; readonly how: string } | undefined;
  /** Methods whose last answer was slow: once may just mean a busy machine. */
  readonly #slow = new Set<string>();

  constructor(plugin: string, file: string, ports: GuardPorts) {
    this.#plugin = plugin;
    this.#file = file;
    this.#ports = ports;
  }

  /** The answer, as parsed by `shape`, or a sentence that says why there is none. */
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
      // Reading an answer may run code of the plugin, too: getters.
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
  /** `found` is absent if it is a promise. */
  | { readonly ok: false; readonly found?: string };

function judge<T>(answer: unknown, shape: v.GenericSchema<unknown, T>): Judged<T> {
  if (answer instanceof Promise) {
    // Nobody awaits it, and a rejection would end the daemon.
    answer.catch(() => {});
    return { ok: false };
  }
  const parsed = v.safeParse(shape, answer);
  return parsed.success ? { ok: true, value: parsed.output } : { ok: false, found: show(answer) };
}

/** Describes what was thrown, on one line; with the line number if it is in the plugin's file. */
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

/** On one line, harmless for a terminal, and limited in length. */
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

/** Undefined if it has none. */
function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    // It contains itself, a bigint, or something that throws.
    return say.unshown();
  }
}
