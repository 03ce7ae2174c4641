/** baton.json(5), from the schemas of config.json and the descriptions of their keys. */
import type { JsonSchema } from '@valibot/to-json-schema';
import { kindOf, objectOf } from './kind.ts';
import { example, heading, item, page, paragraph, subheading } from './roff.ts';
import { configSchema } from './schema.ts';

const DESCRIPTION = [
  'The configuration of batond(8) is one JSON object (UTF-8) that lists the targets: what can ' +
    'be requested, how it is run, and when. Comments (`//`, `/* */`) are allowed. `batond ' +
    '--check` prints what a file means, or all its errors at once, each with its line, column ' +
    'and key, what was found, and what was expected. Unknown keys are errors.',
  'The file must be writable only by its owner and root. The daemon reads it at start and on ' +
    '`baton reload`; a file with errors never replaces a correct configuration. An editor that ' +
    'supports JSON Schema completes and explains the keys if `"$schema"` names ' +
    '`config.schema.json`.',
] as const;

/** A test checks that this loads unchanged. */
export const EXAMPLE = {
  targets: {
    'rsnap-daily': {
      runner: { type: 'local', args: ['/usr/bin/rsnapshot', 'daily'] },
      policies: [{ type: 'rsnapshot', interval: 'daily' }],
      timeout: '8h',
      maxWait: '12h',
      warnExit: [2],
    },
    'db-dump': {
      runner: { type: 'ssh', host: 'db.example', args: ['dump-all'] },
      policies: [{ type: 'cardinality', group: 'backup-disk' }],
      timeout: '2h',
    },
  },
} as const;

const VALUES = [
  [
    'durations',
    'A string of numbers with units, such as `"90s"`, `"30m"`, `"8h"` or `"1h30m"`. Units are ' +
      'ms, s, m or min, h, d and w; the maximum is 366d.',
  ],
  [
    'sizes',
    'A number of bytes, or a string with a unit: B, kB, MB, GB, TB (powers of 1000) or KiB, ' +
      'MiB, GiB, TiB (powers of 1024).',
  ],
  [
    'names of targets',
    '1 to 100 characters, except `/` and control characters. A name must not begin with `-`, ' +
      'and must not consist only of digits, because numbers refer to runs.',
  ],
] as const;

const DEFAULTS = [
  '`defaults` sets keys for all targets that do not set them, including the targets of ' +
    'included files. A key of a target replaces the default as a whole: lists such as ' +
    '`policies` are not merged. Only `keep` is merged limit by limit: first from `defaults`, ' +
    'then from the `keep` of the top level. `null` removes a default from a target. `runner`, ' +
    '`description` and `acceptArgs` have no defaults.',
  'A default that does not fit a target is ignored for this target: a hook that would be the ' +
    'target itself, `onLate` without `lateAfter`, `onFailureAfter` without `onFailure`, an exit ' +
    'code of `okExit` or `warnExit` that the target lists in the other key. All other defaults ' +
    'also apply to hooks, which often need neither `lateAfter` nor `policies`:',
] as const;

/** A test checks that this loads unchanged. */
export const DEFAULTS_EXAMPLE = {
  defaults: {
    lateAfter: '26h',
    onFailure: 'tell-admin',
    policies: [{ type: 'cardinality', group: 'disk' }],
  },
  targets: {
    photos: { runner: { type: 'local', args: ['/usr/local/sbin/copy-photos'] } },
    'tell-admin': {
      runner: { type: 'local', args: ['/usr/local/sbin/tell-admin'] },
      lateAfter: null,
      policies: [],
    },
  },
} as const;

const EACH = [
  'With `each`, one definition creates a target for each value of a list; with several lists, ' +
    'for each combination, where the last list varies fastest. `{host}` in the name and in ' +
    'every string of the definition is replaced by the value; keys are not changed, and neither ' +
    'is `defaults`. The name must contain every placeholder. A placeholder that `each` does not ' +
    'define is an error.',
  '`{{host}}` stands for the literal text `{host}`. Braces around anything except one word (a ' +
    'letter, then letters, digits, `_`) are literal, as in `{print $1}` and `{{.Names}}`. In a ' +
    'definition without `each`, all braces are literal. All definitions together may create at ' +
    'most 100,000 targets. `batond --check` prints the resulting targets.',
] as const;

