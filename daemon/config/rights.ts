/** What a socket permits, as config.json describes it. */
import type { Verb } from '../protocol/request-schema.ts';
import { matches } from '../shared/wildcard.ts';

export interface Rights {
  /** The socket, as messages name it. */
  readonly socket: string;
  /** All where absent. */
  readonly allow?: readonly Verb[];
  /** Names with * for any characters; all where absent. */
  readonly targets?: readonly string[];
  /** Nothing at all is permitted: no entry of the configuration has its name or path. */
  readonly closed?: 'name' | 'path';
}

/** May a socket with these patterns see this target? */
export function permits(patterns: readonly string[] | undefined, target: string): boolean {
  return patterns?.some((pattern) => matches(pattern, target)) ?? true;
}

/** What a socket permits, for people: "run, wait; targets rsnap-*". */
export function describeRights({ allow, targets, closed }: Omit<Rights, 'socket'>): string {
  if (closed !== undefined) return 'nothing';
  const verbs = allow?.join(', ') ?? 'everything';
  return targets === undefined ? verbs : `${verbs}; targets ${targets.join(', ')}`;
}
