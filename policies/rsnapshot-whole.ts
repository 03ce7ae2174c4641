/**
 * What rsnapshot (1.4.5) requires of its configuration as a whole, if every line is correct, with
 * its own error texts. Pure.
 */
import type { ConfState } from './rsnapshot-values.ts';

/** What is missing in a file with correct lines; undefined if nothing is. */
export function omissionOf(conf: ConfState): string | undefined {
  const { settings, levels, points } = conf;
  if (!settings.has('config_version')) {
    return 'config_version was not defined. rsnapshot can not continue.';
  }
  if (!settings.has('cmd_rsync')) return 'cmd_rsync was not defined.';
  const root = settings.get('snapshot_root');
  if (root === undefined) return 'snapshot_root was not defined. rsnapshot can not continue.';
  if (levels.length === 0) {
    return 'At least one backup level must be set. rsnapshot can not continue.';
  }
  if (points.length === 0) {
    return 'At least one backup point must be set. rsnapshot can not continue.';
  }
  if (levels.length > 1 && levels[0]?.count === 1) {
    return "Can not have first backup level's retention count set to 1, and have a second backup level";
  }
  if (settings.get('no_create_root') === '1' && conf.look?.(root).isDirectory === false) {
    return 'rsnapshot refuses to create snapshot_root when no_create_root is enabled';
  }
  return conflictOf(points);
}

function conflictOf(points: ConfState['points']): string | undefined {
  const of = (wanted: string): readonly string[] =>
    points.flatMap(({ kind, dest }) => (kind === wanted ? [`${dest}/`] : []));
  const [backups, scripts] = [of('backup'), of('script')];
  for (const mine of backups) {
    for (const its of scripts) {
      if (beginsAs(mine, its)) return between(mine, its, 'backup / backup_script');
    }
  }
  for (const [at, mine] of scripts.entries()) {
    for (const [place, its] of scripts.entries()) {
      if (at !== place && (beginsAs(mine, its) || beginsAs(its, mine))) {
        return between(mine, its, 'multiple backup_script');
      }
    }
  }
  return undefined;
}

const between = (mine: string, its: string, where: string): string =>
  `destination conflict between "${mine}" and "${its}" in ${where} entries`;

/** rsnapshot uses it as a pattern, in which a dot matches any character. */
function beginsAs(text: string, pattern: string): boolean {
  return [...pattern].every((sign, at) => text[at] === sign || (sign === '.' && at < text.length));
}