const FLEETS = [
  'With `hosts`, a definition creates a fleet: a target NAME@HOST for each host, where ' +
    '`{host}` is replaced by the host. `baton run NAME` queues a run of each of them: either ' +
    'all are accepted or none, and the policies decide as if each were the only request. ' +
    '`cancel`, `pause`, `resume`, `why`, `wait` and `history` also accept the name of a fleet. ' +
    'A hook cannot be a fleet. `each` together with `hosts` creates a fleet for each ' +
    'combination.',
  'A host is a name, an address or an alias from `~/.ssh/config`, made of letters, digits and ' +
    '`._:-`. A fleet has at most 1,000 hosts. A `cardinality` without `group` counts the runs ' +
    'of the whole fleet; other policies without `group` treat each target separately. The ' +
    '`targets` of a socket may name a fleet.',
] as const;

/** A test checks that this loads unchanged. */
export const FLEET_EXAMPLE = {
  targets: {
    'update-all': {
      hosts: ['web1', 'web2', 'db1'],
      runner: { type: 'ssh', host: '{host}', user: 'root', args: ['apt-get', '-qqy', 'upgrade'] },
      policies: [{ type: 'cardinality', instances: 2 }],
    },
  },
} as const;

/** A test checks that this loads unchanged. */
export const EACH_EXAMPLE = {
  targets: {
    'rsnap-{host}-{level}': {
      each: { host: ['web1', 'db2'], level: ['daily', 'weekly'] },
      runner: {
        type: 'local',
        args: ['/usr/bin/rsnapshot', '-c', '/etc/rsnapshot/{host}.conf', '{level}'],
      },
      policies: [{ type: 'rsnapshot', interval: '{level}' }],
    },
  },
} as const;

const INCLUDED = [
  'An included file is one JSON object with `targets` and, optionally, `description` and ' +
    '`$schema`. All other top-level keys belong in the main file, so that a file added by a ' +
    'package cannot change the targets of others. Hooks and groups may refer to targets of ' +
    'other files. Defining a target in two files is an error, and the message names both places.',
  'Included files, and directories in which a pattern looks for files, must be writable only ' +
    'by their owner and root. The limits are 1,000 included files of 1 MiB each, 10,000 entries ' +
    'in such a directory, and 16 MiB in all files together.',
  'Hidden files, files of dpkg (`x.json.dpkg-new`) and backup files of editors (`x.json~`) do ' +
    'not match `*.json`. The daemon rereads the files only on `baton reload`.',
  'An editor checks one file at a time and does not know the `plugins` of the main file: with ' +
    '`config.schema.json` it reports the types of plugins as unknown. Omit `$schema` in an ' +
    'included file that uses such a type; `batond --check` checks the file with its plugins.',
] as const;

const PY9TOR =
  'The `config.json` of py9tor is accepted unchanged; its targets have the keys `class` and ' +
  '`attrs`. `baton import py9tor FILE` prints it in the current format.';

