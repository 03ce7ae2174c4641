/**
 * What a hostile or broken client does on one connection, derived from a seed and a number, so that
 * each case can be repeated alone. Pure: test/fuzz.ts plays the cases against a real daemon.
 *
 * The fuzz has targets of its own, so that no mutation can affect those of the well-behaved client:
 * `quick` is run, `switch` is paused and resumed, `held` sleeps, `big` has printed very much.
 */
import { LINE_BYTES_MAX } from '../../daemon/protocol/request.ts';
import {
  type Case,
  cut,
  harmless,
  line,
  loose,
  type Make,
  refused,
  type Scenery,
  vanishing,
} from './case.ts';
import { makeRandom, type Random } from './random.ts';

/** Case number `index` of a seed. */
export function makeCase(seed: number, index: number, context: Scenery): Case {
  const random = makeRandom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
  let at = random.below(WEIGHTS);
  for (const [kind, weight, make] of KINDS) {
    if (at < weight) return { kind, ...make(random, context) };
    at -= weight;
  }
  throw new Error('Internal error: the weights do not add up');
}

const KINDS: readonly (readonly [kind: string, weight: number, make: Make])[] = [
  ['noise', 150, (random) => loose(random.bytes(1 + random.below(800)), random)],
  ['truncated', 150, truncated],
  ['flipped', 130, flipped],
  ['unknown key', 40, unknownKey],
  ['missing key', 30, missingKey],
  ['wrong value', 150, wrongValue],
  ['deep', 20, deep],
  ['strange text', 40, strangeText],
  ['no object', 60, noObject],
  ['long line', 25, longLine],
  ['endless line', 4, endlessLine],
  ['many in one chunk', 25, manyInOneChunk],
  ['byte by byte', 20, byteByByte],
  ['half-closed', 90, halfClosed],
  ['run and half-close', 3, runAndHalfClose],
  ['vanish at once', 30, () => ({ ...vanishing([], 0), reads: false })],
  ['vanish in a wait', 20, vanishInWait],
  ['vanish in a relay', 6, vanishInRelay],
  ['vanish before the answer', 4, vanishBeforeAnswer],
  ['replies unread', 3, repliesUnread],
];
const WEIGHTS = KINDS.reduce((sum, [, weight]) => sum + weight, 0);

function truncated(random: Random): Omit<Case, 'kind'> {
  const whole = line(harmless(random));
  const bytes = whole.subarray(0, 1 + random.below(whole.length - 2));
  const made = refused(bytes, random, 'malformed');
  return { ...made, end: 'half-close' };
}

function flipped(random: Random): Omit<Case, 'kind'> {
  const bytes = Buffer.concat(
    Array.from({ length: 1 + random.below(3) }, () => line(harmless(random))),
  );
  for (let flips = 1 + random.below(5); flips > 0; flips--) {
    bytes[random.below(bytes.length)] = random.below(256);
  }
  return loose(bytes, random);
}

function unknownKey(random: Random): Omit<Case, 'kind'> {
  const key = random.pick(['x', '__proto__', 'constructor', 'toString', 'Type', 'targets', '']);
  const value = random.pick(['1', 'null', '{"type":"reload"}', '"__proto__"']);
  const text = JSON.stringify(harmless(random)).slice(0, -1);
  return refused(Buffer.from(`${text},${JSON.stringify(key)}:${value}}\n`), random, 'invalid');
}

function missingKey(random: Random): Omit<Case, 'kind'> {
  const key = random.pick(['type', 'of', 'run', 'target']);
  const rest = Object.entries(harmless(random)).filter(([name]) => name !== key);
  return loose(line(Object.fromEntries(rest)), random);
}

function wrongValue(random: Random): Omit<Case, 'kind'> {
  const fields = harmless(random);
  const keys = ['id', 'v', ...Object.keys(fields)];
  const key = keys[random.below(keys.length)] ?? 'id';
  const value = random.pick(['null', '{}', '[]', 'true', '[[1]]', '{"out":1}', '{"__proto__":0}']);
  const worse = random.pick(['-1', '0.5', '1e999', '-0', '99999999999999999999', '""', '1e-400']);
  const free = key === 'id' || key === 'v' || key === 'follow';
  const text = JSON.stringify({ ...fields, [key]: '@' });
  const put = free || random.below(2) === 0 ? value : worse;
  const bytes = Buffer.from(`${text.replace('"@"', put)}\n`);
  if (key === 'follow' || put === '-0' || put === '1e-400') return loose(bytes, random);
  return refused(bytes, random, 'invalid');
}

function deep(random: Random): Omit<Case, 'kind'> {
  const depth = random.pick([100, 3_000, 7_000, 10_000, 30_000]);
  const array = random.below(2) === 0 ? ['[', ']'] : ['{"type":', '}'];
  const [open = '', close = ''] = depth > 6_000 ? ['[', ']'] : array;
  const value = `${open.repeat(depth)}1${close.repeat(depth)}`;
  const key = random.pick(['type', 'id', 'of', 'target', '__proto__']);
  const other = key === 'type' ? '' : '"type":"why",';
  return refused(Buffer.from(`{${other}"${key}":${value}}\n`), random, 'invalid');
}

