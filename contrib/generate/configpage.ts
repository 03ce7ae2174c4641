/** baton.json(5), from the schemas of config.json and what they say of their keys. */
import type { JsonSchema } from '@valibot/to-json-schema';
import { kindOf, objectOf } from './kind.ts';
import { example, heading, item, page, paragraph, subheading } from './roff.ts';
import { configSchema } from './schema.ts';

const DESCRIPTION = [
  'The configuration of batond(8) is one JSON object (UTF-8) that names the targets: what can ' +
    'be asked for, how it is run, and when. Comments (`//`, `/* */`) are allowed. ' +
    '`batond --check` says what a file means, or every mistake at once, each with its line, ' +
    'column and place, what was found, and what was expected. Unknown keys are mistakes.',
  'Nobody but its owner and root may be able to write the file. The daemon reads it when it ' +
    'starts, and again on `baton reload`; a bad file never replaces a good one. An editor that ' +
    'knows JSON Schema completes and explains the keys, if `"$schema"` names ' +
    '`config.schema.json`.',
] as const;

/** Loads as it stands; a test sees to it. */
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
    'Texts of numbers with units, such as `"90s"`, `"30m"`, `"8h"` or `"1h30m"`. Units are ms, ' +
      's, m or min, h, d and w; the longest is 366d.',
  ],
  [
    'sizes',
    'A number of bytes, or a text with a unit: B, kB, MB, GB, TB (of 1000) or KiB, MiB, GiB, ' +
      'TiB (of 1024).',
  ],
  [
    'names of targets',
    '1 to 100 characters without `/` and control characters. They do not begin with `-` and ' +
      'are not only digits, which name runs.',
  ],
] as const;

const DEFAULTS = [
  '`defaults` says what targets have that do not say it themselves, those of included files too. ' +
    'A key of a target takes the place of the default as a whole: lists such as `policies` are ' +
    'not joined. Only `keep` is completed limit by limit, by `defaults`, then by the `keep` of ' +
    'the top level. `null` takes a default away. What a target is by its runner has no default: ' +
    '`runner`, `description`, `acceptArgs`.',
  'A default that does not fit a target is left out there: a hook that would be the target ' +
    'itself, `onLate` without `lateAfter`, `onFailureAfter` without `onFailure`, an exit code of ' +
    '`okExit` or `warnExit` that the target counts as the other. All other defaults are for ' +
    'hooks, too; they often want neither `lateAfter` nor `policies`:',
] as const;

/** Loads as it stands; a test sees to it. */
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
  'With `each` a definition makes a target for each value of a list; of several lists, for each ' +
    'combination, where the last list changes fastest. `{host}` in the name and in every text of ' +
    'the definition becomes the value; keys are not changed, nor is `defaults`. The name needs ' +
    'every placeholder, and a placeholder that `each` does not have is a mistake.',
  '`{{host}}` stands for the plain text `{host}`. Braces around anything but one word (a letter, ' +
    'then letters, digits, `_`) are plain text, as in `{print $1}` and `{{.Names}}`. In a ' +
    'definition without `each` all braces are plain text. All definitions together make at most ' +
    '100,000 targets. `batond --check` prints the targets that are made.',
] as const;

const FLEETS = [
  'With `hosts` a definition makes a fleet: a target NAME@HOST for each host, with the host in ' +
    'the place of `{host}`. `baton run NAME` asks for a run of each of them: all are accepted or ' +
    'none is, by what the policies say of each before the request. `cancel`, `pause`, `resume`, ' +
    '`why`, `wait` and `history` take the name of the fleet as well. A hook cannot be a fleet. ' +
    '`each` beside `hosts` makes a fleet for each of its combinations.',
  'A host is a name, an address or an alias of `~/.ssh/config`: letters, digits and `._:-`. A ' +
    'fleet has at most 1,000. A `cardinality` without `group` counts the runs of the whole ' +
    'fleet; other policies without `group` look at each target by itself. `targets` of a socket ' +
    'may name a fleet.',
] as const;

/** Loads as it stands; a test sees to it. */
export const FLEET_EXAMPLE = {
  targets: {
    'update-all': {
      hosts: ['web1', 'web2', 'db1'],
      runner: { type: 'ssh', host: '{host}', user: 'root', args: ['apt-get', '-qqy', 'upgrade'] },
      policies: [{ type: 'cardinality', instances: 2 }],
    },
  },
} as const;

/** Loads as it stands; a test sees to it. */
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
  'A file of `include` is one JSON object, with `targets`, and if you like `description` and ' +
    '`$schema`. All other keys of the top level belong into the main file: a file that a package ' +
    'adds cannot change the targets of others. Hooks and groups reach across files. A target ' +
    'that two files define is a mistake, which names both places.',
  'Nobody but its owner and root may be able to write an included file, or the folder in which ' +
    'a pattern looks for files. There may be at most 1,000 included files of 1 MiB each, 10,000 ' +
    'entries in such a folder, and 16 MiB in all files together.',
  'Hidden files, those of dpkg (`x.json.dpkg-new`) and backups of editors (`x.json~`) do not ' +
    'match `*.json`. The daemon reads all files again on `baton reload`, and not before.',
  'An editor looks at one file at a time and cannot see the `plugins` of the main file: by ' +
    '`config.schema.json` it flags each type that a plugin brings. Leave `$schema` out of an ' +
    'included file that names such a type; `batond --check` checks it with the plugins.',
] as const;

const PY9TOR =
  "py9tor's `config.json` is read unchanged: a target with `class` and `attrs` is one of its. `baton import py9tor FILE` prints what becomes of it.";

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
    ...paragraph('A runner is an object with a `type` and the keys that belong to it.'),
    ...variantsOf(objectOf(runner)),
    ...heading('POLICIES'),
    ...paragraph('A policy is an object with a `type` and the keys that belong to it.'),
    ...variantsOf(objectOf(objectOf(policies).items)),
    ...heading('VALUES'),
    ...VALUES.flatMap(([term, text]) => item(term, text)),
    ...heading('PY9TOR'),
    ...paragraph(PY9TOR),
    ...heading('FILES'),
    ...item('`/etc/baton/config.json`', "The machine's configuration."),
    ...item(
      '`/etc/baton/conf.d/*.json`',
      'Where packages put targets; the file above includes them on Debian.',
    ),
    ...item('`~/.config/baton/config.json`', "A user's own."),
    ...heading('EXAMPLES'),
    ...paragraph('rsnapshot, and a database on another machine:'),
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

/** Each key with its kind and meaning; those of an object that stands in it are indented below. */
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

/** JSON as a person would write it: what fits into 66 columns stays on its line. */
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
