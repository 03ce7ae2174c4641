/**
 * The measured daemon: a Rig that can start with a pile, report how long its loop was blocked, and
 * end immediately, however many runs are queued.
 */

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Event } from '../../daemon/core/event.ts';
import { BATOND, Rig } from '../support/rig.ts';
import { Line } from './line.ts';
import { ENV } from './measure.ts';
import { writePile } from './pile.ts';

const BLOCKED = pathToFileURL(join(import.meta.dirname, 'blocked.js')).href;

export const TRUE = { runner: { type: 'local', args: ['/bin/true'] } } as const;
export const SLEEP = { runner: { type: 'local', args: ['/bin/sleep', '1000'] } } as const;

export class Subject extends Rig {
  /** Starts the daemon and waits until it listens. */
  static async on(
    targets: Readonly<Record<string, unknown>>,
    more: { readonly pile?: Iterable<Event>; readonly isWatched?: boolean } = {},
  ): Promise<Subject> {
    const subject = new Subject();
    // The 100,000 past runs must not be forgotten during the measurement.
    subject.configure({ targets, keep: { runs: 1_000_000 } });
    if (more.pile !== undefined) writePile(subject.state, more.pile);
    await subject.go(more.isWatched === true);
    return subject;
  }

  async go(isWatched = false): Promise<void> {
    const own = ['--config', this.configFile, '--socket', this.socket, '--state', this.state];
    const watch = isWatched ? ['--import', BLOCKED] : [];
    const since = this.log.length;
    const ended = this.spawn([process.execPath, ...watch, BATOND, ...own], ENV);
    await Promise.race([this.logged('ready', since), ended]);
  }

  get pid(): number {
    return this.daemon?.pid ?? 0;
  }

  line(): Promise<Line> {
    return Line.open(this.socket);
  }

  /** Longest block of its loop since the last call, in milliseconds. */
  async blockedMs(): Promise<number> {
    const since = this.log.length;
    this.daemon?.kill('SIGUSR2');
    return Number((await this.logged('blocked', since))['mostMs']);
  }

  /** Ends running runs, leaves queued ones alone, and removes everything. */
  override async close(): Promise<void> {
    try {
      const line = await this.line();
      const { targets } = await line.ask({ type: 'status' }, 'status');
      const busy = targets.filter(({ active }) => active.length > 0);
      for (const { target } of busy) await line.ask({ type: 'pause', target }, 'done');
      const runs = busy.flatMap(({ active }) => active.map(({ run }) => run));
      if (runs.length > 0) {
        const watch = await this.line();
        const ended = watch.collect(
          runs.map((run) => ({ type: 'wait', run })),
          'ended',
        );
        await line.collect(
          runs.map((of) => ({ type: 'cancel', of })),
          'done',
        );
        await ended;
        watch.close();
      }
      line.close();
    } finally {
      await this.end('SIGKILL');
      rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
    }
  }
}
