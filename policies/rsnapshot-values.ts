/**
 * The kinds of values in an rsnapshot.conf, as distinguished by rsnapshot (1.4.5), and the state
 * while one is read. Pure: `look` reports what is on the disk; without it, paths are assumed
 * correct.
 */

/** What is at a path, as rsnapshot's user sees it. */
export interface FileFacts {
  readonly isThere: boolean;
  readonly isFile: boolean;
  readonly isDirectory: boolean;
  readonly isPipe: boolean;
  readonly canRead: boolean;
  readonly canWrite: boolean;
  readonly canExecute: boolean;
  /** A link, even a dangling one. */
  readonly isLink: boolean;
}

export type Look = (path: string) => FileFacts;

interface Level {
  readonly name: string;
  readonly count: number;
}

/** What has been read so far, from all files together. */
export interface ConfState {
  readonly settings: Map<string, string>;
  readonly levels: Level[];
  /** Where the backup points and the scripts put what they fetch. */
  readonly points: { readonly kind: 'backup' | 'script' | 'exec'; readonly dest: string }[];
  readonly path: string;
  readonly look: Look | undefined;
}

export const firstWord = (text: string): string => text.split(/\s+/, 1)[0] ?? '';

/** Without "..", as rsnapshot requires of all paths. */
export const goesUp = (path: string): boolean => path.includes('/..') || path.includes('../');

export const isAbsolute = (path: string): boolean => path.startsWith('/') && !goesUp(path);

export function isReal(path: string, { look }: ConfState): boolean {
  if (!isAbsolute(path)) return false;
  const facts = look?.(path);
  return facts === undefined || facts.isThere || facts.isLink;
}

export function isProgram(path: string, { look }: ConfState): boolean {
  if (!isAbsolute(path)) return false;
  const facts = look?.(path);
  return facts === undefined || (facts.isFile && facts.canExecute);
}

export const isBoolean = (text: string): boolean => /^0*[01]$/.test(text);

export const isShortArgs = (text: string): boolean => /^-\w+$/.test(text);

/** [user@]host:/path, or with ~ or . before the slash. */
export function isSshPath(path: string): boolean {
  return !/^\s|\s$/.test(path) && !path.includes('://') && /:[~.]?\//.test(path);
}

export const isCwrsync = (path: string): boolean => /^[^/]+::/.test(path);

/** No regular expression, because it would restart at each slash of a long row of them. */
export function withoutSlash(path: string): string {
  let end = path.length;
  while (end > 1 && path[end - 1] === '/') end--;
  return path.slice(0, end);
}

export function normal(dest: string): string {
  return dest.replace(/^\.\/|\/\.\/|\.$/g, '/').replace(/\/+/g, '/');
}
