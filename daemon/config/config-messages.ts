/**
 * Texts for mistakes and oddities in config.json. A mistake is printed after its place in the file,
 * such as "targets.web.policies[0]: ". See daemon/messages.ts for the style.
 */
import { describeErrno } from '../shared/errno.ts';
import { didYouMean, suggest } from '../shared/suggest.ts';

/** Most known keys that a message lists. */
const KNOWN_MAX = 20;

// Tools

export const toolGives = (tool: string, gives: string): string =>
  `tool ${tool} sets: ${gives || 'nothing, because the target sets all of it'}`;

export const toolKnown = (tool: string, gives: string): string =>
  `runs ${tool}; set "tool": "${tool}" to get ${gives}`;

export const toolCaution = (tool: string, caution: string): string => `${tool} ${caution}`;

// The file

export const isDirectory = (what: string): string => `is a directory; name the ${what} inside`;

export const isNoFile = (what: string): string => `is not a regular file; name a ${what}`;

export const tooLong = (bytes: number, most: number): string =>
  `is ${bytes} bytes long; expected at most ${most}`;

/** `found` and `own` are for people, `user` is for chown; `own` is absent if it is root. */
export const foreignOwner = (path: string, found: string, user: string, own?: string): string => {
  const expected = own === undefined ? 'root' : `root or ${own}, the user of the daemon`;
  return `is owned by ${found}; expected ${expected}; run chown ${user} ${path}`;
};

export const foreignLink = (path: string, found: string, user: string, own?: string): string => {
  const expected = own === undefined ? 'root' : `root or ${own}, the user of the daemon`;
  return `link ${path} is owned by ${found}; expected ${expected}; run chown -h ${user} ${path}`;
};

export const writableByOthers = (path: string, mode: string): string =>
  `is writable by others (mode ${mode}), who could run commands as the daemon; run chmod go-w ` +
  `${path}`;

export const notThere = (other: string): string =>
  `does not exist; create it, or name another ${other}`;

export const forbidden = (): string =>
  'cannot be read (EACCES); make it readable by the user of the daemon';

export const unreadable = (error: unknown): string => `cannot be read ${describeErrno(error)}`;

export const byteOrderMark = (): string =>
  'begins with a byte order mark (BOM); expected UTF-8 without one; remove it';

/** `expected` is a noun from the parser. */
export const wrongJson = (expected: string, found: string): string =>
  `expected ${expected}; found ${found}`;

// Files that the configuration includes

export const notIncludable = (): string => 'does not exist; create it, or remove it from "include"';

export const notFolder = (path: string): string =>
  `is a directory; name "${path}/*.json" to include its files`;

/** `why` is what is wrong with the directory. */
export const unsafeFolder = (folder: string, why: string): string => `directory ${folder} ${why}`;

export const folderUnread = (folder: string, error: unknown): string =>
  `directory ${folder} cannot be read ${describeErrno(error)}`;

export const noFolder = (path: string): string => `${path} is not a directory; name a directory`;

export const fullFolder = (folder: string, most: number): string =>
  `directory ${folder} has more than ${most} entries; keep only configuration files in it`;

export const manyIncluded = (most: number): string =>
  `more than ${most} files are included; put more targets into each file`;

export const longTogether = (most: number): string =>
  `with this file, the configuration is longer than ${most} bytes; remove part of it`;

export const includesItself = (): string => 'is this file itself; remove it from "include"';

export const mainOnly = (key: string, main: string): string =>
  `"${key}" is only allowed in the main file; move it to ${main}`;

/** `first` is where it is defined. */
export const definedTwice = (name: string, first: string): string =>
  `target "${name}" is already defined at ${first}; remove one of them or rename it`;

// One definition for many targets

export const unknownPlaceholder = (key: string, known: readonly string[]): string => {
  const near = didYouMean(key, known) || `; known here: ${known.join(', ')};`;
  const text = `{{${key}}}`;
  return (
    `placeholder {${key}} is not in "each"${near} add it there, or write ${text} for the ` +
    'literal text'
  );
};

export const unusedPlaceholder = (key: string): string =>
  `the name of the target has no {${key}}; add it, or remove "${key}" from "each"`;

export const repeatedValue = (value: string): string =>
  `value "${value}" appears twice in this list; remove one of them`;

export const manyOfEach = (count: number, most: number): string =>
  `"each" creates ${count} targets; expected at most ${most}; give fewer values`;

// Fleets

export const hostTwice = (): string =>
  '{host} is already replaced by the hosts of "hosts"; remove "host" from "each"';

export const unusedHosts = (): string =>
  'this definition does not contain {host}, so every run would be the same; use it, for ' +
  'example in "host": "{host}" of the runner';

/** `first` is where the other one is defined. */
export const fleetAndTarget = (name: string, first: string): string =>
  `"${name}" is the name of a fleet and of a target (defined at ${first}); rename one of them`;

export const fleetHook = (hook: string): string =>
  `"${hook}" is a fleet; expected a single target; add a separate target for the hook`;

/** `text` is what is wrong in the target. */
export const inTarget = (text: string, target: string): string => `${text} (in target "${target}")`;

export const twiceThere = (): string => 'duplicate key; remove one of them or rename it';

// Files that a policy reads: why not, in brackets

export const relativePath = (): string => 'expected an absolute path';

