/**
 * baton-protocol(7), from the schemas of the requests and the texts in
 * contrib/generate/protocoltext.ts.
 */
import type { JsonSchema } from '@valibot/to-json-schema';
import { LINE_BYTES_MAX, PROTOCOL_VERSION } from '../../daemon/protocol/request.ts';
import { Ping, Request } from '../../daemon/protocol/request-schema.ts';
import { kindOf } from './kind.ts';
import {
  ERRORS,
  OUTCOMES,
  REPLIES,
  REQUESTS,
  RUN_VIEW,
  TARGET_VIEW,
  USUAL,
} from './protocoltext.ts';
import { example, heading, item, page, paragraph, subheading } from './roff.ts';
import { schemaOf } from './schema.ts';

const DESCRIPTION = [
  'baton(1) and batond(8) communicate over a Unix socket with one JSON object (UTF-8) per ' +
    `line in both directions. A line has at most ${LINE_BYTES_MAX} bytes. A request has a ` +
    '`type` and fields; unknown fields are refused. Several requests may be open on one ' +
    'connection. Empty lines are ignored.',
  'A client that has nothing more to send may close its writing side and keep reading. A line ' +
    'that is not a valid request is answered with one `error`, and the connection is closed; ' +
    'other connections are not affected.',
  'Replies may have fields that are not listed here; clients must ignore them. Fields that ' +
    'are unknown or do not apply are omitted. Released fields keep their names and meanings. ' +
    'All times are in milliseconds; those whose names end in `AtMs`, and `nowMs`, count from ' +
    '1970 (UTC).',
] as const;

const COMMON = [
  [
    'id',
    'string or number; optional',
    'Chosen by the client; included in every reply to the request.',
  ],
  [
    'v',
    'number; optional',
    `Protocol version, ${PROTOCOL_VERSION}. Other versions are refused with status 76.`,
  ],
] as const;

export const EXAMPLES = [
  [
    'Request a run by hand:',
    `echo '{"type":"run","target":"hello","wait":true}' |\n  nc -N -U /run/baton/baton.sock`,
  ],
  [
    'The replies:',
    [
      '{"type":"accepted","run":17,"target":"hello","nonce":"KMFqOncnjQ"}',
      '{"type":"started","run":17}',
      '{"type":"output","run":17,"stream":"out","offset":0,"bytes":17,',
      ' "data":"hello from baton\\n"}',
      '{"type":"ended","run":17,"target":"hello",',
      ' "outcome":{"kind":"exited","code":0},"verdict":"ok","exit":0,',
      ' "text":"exited with 0","tell":false}',
    ].join('\n'),
  ],
] as const;

export function protocolPage(version: string): string {
  return page('baton-protocol', 7, { brief: 'protocol of the batond socket', version }, [
    ...heading('DESCRIPTION'),
    ...DESCRIPTION.flatMap(paragraph),
    ...heading('REQUESTS'),
    ...paragraph('Every request may have these fields:'),
    ...COMMON.flatMap(([name, kind, text]) => item(`\`${name}\` (${kind})`, text)),
    ...[...Request.options, Ping].flatMap((option) => requestOf(schemaOf(option))),
    ...heading('REPLIES'),
    ...Object.entries(REPLIES).flatMap(([type, { text, fields }]) => [
      ...subheading(`\`${type}\``),
      ...paragraph(text),
      ...fieldsOf(fields),
    ]),
    ...heading('RUNS'),
    ...fieldsOf(RUN_VIEW),
    ...paragraph('Fields of `usual`, which describes the last successful runs:'),
    ...fieldsOf(USUAL),
    ...heading('TARGETS'),
    ...fieldsOf(TARGET_VIEW),
    ...heading('OUTCOMES'),
    ...paragraph('An outcome is an object with a `kind` and the fields of that kind:'),
    ...fieldsOf(OUTCOMES),
    ...heading('ERRORS'),
    ...fieldsOf(ERRORS),
    ...heading('EXAMPLES'),
    ...EXAMPLES.flatMap(([text, lines]) => [...paragraph(text), ...example(lines)]),
    ...heading('SEE ALSO'),
    ...paragraph('baton(1), batond(8), baton.json(5), nc(1)'),
  ]);
}

function requestOf({ properties = {}, required = [] }: JsonSchema): readonly string[] {
  const { type, id: _, v: __, ...fields } = properties;
  const verb = Object.keys(REQUESTS).find(
    (name): name is keyof typeof REQUESTS => typeof type === 'object' && type.const === name,
  );
  if (verb === undefined) throw new Error('a request has no text in protocoltext.ts');
  const texts: Readonly<Record<string, string>> = REQUESTS[verb].fields;
  return [
    ...subheading(`\`${verb}\``),
    ...paragraph(REQUESTS[verb].text),
    ...Object.entries(fields).flatMap(([name, schema]) => {
      const kind = typeof schema === 'object' ? kindOf(schema) : '';
      const facts = [kind, ...(required.includes(name) ? [] : [optional(schema)])];
      return item(`\`${name}\` (${facts.join('; ')})`, texts[name] ?? '');
    }),
  ];
}

function optional(schema: JsonSchema | boolean): string {
  const value = typeof schema === 'object' ? JSON.stringify(schema.default) : undefined;
  return value === undefined ? 'optional' : `default \`${value}\``;
}

function fieldsOf(fields: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(fields).flatMap(([name, text]) => item(`\`${name}\``, text));
}