export function configPage(version: string): string {
  const schema = configSchema();
  const target = objectOf(objectOf(schema.properties?.['targets']).additionalProperties);
  const { defaults, ...top } = schema.properties ?? {};
  // Its keys are those of a target.
  const { properties: _, ...brief } = objectOf(defaults);
  const { runner, policies } = target.properties ?? {};
  return page('baton.json', 5, { brief: 'the configuration of batond', version }, [
    ...heading('DESCRIPTION'),
    ...DESCRIPTION.flatMap(paragraph),
    ...heading('TOP LEVEL'),
    ...keysOf({ ...schema, properties: { ...top, defaults: brief } }),
    ...heading('TARGETS'),
    ...paragraph('Each entry of `targets` is an object with these keys:'),
    ...keysOf(target),
    ...heading('DEFAULTS'),
    ...DEFAULTS.flatMap(paragraph),
    ...example(compact(DEFAULTS_EXAMPLE)),
    ...heading('ONE DEFINITION FOR MANY TARGETS'),
    ...EACH.flatMap(paragraph),
    ...example(compact(EACH_EXAMPLE)),
    ...heading('FLEETS'),
    ...FLEETS.flatMap(paragraph),
    ...example(compact(FLEET_EXAMPLE)),
    ...heading('INCLUDED FILES'),
    ...INCLUDED.flatMap(paragraph),
    ...heading('RUNNERS'),
    ...paragraph('A runner is an object with a `type` and the keys of that type.'),
    ...variantsOf(objectOf(runner)),
    ...heading('POLICIES'),
    ...paragraph('A policy is an object with a `type` and the keys of that type.'),
    ...variantsOf(objectOf(objectOf(policies).items)),
    ...heading('VALUES'),
    ...VALUES.flatMap(([term, text]) => item(term, text)),
    ...heading('PY9TOR'),
    ...paragraph(PY9TOR),
    ...heading('FILES'),
    ...item('`/etc/baton/config.json`', 'Configuration of the system daemon.'),
    ...item(
      '`/etc/baton/conf.d/*.json`',
      'Targets installed by packages; on Debian, the file above includes them.',
    ),
    ...item('`~/.config/baton/config.json`', 'Configuration of a daemon that a user runs.'),
    ...heading('EXAMPLES'),
    ...paragraph('Run rsnapshot, and dump a database on another machine:'),
    ...example(compact(EXAMPLE)),
    ...heading('SEE ALSO'),
    ...paragraph(
      'baton(1), batond(8), baton-plugin(7), baton-protocol(7), rsnapshot(1), ssh_config(5)',
    ),
  ]);
}

function variantsOf(schema: JsonSchema): readonly string[] {
  return (schema.oneOf ?? []).flatMap((option) => {
    const object = objectOf(option);
    const { type, ...properties } = object.properties ?? {};
    const about = objectOf(type);
    return [
      ...subheading(`\`"type": "${about.const}"\``),
      ...paragraph(about.description ?? ''),
      ...keysOf({ ...object, properties }),
    ];
  });
}

/** Each key with its kind and meaning; the keys of a nested object are indented below it. */
function keysOf({ properties = {}, required = [] }: JsonSchema): readonly string[] {
  return Object.entries(properties).flatMap(([key, property]) => {
    const schema = objectOf(property);
    const inner = schema.properties ?? objectOf(schema.items).properties;
    const facts = [
      kindOf(schema),
      ...(required.includes(key) ? ['required'] : []),
      ...defaultOf(schema),
    ];
    const term = `\`${key}\` (${facts.join('; ')})`;
    const nested = inner === undefined ? [] : ['.RS', ...keysOf({ properties: inner }), '.RE'];
    return [...item(term, schema.description ?? ''), ...nested];
  });
}

function defaultOf(schema: JsonSchema): readonly string[] {
  const value = JSON.stringify(schema.default);
  const isNothing = value === undefined || value === '{}' || value === '[]';
  return isNothing ? [] : [`default \`${value}\``];
}

/** JSON as a person would write it: what fits into 66 columns stays on one line. */
function compact(value: unknown, indent = '', key = ''): string {
  const flat = JSON.stringify(value, null, 1)
    .replace(/\n\s*/g, ' ')
    .replace(/\[ (.*?) \]/g, '[$1]');
  const isShort = indent.length + key.length + flat.length <= 64;
  if (typeof value !== 'object' || value === null || (isShort && indent !== '')) return flat;
  const inner = `${indent}  `;
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  const parts = Object.entries(value).map(([name, part]) => {
    const label = Array.isArray(value) ? '' : `${JSON.stringify(name)}: `;
    return `${inner}${label}${compact(part, inner, label)}`;
  });
  return `${open}\n${parts.join(',\n')}\n${indent}${close}`;
}
