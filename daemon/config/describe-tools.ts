/** What `batond --check` prints about the tools that the targets run. */
import type { Target } from '../core/catalog.ts';
import * as say from './config-messages.ts';
import { cautionOf, defaultsOfTool, type ToolDefaults, toolOf } from './known-tools.ts';

export interface AboutTool {
  /** Settings that a target gets from its tool, or could get. */
  readonly note?: string;
  /** Its exit status 0 may not mean what people think. */
  readonly warning?: string;
}

export function aboutTool({ tool, args = [], ...target }: Target): AboutTool {
  const name = tool ?? toolOf(args);
  if (name === undefined) return {};
  const gives = Object.entries(shown(defaultsOfTool(name, args), target.retry !== undefined));
  const has = shown({ ...target, on: target.retry?.on ?? [] }, true);
  const given = gives.filter(([key, value]) => has[key] === value);
  const lacks = gives.filter(([key, value]) => has[key] !== value);
  const texts = (of: typeof gives): string =>
    of.map(([key, value]) => `${key} ${value}`).join(', ');
  const caution = cautionOf(name, args);
  return {
    ...(tool === undefined
      ? lacks.length === 0
        ? {}
        : { note: say.toolKnown(name, texts(lacks)) }
      : { note: say.toolGives(name, texts(given)) }),
    ...(caution === undefined ? {} : { warning: say.toolCaution(name, caution) }),
  };
}

type Shown = Readonly<Record<string, string>>;

/** By key, with values as a person would write them. */
function shown(
  {
    warnExit = [],
    stopSignal,
    stopTo,
    on = [],
    progress,
  }: Omit<ToolDefaults, 'progress'> & {
    readonly progress?: boolean;
  },
  retries: boolean,
): Shown {
  return {
    ...(warnExit.length === 0 ? {} : { warnExit: warnExit.join(' ') }),
    ...(stopSignal === undefined ? {} : { stopSignal }),
    ...(stopTo === undefined ? {} : { stopTo }),
    ...(!retries || on.length === 0 ? {} : { 'retry.on': on.join(' ') }),
    ...(progress === true ? { progress: 'true' } : {}),
  };
}
