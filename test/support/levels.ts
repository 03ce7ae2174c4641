/** Targets of the rsnapshot policy from confs in strings, for tests without files. */
import { accepted, load } from './config.ts';
import { Core } from './core.ts';

export const CONF = '/etc/rsnapshot.conf';

export function conf(levels: readonly string[], ...more: readonly string[]): string {
  const retain = levels.map((level) => `retain\t${level}\t3`);
  return [...retain, ...more, ''].join('\n');
}

export const CLASSIC = conf(
  ['daily', 'weekly', 'monthly'],
  'lockfile\t/run/r.pid',
  'snapshot_root\t/b/',
);

interface Wanted {
  readonly interval: string;
  readonly file?: string;
  readonly more?: object;
}

/** A target per interval, named after it, with the file's name in front if not the default. */
export function config(
  wanted: readonly (Wanted | string)[],
  confs: Readonly<Record<string, string>>,
) {
  const targets = wanted.map((it) => {
    const { interval, file, more }: Wanted = typeof it === 'string' ? { interval: it } : it;
    const args = ['/usr/bin/rsnapshot', ...(file === undefined ? [] : ['-c', file]), interval];
    const name = file === undefined ? interval : `${file.replace(/\W+/g, '')}-${interval}`;
    const policies = [{ type: 'rsnapshot', interval, ...more }];
    return [name, { runner: { type: 'local', args }, policies }];
  });
  return accepted(load({ targets: Object.fromEntries(targets) }, confs));
}

export function core(...given: Parameters<typeof config>): Core {
  return new Core([...config(...given).catalog.targets.values()]);
}

export function brokenOf(...given: Parameters<typeof config>): (string | undefined)[] {
  return [...config(...given).catalog.targets.values()].map(({ broken }) => broken);
}

export function order(of: Core): string[] {
  of.drain();
  return of.order();
}
