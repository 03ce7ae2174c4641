/**
 * The options of `require`, and the conditions that they contain. Checking the conditions is done
 * elsewhere; see policies/require.ts.
 */
import * as v from 'valibot';
import type { Condition } from '../daemon/core/world.ts';
import { BYTES, DURATION_EXPECTED, parseBytes } from '../daemon/shared/duration.ts';
import { Account, Limit, whole } from './option-types.ts';

/** Checking more often would be nearly continuous. */
const EVERY_MS_MIN = 1_000;
/** Most inodes that can be required. */
const INODES_MAX = 1_000_000_000_000;

const PATH_EXPECTED = 'an absolute path without "." and ".."';
const SIZE_EXPECTED = 'a size of 1 byte or more, such as "50GB"';

const Path = v.pipe(
  v.string(PATH_EXPECTED),
  v.regex(/^\/(?!(.*\/)?\.{1,2}(\/|$))[^\0]*$/, PATH_EXPECTED),
  v.transform((path) => path.replace(/\/+/g, '/').replace(/(.)\/$/, '$1')),
);

const Size = v.pipe(
  v.union(
    [
      v.pipe(v.number(), v.metadata({ type: 'integer', minimum: 1 })),
      v.pipe(v.string(), v.metadata({ pattern: BYTES.source })),
    ],
    SIZE_EXPECTED,
  ),
  v.check((size) => (parseBytes(size) ?? 0) > 0, SIZE_EXPECTED),
  v.metadata({ title: 'size' }),
  v.transform((size) => parseBytes(size) ?? 0),
);

const WORD_EXPECTED = 'a string without NUL characters';
const Word = v.pipe(
  v.string(WORD_EXPECTED),
  v.check((text) => !text.includes('\0'), WORD_EXPECTED),
);
const PROGRAM_EXPECTED = 'the absolute path of a program';
const Program = v.pipe(v.string(PROGRAM_EXPECTED), v.regex(/^\/[^\0]+$/, PROGRAM_EXPECTED));

const HOST_EXPECTED = 'the name or address of a host';
const Host = v.pipe(v.string(HOST_EXPECTED), v.regex(/^[\w:.][\w:.-]*$/, HOST_EXPECTED));
const PORT_MAX = 65_535;

const FIGURE_EXPECTED = 'a number, more than 0';
const Figure = v.pipe(v.number(FIGURE_EXPECTED), v.gtValue(0, FIGURE_EXPECTED));

/** The keys that are conditions. */
const CONDITIONS = [
  ...(['mounted', 'device', 'free', 'freeInodes', 'freeOn', 'exists', 'missing'] as const),
  ...(['command', 'user', 'host', 'port', 'acPower', 'load'] as const),
  ...(['cpuPressure', 'ioPressure', 'memoryPressure'] as const),
] as const;

const Settings = v.strictObject({
  type: v.literal('require'),
  mounted: v.exactOptional(Path),
  device: v.exactOptional(v.pipe(v.string(), v.minLength(1))),
  free: v.exactOptional(Size),
  freeInodes: v.exactOptional(whole(1, INODES_MAX)),
  freeOn: v.exactOptional(Path),
  exists: v.exactOptional(Path),
  missing: v.exactOptional(Path),
  command: v.exactOptional(v.tupleWithRest([Program], Word)),
  user: v.exactOptional(Account),
  host: v.exactOptional(Host),
  port: v.exactOptional(whole(1, PORT_MAX)),
  acPower: v.exactOptional(v.literal(true)),
  load: v.exactOptional(Figure),
  cpuPressure: v.exactOptional(Figure),
  ioPressure: v.exactOptional(Figure),
  memoryPressure: v.exactOptional(Figure),
  otherwise: v.optional(v.picklist(['wait', 'skip']), 'wait'),
  every: v.optional(
    v.pipe(Limit, v.minValue(EVERY_MS_MIN, `${DURATION_EXPECTED}, of 1 s or more`)),
    '30s',
  ),
  giveUp: v.exactOptional(Limit),
  timeout: v.optional(Limit, '10s'),
});
export type RequireOptions = v.InferOutput<typeof Settings>;