export const noRegularFile = (): string => 'expected a regular file';

export const longFile = (most: number): string => `expected at most ${most} bytes`;

// Values, by the schema

export const unknown = (what: string, wrong: string, known: readonly string[]): string => {
  if (suggest(wrong, known) !== undefined) return `unknown ${what}${didYouMean(wrong, known)}`;
  if (known.length === 0) return `unknown ${what}; none is allowed here; remove it`;
  return `unknown ${what}; known here: ${known.slice(0, KNOWN_MAX).join(', ')}`;
};

export const unknownType = (wrong: string, known: readonly string[]): string =>
  `unknown type "${wrong}"${didYouMean(wrong, known) || ';'} known types: ${known.join(', ')}`;

export const unusableName = (): string => 'this name cannot be used; choose another';

export const missingKey = (expected: string): string => `missing key; expected ${expected}`;

export const wrongValue = (expected: string, found: string): string =>
  `expected ${expected}; found ${found}`;

// Conflicts between targets

export const namedTwice = (what: string, first: number): string =>
  `${what} is already used by policies[${first}] of this target; remove one of them`;

export const differ = (text: string): string => `${text}; make them equal`;

export const ownHook = (): string => 'names the target itself; expected another target';

export const unknownHook = (hook: string, known: readonly string[]): string =>
  `there is no target "${hook}"; expected a target of the ` +
  `configuration${didYouMean(hook, known)}`;

export const hookWithArgs = (hook: string): string =>
  `target "${hook}" accepts arguments (acceptArgs); expected a target without them`;

// Allowed, but probably a mistake

export const oneResource = (targets: string, resource: string): string =>
  `targets ${targets} are in different groups but share ${resource}, so they wait for each ` +
  'other in no order; give them the same "group"';

export const twins = (first: string, second: string, level: string, group: string): string =>
  `targets ${first}, ${second} are both ${level} of ${group}: while one is queued or running, ` +
  'the other counts as a duplicate; remove one if this is not intended';

export const idlePattern = (index: number, pattern: string): string =>
  `sockets[${index}].targets: "${pattern}" matches no target; correct or remove it`;

export const runWithoutWait = (index: number): string =>
  `sockets[${index}].allow: "run" without "wait": a waiting client cannot continue after a ` +
  'restart of the daemon; add "wait"';

// Plugins: their files and exports

/** `text` is what is wrong with the plugin. */
export const wrongPlugin = (path: string, text: string): string => `${path}: ${text}`;

/** `text` is from Node. */
export const failedImport = (text: string): string =>
  `cannot be imported: ${text}; correct it, and try "node FILE"`;

/** Node's text, with the line of the file that it refers to. */
export const atLine = (text: string, line: string): string => `${text} (line ${line})`;

/** `how` is the exit code or the signal. */
export const endsProcess = (how: number | string | null): string =>
  `it ended the process that imported it (${how})`;

export const lateImport = (ms: number): string =>
  `its import took more than ${ms} ms; expected a module that only defines its exports; ` +
  'remove code that loops or waits';

export const noExports = (): string =>
  'exports nothing; expected policies or runners; add "export const …"';

export const wrongExport = (name: string, text: string): string => `export "${name}": ${text}`;

export const noPluginKind = (name: string): string =>
  `export "${name}" is neither a policy nor a runner; expected an object with "ready" or "plan"`;

export const takenType = (name: string, type: string, by: string): string =>
  `export "${name}": the type "${type}" is already used by ${by}; choose another type`;

/** `text` is the plugin's own, about an option. */
export const pluginSays = (plugin: string, text: string): string =>
  `${plugin} reports: ${text}; correct it`;

/** `text` is what was expected for a key of the runner `local`. */
export const wrongPlan = (type: string, key: string, text: string): string =>
  `plan() of runner ${type} returned a wrong "${key}": expected ${text}; correct the plugin`;

// Plugins that fail when they are called

export const pluginFailed = (plugin: string, how: string, path: string): string =>
  `${plugin} failed: ${how}; correct ${path}, and run "baton reload"`;

export const throwsError = (method: string, text: string): string => `${method}() threw ${text}`;

export const lateAnswer = (method: string, ms: number): string =>
  `${method}() took more than ${ms} ms`;

export const answersLater = (method: string): string =>
  `${method}() returned a promise; expected the result itself`;

export const wrongAnswer = (method: string, found: string, expected: string): string =>
  `${method}() returned ${found}; expected ${expected}`;

/** For a thrown value that itself throws when it is converted to text. */
export const unshown = (): string => 'something that cannot be shown';

// A configuration of py9tor

export const noNetwork = (keys: readonly string[]): string => {
  const [verb, them] = keys.length > 1 ? ['are', 'them'] : ['is', 'it'];
  return `${keys.join(' and ')} ${verb} ignored: baton has no network port; remove ${them}`;
};

export const noAttrs = (required: readonly string[], isMissing: boolean): string => {
  const expected = `expected an object with ${required.join(', ')}`;
  return isMissing ? `missing key; ${expected}` : expected;
};

export const neededKey = (by: string): string => `missing key, which ${by} needs; add it`;

export const unheededKey = (target: string, key: string): string =>
  `target "${target}": ${key} is ignored: no handler reads it; set "handler", or remove it`;
