/**
 * The schema of one entry of `sockets` in config.json: its path, who may open it, what it permits.
 */
import * as v from 'valibot';
import { SOCKET_PATH_BYTES_MAX } from '../protocol/request.ts';
import { Request, type Verb } from '../protocol/request-schema.ts';
import { idlePattern, runWithoutWait } from './config-messages.ts';
import { describeRights, permits } from './rights.ts';

/** Most sockets in a configuration. */
const SOCKETS_MAX = 32;
const PATTERNS_MAX = 1_000;
const NAME_CHARS_MAX = 255;
const ID_MAX = 2 ** 32 - 2;

const VERBS: readonly Verb[] = Request.options.map(({ entries }) => entries.type.literal);

const PATH_EXPECTED = `an absolute path of at most ${SOCKET_PATH_BYTES_MAX} bytes`;
const PLACE_EXPECTED = `${PATH_EXPECTED}, or a "name" for a socket that systemd passes`;
const NAME_EXPECTED = 'the FileDescriptorName= of a systemd socket unit: no ":" and no spaces';
const MODE_EXPECTED = 'an octal number in quotes, such as "0660"';
const GROUP_EXPECTED = 'a name (no spaces, no ":", not starting with "-") or a number';
const PATTERN_EXPECTED = 'names of targets, with * for any characters, such as "rsnap-*"';
const ALONE_EXPECTED = 'sockets whose paths and names differ';

const Path = v.pipe(
  v.string(PATH_EXPECTED),
  v.check(
    (path) =>
      path.startsWith('/') &&
      !path.endsWith('/') &&
      !path.includes('\0') &&
      Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX,
    PATH_EXPECTED,
  ),
  v.metadata({ title: 'absolute path', pattern: '^/.*[^/]$' }),
);

const Name = v.pipe(
  v.string(NAME_EXPECTED),
  v.regex(/^[^\s\p{Cc}:]+$/u, NAME_EXPECTED),
  v.maxLength(NAME_CHARS_MAX, NAME_EXPECTED),
);

const Mode = v.pipe(
  v.string(MODE_EXPECTED),
  v.regex(/^0?[0-7]{3}$/, MODE_EXPECTED),
  v.metadata({ title: 'octal number' }),
  v.transform((text) => Number.parseInt(text, 8)),
);

const Group = v.union(
  [
    v.pipe(v.string(), v.regex(/^[^\s\p{Cc}:-][^\s\p{Cc}:]*$/u, GROUP_EXPECTED)),
    v.pipe(
      v.number(),
      v.integer(GROUP_EXPECTED),
      v.minValue(0, GROUP_EXPECTED),
      v.maxValue(ID_MAX, GROUP_EXPECTED),
    ),
  ],
  GROUP_EXPECTED,
);

const Entry = v.pipe(
  v.strictObject({
    path: v.exactOptional(Path),
    name: v.exactOptional(Name),
    mode: v.exactOptional(Mode),
    group: v.exactOptional(Group),
    allow: v.exactOptional(v.array(v.picklist(VERBS))),
    targets: v.exactOptional(
      v.pipe(v.array(v.string(PATTERN_EXPECTED), PATTERN_EXPECTED), v.maxLength(PATTERNS_MAX)),
    ),
  }),
  v.metadata({
    anyOf: [{ required: ['path'] }, { required: ['name'] }],
    keys: {
      path: 'Path of the socket.',
      name: '`FileDescriptorName=` of a socket that systemd opens and passes to the daemon.',
      mode: 'Permissions of the socket, as for chmod(1). Default: `"0600"`.',
      group: 'Group of the socket (name or gid). Default: the group of the daemon.',
      allow: 'Requests permitted on the socket. Default: all.',
      targets: 'Targets permitted on the socket; `*` matches any characters. Default: all.',
    },
  }),
  v.forward(
    v.check(({ path, name }) => path !== undefined || name !== undefined, PLACE_EXPECTED),
    ['path'],
  ),
);
export type SocketSettings = v.InferOutput<typeof Entry>;

export const Sockets = v.pipe(
  v.array(Entry),
  v.minLength(1),
  v.maxLength(SOCKETS_MAX),
  v.check((entries) => isApart(entries.map(({ path }) => path)), ALONE_EXPECTED),
  v.check((entries) => isApart(entries.map(({ name }) => name)), ALONE_EXPECTED),
);

function isApart(texts: readonly (string | undefined)[]): boolean {
  const named = texts.filter((text) => text !== undefined);
  return new Set(named).size === named.length;
}

/** One line of `batond --check`. */
export function describeSocket({
  path,
  name,
  mode,
  group,
  allow,
  targets,
}: SocketSettings): string {
  const facts = [
    ...(path !== undefined && name !== undefined ? [`name ${name}`] : []),
    ...(mode === undefined ? [] : [`mode ${mode.toString(8).padStart(4, '0')}`]),
    ...(group === undefined ? [] : [`group ${group}`]),
  ];
  const rights = describeRights({
    ...(allow === undefined ? {} : { allow }),
    ...(targets === undefined ? {} : { targets }),
  });
  return `socket ${path ?? `"${name}"`}: ${[...facts, `permits ${rights}`].join(', ')}`;
}

/** What is probably a mistake, though it is allowed. */
export function findOddities(
  sockets: readonly SocketSettings[],
  names: readonly string[],
): readonly string[] {
  return sockets.flatMap(({ allow, targets = [] }, index) => {
    const idle = targets.filter((pattern) => !names.some((name) => permits([pattern], name)));
    const half = allow?.includes('run') && !allow.includes('wait');
    return [
      ...idle.map((pattern) => idlePattern(index, pattern)),
      ...(half ? [runWithoutWait(index)] : []),
    ];
  });
}
