/** The subject of a condition, as a noun, for the sentences of `baton why`. Pure. */
import type { Condition } from './world.ts';

export function subjectOf(condition: Condition): string {
  switch (condition.kind) {
    case 'mounted':
      return `the mount point ${condition.path}`;
    case 'free':
      return `the free space of ${condition.path}`;
    case 'exists':
    case 'missing':
      return `the file ${condition.path}`;
    case 'command':
      return `the command ${condition.args[0]}`;
    case 'host':
      return `port ${condition.port} of ${condition.host}`;
    case 'acPower':
      return 'the AC power of the machine';
    case 'load':
      return 'the load of the machine';
    case 'pressure':
      return `the ${condition.of} pressure of the machine`;
    default:
      return condition satisfies never;
  }
}