function strangeText(random: Random): Omit<Case, 'kind'> {
  const texts = ['\\u0000', '\\ud800', '\\udc00\\ud800', '__proto__', 'constructor', '../../x'];
  const [first = '', ...more] = [...texts, '\\u001b[2J', '\u202e', '\\n\\n', 'ﷺ'.repeat(200)];
  const name = random.pick([first, ...more]);
  const verb = random.pick(['run', 'pause', 'history']);
  const request = `{"type":"${verb}","target":"${name}","id":"${name}"}\n`;
  const bytes = Buffer.from(request);
  const invalidUtf8 = random.below(3) === 0;
  if (invalidUtf8) bytes[bytes.indexOf(name) + random.below(name.length)] = 0xc0;
  return loose(Buffer.concat([bytes, bytes]), random);
}

function noObject(random: Random): Omit<Case, 'kind'> {
  const value = random.pick(['null', '[]', '[null]', '0', 'true', 'false', '""', '"run"', '{}']);
  const after = random.pick(['\n', '\r\n', '\n{"type":"status"}\n', '\nnull\n', '']);
  const made = refused(Buffer.from(`${value}${after}`), random, 'malformed', 'invalid');
  return after === '' ? { ...made, end: 'half-close' } : made;
}

function longLine(random: Random): Omit<Case, 'kind'> {
  const bytes = LINE_BYTES_MAX - 1 + random.below(3);
  const start = '{"type":"pause","target":"switch","id":"1';
  const text = `${start}${' '.repeat(bytes - start.length - 2)}"}\n`;
  if (bytes > LINE_BYTES_MAX) return refused(Buffer.from(text), random, 'line-too-long');
  return loose(Buffer.from(text), random);
}

function endlessLine(random: Random): Omit<Case, 'kind'> {
  const piece = Buffer.alloc(65_536, random.pick(['a', '{', '"', '\u0000', ' ']));
  const pieces = Array.from({ length: 2 + random.below(60) }, () => piece);
  return { ...refused(piece, random, 'line-too-long'), pieces, end: 'stay' };
}

function manyInOneChunk(random: Random): Omit<Case, 'kind'> {
  const count = 2 + random.below(200);
  const lines = Array.from({ length: count }, (_, index) =>
    line({ ...harmless(random), id: index + 1 }),
  );
  const end = random.pick<Case['end']>(['stay', 'half-close']);
  return {
    ...{ pieces: [Buffer.concat(lines)], end, lingerMs: 0, reads: true },
    expect: { type: 'answers', count },
  };
}

function byteByByte(random: Random): Omit<Case, 'kind'> {
  const bytes = line({ ...harmless(random), id: 1 });
  const pieces = Array.from(bytes, (byte) => Buffer.of(byte));
  const end = random.pick<Case['end']>(['stay', 'half-close']);
  return { pieces, end, lingerMs: 0, reads: true, expect: { type: 'answers', count: 1 } };
}

/** Like `echo … | nc -U`. The last newline may be missing. */
function halfClosed(random: Random): Omit<Case, 'kind'> {
  const bytes = line({ ...harmless(random), id: 1 });
  const pieces = cut(random.below(2) === 0 ? bytes : bytes.subarray(0, -1), random);
  const expect = { type: 'answers', count: 1 } as const;
  return { pieces, end: 'half-close', lingerMs: 0, reads: true, expect };
}

function runAndHalfClose(random: Random): Omit<Case, 'kind'> {
  const token = random.pick(['\u0000', '__proto__', '\ud800', '\u2028', `t${random.below(1e9)}`]);
  const pieces = [line({ type: 'run', target: 'quick', wait: true, token, id: 1 })];
  const expect = { type: 'answers', count: 1 } as const;
  return { pieces, end: 'half-close', lingerMs: 0, reads: true, expect };
}

function vanishInWait(random: Random, { held }: Scenery): Omit<Case, 'kind'> {
  const wait = line({ type: 'wait', run: held });
  const follow = line({ type: 'output', of: held, follow: true });
  const pieces = Array.from({ length: 1 + random.below(8) }, () => random.pick([wait, follow]));
  return vanishing([Buffer.concat(pieces)], random.below(15));
}

function vanishInRelay(random: Random, { big }: Scenery): Omit<Case, 'kind'> {
  const relay = line(
    random.pick([
      { type: 'output', of: big },
      { type: 'wait', run: big },
    ]),
  );
  return { ...vanishing([relay], random.below(15)), reads: random.below(2) === 0 };
}

function vanishBeforeAnswer(_: Random, { bigToken }: Scenery): Omit<Case, 'kind'> {
  return vanishing([line({ type: 'run', target: 'big', token: bigToken, wait: true })], 0);
}

function repliesUnread(random: Random): Omit<Case, 'kind'> {
  const request = line(random.pick([{ type: 'status' }, { type: 'history', limit: 10_000 }]));
  const chunk = Buffer.concat(Array.from({ length: 1_500 }, () => request));
  return { ...vanishing([chunk, chunk], random.below(60)), reads: false };
}
