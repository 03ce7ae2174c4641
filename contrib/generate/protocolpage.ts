/**
 * baton-protocol(7), from the schemas of the requests and the texts of
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
  'baton(1) and batond(8) talk over a Unix socket: one JSON object (UTF-8) a line, both ways. ' +
    `A line has at most ${LINE_BYTES_MAX} bytes. A request has a \`type\` and its fields; ` +
    'unknown fields are refused. Several requests may be open on one connection; an empty line ' +
    'means nothing.',
  'A client that sends nothing more may close its side and go on reading. A line that is no ' +
    'request gets one `error`, and the connection is closed; no other connection is disturbed.',
  'Replies may have more fields than are named here: a client ignores those that it does not ' +
    'know. A field that is not known or means nothing is left out. Released fields keep their ' +
    'name and their meaning. All times are milliseconds; those that end in `AtMs`, and `nowMs`, ' +
    'are counted since 1970 (UTC).',
] as const;

const COMMON = [
  [
    'id',
    'text or number; optional',
    'Chosen by the client; every reply to the request carries it.',
  ],
  [
    'v',
    'number; optional',
    `The version of the protocol, ${PROTOCOL_VERSION}. Another one is refused with status 76.`,
  ],
] as const;

export const EXAMPLES = [
  [
    'A run, by hand:',
    `echo '{"type":"run","target":"hello","wait":true}' |\n  nc -N -U /run/baton/baton.sock`,
  ],
  [
    'What comes back:',
    [
      '{"type":"accepted","run":17,"target":"hello"}',
      '{"type":"started","run":17}',
      '{"type":"output","run":17,"stream":"out","offset":0,"bytes":6,',
      ' "data":"hello\\n"}',
      '{"type":"ended","run":17,"target":"hello",',
      ' "outcome":{"kind":"exited","code":0},"verdict":"ok","exit":0,',
      ' "text":"exited with 0","tell":false}',
    ].join('\n'),
  ],
] as const;

export function protocolPage(version: string): string {
  return page('baton-protocol', 7, { brief: 'how programs talk to batond', version }, [
    ...heading('DESCRIPTION'),
    ...DESCRIPTION.flatMap(paragraph),
    ...heading('REQUESTS'),
    ...paragraph('Every request may have these:'),
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
    ...paragraph('The fields of `usual`, which is about the last successes:'),
    ...fieldsOf(USUAL),
    ...heading('TARGETS'),
    ...fieldsOf(TARGET_VIEW),
    ...heading('OUTCOMES'),
    ...paragraph('An outcome is an object with a `kind` and what belongs to it:'),
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
