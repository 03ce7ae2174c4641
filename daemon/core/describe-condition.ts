/** What a condition is about, as a noun, for the sentences of `baton why`. Pure. */
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
    default:
      return condition satisfies never;
  }
}
