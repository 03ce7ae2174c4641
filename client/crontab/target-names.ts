/**
 * Names for the targets of rsnapshot.confs, the same in check-crontab and import: short, and unique
 * for each conf. A conf is identified by its real path. Pure.
 */

/** What precedes `-LEVEL`: `rsnap`, `rsnap-web`. */
export type Prefixes = ReadonlyMap<string, string>;

/** `taken` says whether a target of this name already belongs to another conf. */
export function prefixesOf(
  confs: readonly string[],
  taken: (prefix: string, conf: string) => boolean = () => false,
): Prefixes {
  const prefixes = new Map<string, string>();
  const all = [...new Set(confs)];
  const used = new Map<string, number>();
  for (const conf of all) {
    const [shortest = ''] = candidates(conf);
    used.set(shortest, (used.get(shortest) ?? 0) + 1);
  }
  const given = new Set<string>();
  for (const conf of all) {
    const [shortest = '', ...longer] = candidates(conf);
    const isShared = (used.get(shortest) ?? 0) > 1 && conf !== DEFAULT;
    const wanted = isShared ? longer : [shortest, ...longer];
    const last = longer.at(-1) ?? shortest;
    const free = (prefix: string): boolean => !given.has(prefix) && !taken(prefix, conf);
    let prefix = wanted.find(free);
    for (let number = 2; prefix === undefined; number++) {
      if (free(`${last}-${number}`)) prefix = `${last}-${number}`;
    }
    given.add(prefix);
    prefixes.set(conf, prefix);
  }
  return prefixes;
}

const DEFAULT = '/etc/rsnapshot.conf';

/** Shortest first: its own name, then with more and more of its parent directories. */
function candidates(conf: string): readonly string[] {
  if (conf === DEFAULT) return ['rsnap'];
  const parts = conf.split('/').filter((part) => part !== '');
  const base = (parts.pop() ?? '').replace(/\.conf$/, '').replace(/^rsnapshot[-_.]?/, '');
  const words = base === '' ? [] : [base];
  const names: string[] = base === '' ? [] : [nameOf(words)];
  for (const part of parts.toReversed().slice(0, DIRECTORIES_MAX)) {
    words.unshift(part);
    names.push(nameOf(words));
  }
  return names.length === 0 ? ['rsnap'] : names;
}

const DIRECTORIES_MAX = 16;

function nameOf(words: readonly string[]): string {
  return ['rsnap', ...words].join('-').replace(/[^\w.-]+/g, '_');
}

/** The wanted name, or that name with the first number that makes it unique. */
export function freeName(wanted: string, used: ReadonlySet<string>): string {
  let name = wanted;
  for (let number = 2; used.has(name); number++) name = `${wanted}-${number}`;
  return name;
}

/** A name from another program, without what a target name cannot or should not have. */
export function plainName(text: string): string {
  const name = text
    .replaceAll('@', '-')
    .replace(/[^\w.-]+/g, '_')
    .replace(/^-+/, '');
  return /^\d*$/.test(name) ? `job${name}` : name;
}

const NAME_CHARS_MAX = 40;

/** `borg create …` is "borg-create", `/root/bin/dump.sh` is "dump". */
export function nameOfWords([program = 'job', next = '']: readonly string[]): string {
  const base = program
    .slice(program.lastIndexOf('/') + 1)
    .replace(/\.(?:sh|bash|pl|py|rb|php)$/, '')
    .replace(/[^\w.-]+/g, '_')
    .replace(/^[-.]+/, '');
  const isVerb = /^[a-z][a-z-]{1,20}$/.test(next);
  return `${base === '' ? 'job' : base}${isVerb ? `-${next}` : ''}`.slice(0, NAME_CHARS_MAX);
}
