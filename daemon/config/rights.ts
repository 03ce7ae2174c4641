/** What a socket permits, as described by config.json. */
import type { Verb } from '../protocol/request-schema.ts';
import { matches } from '../shared/wildcard.ts';

export interface Rights {
  /** The socket, as messages name it. */
  readonly socket: string;
  /** Default: all. */
  readonly allow?: readonly Verb[];
  /** Names with * as a wildcard; default: all. */
  readonly targets?: readonly string[];
  /** Nothing is permitted: the configuration has no entry with its name or path. */
  readonly closed?: 'name' | 'path';
}

/** Whether a socket with these patterns can see this target. */
export function permits(patterns: readonly string[] | undefined, target: string): boolean {
  return patterns?.some((pattern) => matches(pattern, target)) ?? true;
}

/** What a socket permits, for people: "run, wait; targets rsnap-*". */
export function describeRights({ allow, targets, closed }: Omit<Rights, 'socket'>): string {
  if (closed !== undefined) return 'nothing';
  const verbs = allow?.join(', ') ?? 'everything';
  return targets === undefined ? verbs : `${verbs}; targets ${targets.join(', ')}`;
}
