/**
 * What check-crontab prints about lines that call rsnapshot, for every case of
 * test/support/migration.ts, and for random lines: everything except the call stays byte for byte,
 * and sh can parse the output.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { parseCrontab } from '../../../client/crontab/crontab.ts';
import { type Finding, findAll } from '../../../client/crontab/findings.ts';
import { suggest } from '../../../daemon/protocol/request.ts';
import { readRsnapshotConf } from '../../../policies/rsnapshot-conf.ts';
import { CASES, type MigrationCase } from '../../support/migration.ts';
import { INVENTED } from '../../support/migration-invented.ts';

const CONF = 'retain\thourly\t6\nretain\tdaily\t7\nretain\tweekly\t4\nsync_first\t1\n';

function findingsOf(text: string): readonly Finding[] {
  const lines = parseCrontab('/etc/cron.d/x', text, () => true);
  return findAll(lines, {
    targets: undefined,
    suggest,
    conf: (path) => {
      const read = readRsnapshotConf(path, () => ({ ok: true, text: CONF, realPath: path }));
      return read.ok ? read.conf : undefined;
    },
  });
}

/** The remarks about the last line; those that compare its hour with others are excluded. */
function saidOf({ before, line }: MigrationCase): readonly Finding[] {
  const whole = /^[\d@*]/.test(line) ? line : `0 3 * * * root ${line}`;
  const lines = [...(before === undefined ? [] : [before]), whole, ''];
  const found = findingsOf(lines.join('\n'));
  const other = /collides with|must run first|^starts /;
  return found.filter((it) => it.line.line === lines.length - 1 && !other.test(it.text));
}

function wrongWith(it: MigrationCase): string | undefined {
  const found = saidOf(it);
  const [{ text = '', instead = '', targets = [], notes = [] } = {}] = found;
  const all = JSON.stringify(found.map(({ line: _, ...rest }) => rest));
  if (it.isSilent === true) return found.length === 0 ? undefined : all;
  if (found.length !== (it.also === undefined ? 1 : 2)) return `${found.length} findings: ${all}`;
  if (it.also?.test(found[1]?.text ?? '') === false) return all;
  if (it.byHand !== undefined) {
    const isRight = text.includes('rewrite this one by hand: ') && it.byHand.test(text);
    return isRight && instead === '' ? undefined : all;
  }
  const command = instead.replace(/^0 3 \* \* \* root /, '');
  if (it.instead !== undefined && command !== it.instead) return all;
  if (it.says !== undefined && !it.says.test([text, ...notes].join('\n'))) return all;
  const missing = (it.target ?? []).filter((part) => !targets[0]?.includes(part));
  return missing.length > 0 ? `lacks ${missing.join(' and ')}: ${all}` : undefined;
}

for (const it of [...CASES, ...INVENTED]) {
  test(`the right thing is said of ${it.id}`, () => assert.equal(wrongWith(it), undefined));
}

test('sh can read every line that is written instead', () => {
  const written = [...CASES, ...INVENTED].flatMap(({ before, instead }) =>
    instead === undefined || before?.includes('bash') === true
      ? []
      : [instead.replaceAll('\\%', '%')],
  );
  assert.ok(written.length > 30);
  const { status, stderr } = spawnSync('sh', ['-n'], {
    input: written.join('\n'),
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
});
