/** How a log line looks to people, to machines and to the journal. */
import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Log, makeLog, renderLine } from '../../../daemon/system/log.ts';
import { directory } from '../../support/config.ts';

const time = Date.parse('2026-11-23T03:00:00.123Z');
const line = (fields: object): string =>
  `${JSON.stringify({ level: 'info', time, ...fields, msg: 'started' })}\n`;

test('a text line has time, level, message and fields', () => {
  assert.equal(
    renderLine(line({ run: 17, target: 'x' }), 'text', false),
    '2026-11-23T03:00:00.123Z info started run=17 target=x\n',
  );
});

test('a text line stays one line, whatever its fields hold', () => {
  const text = renderLine(
    line({ a: 'two words', b: 'a\nb', c: '', d: 'x=y', e: { kind: 'exited', code: 1 }, f: null }),
    'text',
    false,
  );
  assert.equal(
    text,
    '2026-11-23T03:00:00.123Z info started a="two words" b="a\\nb" c="" d="x=y" ' +
      'e={"kind":"exited","code":1} f=null\n',
  );
});

test('the journal is told the priority and has its own clock', () => {
  assert.equal(renderLine(line({ run: 1 }), 'text', true), '<6>info started run=1\n');
  const json = line({ run: 1 });
  assert.equal(renderLine(json, 'json', true), `<6>${json}`);
  assert.equal(renderLine(json, 'json', false), json);
  const warning = line({}).replace('"info"', '"warn"');
  assert.equal(renderLine(warning, 'text', true), '<4>warn started\n');
});

/** The output for what `write` logs. */
function logged(t: TestContext, format: 'json' | 'text', write: (log: Log) => void): string {
  const path = join(directory(t), 'log');
  const fd = openSync(path, 'w');
  write(makeLog({ level: 'info', format, isJournal: false, fd }).log);
  closeSync(fd);
  return readFileSync(path, 'utf8');
}

test('an environment, a passphrase or an argv that is logged by mistake is not printed', (t) => {
  const env = { PASSWORD: 's3cret' };
  const text = logged(t, 'json', (log) => {
    log.info({ env }, 'what a command is given');
    log.info({ plan: { keeper: 'process', env } }, 'what a keeper is given');
    log.info({ plan: { keeper: 'ssh', session: { host: 'h', env } } }, 'what SSH is given');
    log.info({ target: { name: 'x', runner: { type: 'local', env } } }, 'a target');
    log.info({ passphrase: 's3cret', key: { passphrase: 's3cret' } }, 'a key');
    log.child({ plan: { env } }).info('a child');
    const err = Object.assign(new Error('spawn x ENOENT'), { spawnargs: ['-p', 's3cret'] });
    log.info({ err }, 'an error of spawn(2)');
  });
  assert.equal(text.trim().split('\n').length, 7);
  assert.doesNotMatch(text, /s3cret/);
  assert.match(text, /"keeper":"ssh","session":\{"host":"h","env":"\[Redacted\]"\}/);
});

test('an error is told with its stack and its errno to machines, to people by its message', (t) => {
  const err = Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
  const [json] = logged(t, 'json', (log) => log.warn({ run: 1, err }, 'm')).split('\n');
  const entry = JSON.parse(json ?? '');
  assert.deepEqual([entry.err.type, entry.err.message], ['Error', err.message]);
  assert.deepEqual([entry.err.code, entry.err.stack], ['EACCES', err.stack]);
  const text = (level: 'warn' | 'fatal', thrown: unknown): string =>
    logged(t, 'text', (log) => log[level]({ err: thrown }, 'm')).replace(/^\S+ /, '');
  assert.equal(text('warn', err), 'warn m err="Error: EACCES: permission denied"\n');
  assert.equal(text('fatal', err), `fatal m err=${JSON.stringify(err.stack)}\n`);
  assert.equal(text('fatal', 'thrown'), 'fatal m err=thrown\n');
});