export const Options = v.pipe(
  Settings,
  v.metadata({
    dependencies: { device: ['mounted'], host: ['port'], port: ['host'], user: ['command'] },
    keys: {
      type: 'Conditions for starting. All conditions given here must be met.',
      mounted:
        'Path that must be a mount point, as in `/proc/self/mountinfo`: absolute, without ' +
        'symbolic links. An automount point counts only while something is mounted on it.',
      device:
        'Device that must be mounted there, as in fstab(5): `"UUID=…"`, `"LABEL=…"`, ' +
        '`"PARTUUID=…"`, `"/dev/disk/by-id/…"` or a source such as `"nas:/backup"`.',
      free: 'Minimum free space, as available to users other than root.',
      freeInodes:
        'Minimum number of free inodes. A file system that does not count inodes always passes.',
      freeOn: 'Path whose file system must have the free space. Default: `mounted`.',
      exists: 'Path that must exist.',
      missing: 'Path that must not exist, such as `"/run/maintenance"`.',
      command:
        'Command that must exit with 0, as a list of words, such as ' +
        '`["/usr/local/bin/ready"]`. No shell is involved. It must begin with an absolute ' +
        'path; it runs in `/`, and its output is discarded.',
      user:
        "User to run `command` as (name or uid), with that user's groups. Default: the user of " +
        'the daemon.',
      host: 'Host that must accept a connection on `port`.',
      port: 'TCP port of `host`.',
      acPower:
        'Require AC power (`/sys/class/power_supply`). A machine that has neither an adapter ' +
        'nor a discharging battery counts as being on AC power.',
      load: 'Maximum load average of the last minute (exclusive).',
      cpuPressure:
        'Maximum CPU pressure (exclusive): percentage of the last ten seconds in which some ' +
        'process waited for a CPU (`/proc/pressure/cpu`).',
      ioPressure: 'Maximum I/O pressure, likewise (`/proc/pressure/io`).',
      memoryPressure: 'Maximum memory pressure, likewise (`/proc/pressure/memory`).',
      otherwise:
        'What to do with a run while a condition is not met: let it `wait` (default), or ' +
        '`skip` it, with status 75.',
      every:
        'Time between two checks while a run is queued. Nothing is checked while no run is ' +
        'queued.',
      giveUp:
        'Skip a run, with status 75, if a condition is still not met this long after the run ' +
        'was requested. Time while the machine sleeps counts. Default: never.',
      timeout:
        'Time limit for each check. A check that takes longer counts as failed. Mounts, AC ' +
        'power, load and pressure are checked without delay.',
    },
  }),
  v.forward(
    v.check(
      (options) => CONDITIONS.some((key) => options[key] !== undefined),
      'at least one condition beside "type"',
    ),
    ['type'],
  ),
  v.forward(
    v.check(
      ({ device, mounted }) => device === undefined || mounted !== undefined,
      'nothing without "mounted"',
    ),
    ['device'],
  ),
  v.forward(
    v.check(
      ({ host, port }) => (host === undefined) === (port === undefined),
      '"host" and "port" together',
    ),
    ['host'],
  ),
  v.forward(
    v.check(
      ({ user, command }) => user === undefined || command !== undefined,
      'nothing without "command"',
    ),
    ['user'],
  ),
  v.forward(
    v.check(
      (options) => !wantsSpace(options) || spacePath(options) !== undefined,
      'nothing without "mounted" or "freeOn"',
    ),
    ['free'],
  ),
  v.forward(
    v.check(
      (options) => options.freeOn === undefined || wantsSpace(options),
      'nothing without "free"',
    ),
    ['freeOn'],
  ),
);

export function conditionsOf(options: RequireOptions): readonly Condition[] {
  const { mounted, device, free, freeInodes, exists, missing, timeout: timeoutMs } = options;
  const path = spacePath(options);
  return [
    ...(mounted === undefined
      ? []
      : [{ kind: 'mounted' as const, path: mounted, ...(device === undefined ? {} : { device }) }]),
    ...(path === undefined || !wantsSpace(options)
      ? []
      : [
          {
            kind: 'free' as const,
            path,
            ...(free === undefined ? {} : { bytes: free }),
            ...(freeInodes === undefined ? {} : { inodes: freeInodes }),
            timeoutMs,
          },
        ]),
    ...(exists === undefined ? [] : [{ kind: 'exists' as const, path: exists, timeoutMs }]),
    ...(missing === undefined ? [] : [{ kind: 'missing' as const, path: missing, timeoutMs }]),
    ...machineConditions(options),
  ];
}

function machineConditions(options: RequireOptions): readonly Condition[] {
  const { command, user, host, port, acPower, load, timeout: timeoutMs } = options;
  const { cpuPressure, ioPressure, memoryPressure } = options;
  const conditions: Condition[] = [];
  if (acPower !== undefined) conditions.push({ kind: 'acPower' });
  if (load !== undefined) conditions.push({ kind: 'load', below: load });
  const pressures = { cpu: cpuPressure, io: ioPressure, memory: memoryPressure };
  for (const of of ['cpu', 'io', 'memory'] as const) {
    const below = pressures[of];
    if (below !== undefined) conditions.push({ kind: 'pressure', of, below });
  }
  if (host !== undefined && port !== undefined) {
    conditions.push({ kind: 'host', host, port, timeoutMs });
  }
  if (command === undefined) return conditions;
  const become = user === undefined ? {} : { user };
  return [...conditions, { kind: 'command', args: command, ...become, timeoutMs }];
}

function wantsSpace({ free, freeInodes }: RequireOptions): boolean {
  return free !== undefined || freeInodes !== undefined;
}

function spacePath({ freeOn, mounted }: RequireOptions): string | undefined {
  return freeOn ?? mounted;
}
