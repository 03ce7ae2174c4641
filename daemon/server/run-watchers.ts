/** The clients that are told what happens to a run. */
import type { Event } from '../core/event.ts';
import type { RunId } from '../shared/run.ts';

type Watcher = (event: Event) => void;

export class RunWatchers {
  readonly #watchers = new Map<RunId, Set<Watcher>>();

  notify(event: Event): void {
    if (!('run' in event)) return;
    for (const watcher of this.#watchers.get(event.run) ?? []) watcher(event);
  }

  /** Returns a function that stops it. */
  watch(run: RunId, watcher: Watcher): () => void {
    const watchers = this.#watchers.get(run) ?? new Set();
    this.#watchers.set(run, watchers.add(watcher));
    return () => {
      watchers.delete(watcher);
      if (watchers.size === 0) this.#watchers.delete(run);
    };
  }
}
