/** From an administrator's crontabs to baton's: check-crontab, import, the installed client. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { directory, ROOT } from '../support/config.ts';
import { BATON, BATOND, Rig } from '../support/rig.ts';

function run(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const PATH = process.env['PATH'];
  const done = spawnSync(process.execPath, args, { env: { PATH, ...env }, encoding: 'utf8' });
  return { status: done.status, text: done.stdout, errors: done.stderr };
}

function check(t: { after(done: () => void): void }, config: string) {
  const path = join(directory(t), 'config.json');
  writeFileSync(path, config, { mode: 0o600 });
  return run([BATOND, '--check', path]);
}

test('import rsnapshot prints a target for each level, and the lines of cron', (t) => {
  const conf = join(directory(t), 'rsnapshot-web.conf');
  const lines = ['retain\tdaily\t7', 'retain\tmonthly\t3', 'retain\tepoch\t3', 'sync_first\t1'];
  writeFileSync(conf, `${lines.join('\n')}\n`);
  const { status, text, errors } = run([BATON, 'import', 'rsnapshot', conf]);
  assert.equal(status, 0, errors);
  const { targets } = JSON.parse(text) as { targets: Record<string, { policies: unknown[] }> };
  assert.deepEqual(Object.keys(targets), [
    ...['rsnap-web-epoch', 'rsnap-web-monthly', 'rsnap-web-daily', 'rsnap-web-sync'],
  ]);
  assert.match(errors, /^0 3 \* \* \* {5}root baton run rsnap-web-daily --wait$/m);
  assert.match(errors, /^0 3 \* \* \* {5}root baton run rsnap-web-sync --wait$/m);
  assert.match(errors, /^0 3 1 \* \* {5}root baton run rsnap-web-monthly --wait$/m);
  assert.match(errors, /^# MIN .*rsnap-web-epoch --wait {4}\(choose when\)$/m);
  const checked = check(t, text);
  assert.equal(checked.status, 0, checked.errors);
  assert.match(checked.text, /4 targets/);
  // On machines without rsnapshot, there is a warning about that.
  const others = checked.text.replaceAll(
    /^warning: .* \/usr\/bin\/rsnapshot does not exist.*$/gm,
    '',
  );
  assert.doesNotMatch(others, /warning|problem/);
});

test('import rsnapshot asks for an order where a command writes a part of the conf', (t) => {
  const conf = join(directory(t), 'rsnapshot-web.conf');
  writeFileSync(conf, 'retain\talpha\t6\ninclude_conf\t`/bin/false`\nretain\tbeta\t7\n');
  const { text, errors } = run([BATON, 'import', 'rsnapshot', conf]);
  assert.match(
    errors,
    /never executes: it may define levels, which cannot be checked; complete "order"/,
  );
  assert.match(errors, /^0 \*\/4 \* \* \* {3}root baton run rsnap-web-alpha --wait$/m);
  assert.equal(check(t, text).status, 0);
});

test('import rsnapshot leaves the levels to be filled in where only a command knows them', (t) => {
  const conf = join(directory(t), 'rsnapshot-web.conf');
  writeFileSync(conf, 'include_conf\t`/bin/false`\n');
  const { status, text, errors } = run([BATON, 'import', 'rsnapshot', conf]);
  assert.equal(status, 0, errors);
  assert.deepEqual(JSON.parse(text).targets['rsnap-web-LEVEL'].policies, [
    { type: 'rsnapshot', interval: 'LEVEL', order: ['LEVEL'] },
  ]);
  assert.match(errors, /^# to do: replace LEVEL by a level; list all levels in "order"$/m);
});

test('import rsnapshot says what it cannot read', (t) => {
  const place = directory(t);
  const missing = run([BATON, 'import', 'rsnapshot', join(place, 'x')]);
  assert.deepEqual([missing.status, missing.text], [78, '']);
  assert.match(
    missing.errors,
    /^baton: .*\/x: cannot be read \(ENOENT\); create it, or name another\n$/,
  );
  writeFileSync(join(place, 'blanks'), 'retain\tdaily\t7\nretain weekly 4\n');
  const refused = run([BATON, 'import', 'rsnapshot', join(place, 'blanks')]);
  assert.deepEqual([refused.status, refused.text], [78, '']);
  assert.match(
    refused.errors,
    /rsnapshot refuses .*\/blanks for line 2: .* missing tabs .*configtest/,
  );
  writeFileSync(join(place, 'empty'), '');
  assert.match(run([BATON, 'import', 'rsnapshot', join(place, 'empty')]).errors, /no retain lines/);
});

test('import py9tor prints a configuration of the native form', (t) => {
  const { status, text, errors } = run([
    BATON,
    'import',
    'py9tor',
    join(ROOT, 'test/support/py9tor.config.json'),
  ]);
  assert.equal(status, 0, errors);
  assert.match(errors, /host and port are ignored/);
  assert.doesNotMatch(text, /py9tor\.(worker|handlers)/);
  const checked = check(t, text);
  assert.match(checked.text, /targets\n/, checked.errors);
  const wrong = join(directory(t), 'wrong.json');
  writeFileSync(wrong, '{"targets": {"a": {"class": "py9tor.worker.X", "attrs": {}}}}');
  assert.equal(run([BATON, 'import', 'py9tor', wrong]).status, 78);
  writeFileSync(wrong, '{');
  assert.match(run([BATON, 'import', 'py9tor', wrong]).errors, /cannot be read: it is not JSON/);
});

test('import and check-crontab say what they expect', () => {
  assert.match(
    run([BATON, 'import']).errors,
    /^baton: import: expected crontab \[FILE…\] or systemd UNIT… or anacron \[FILE\] or resticprofile \[UNIT…\] or borgmatic \[FILE…\] or rsnapshot \[CONF…\] or py9tor/,
  );
  assert.match(run([BATON, 'import', 'x']).errors, /found "x"/);
  assert.match(run([BATON, 'import', 'py9tor']).errors, /expected FILE/);
  assert.equal(run([BATON, 'check-crontab', '--wait']).status, 64);
});

test('check-crontab asks the daemon for its targets and changes nothing', async (t) => {
  const place = directory(t);
  const conf = join(place, 'rsnapshot.conf');
  writeFileSync(conf, 'retain\tdaily\t7\nretain\tweekly\t4\n');
  const targets = Object.fromEntries(
    ['daily', 'weekly'].map((interval) => {
      const runner = { type: 'local', args: ['/usr/bin/rsnapshot', '-c', conf, interval] };
      return [`my-${interval}`, { runner, policies: [{ type: 'rsnapshot', interval }] }];
    }),
  );
  const rig = await Rig.start({ targets });
  t.after(() => rig.close());
  const tab = join(place, 'tab');
  // The programs are not installed where cron looks.
  writeFileSync(join(place, 'baton'), '#!/bin/sh\n', { mode: 0o755 });
  const text = [
    `0 3 * * * root /usr/bin/rsnapshot -c ${conf} daily`,
    `PATH=${place}:/usr/bin`,
    '0 4 * * 1 root baton run my-weekly --wait',
    '0 5 * * * root baton run my-dayly --wait',
    '',
  ].join('\n');
  writeFileSync(tab, text);
  const { status, text: said, errors } = await rig.baton('check-crontab', tab);
  assert.equal(errors, '');
  assert.equal(status, 1);
  assert.deepEqual(said.split('\n'), [
    `${tab}:1: runs rsnapshot daily directly, which fails while another interval holds the lock`,
    '  instead: 0 3 * * * root baton run my-daily --wait',
    `${tab}:1: starts daily at 03:00, before weekly at 04:00 (${tab}:3) on the same day, such as 2027-01-04; weekly must run first; with baton, both may have the same minute`,
    `${tab}:4: calls the target "my-dayly", which is not configured; did you mean "my-daily"?`,
    '3 findings in 3 lines of 1 crontab',
    '',
  ]);
  assert.equal(readFileSync(tab, 'utf8'), text);
});

test('check-crontab --json tells programs what it found, and how bad that is', (t) => {
  const place = directory(t);
  const tab = join(place, 'tab');
  const conf = join(place, 'rsnapshot.conf');
  writeFileSync(conf, 'retain\tdaily\t7\n');
  const direct = `0 4 * * * /usr/bin/rsnapshot -c ${conf} daily`;
  const lines = ['0 3 * * * baton run x -- $(date +%F)', direct, ''];
  writeFileSync(join(place, 'baton'), '#!/bin/sh\n', { mode: 0o755 });
  writeFileSync(tab, [`PATH=${place}:/usr/bin`, ...lines].join('\n'));
  const env = { BATON_SOCKET: join(place, 'nobody') };
  const { status, text, errors } = run([BATON, 'check-crontab', '--json', tab, '/no/tab'], env);
  assert.deepEqual([status, errors], [66, '']);
  const { findings, unread, ...counts } = JSON.parse(text);
  assert.deepEqual(counts, { crontabs: 2, lines: 2, calls: 1 });
  assert.deepEqual(
    findings.map(({ file, line, level }: Record<string, unknown>) => [file, line, level]),
    [
      [tab, 2, 'wrong'],
      [tab, 3, 'better'],
    ],
  );
  assert.match(
    findings[0].text,
    /^cron ends the command at the first "%".*; write each "%" as "\\%"$/,
  );
  assert.match(findings[1].text, /^runs rsnapshot daily directly/);
  assert.match(unread[0], /^\/no\/tab: not checked: it cannot be read \(ENOENT\)/);
});

test('check-crontab works without a daemon, and names files that it cannot read', (t) => {
  const place = directory(t);
  const tab = join(place, 'tab');
  writeFileSync(tab, '0 3 * * * true\n');
  const env = { BATON_SOCKET: join(place, 'nobody') };
  const clean = run([BATON, 'check-crontab', tab], env);
  assert.deepEqual([clean.status, clean.text], [0, 'nothing to change in 1 line of 1 crontab\n']);
  assert.match(
    clean.errors,
    /^baton: no daemon answers, so the targets of these lines were not checked; to check them, start batond\n$/,
  );
  const missing = run([BATON, 'check-crontab', tab, join(place, 'x')], env);
  assert.equal(missing.status, 66);
  assert.match(missing.errors, /\/x: not checked: it cannot be read \(ENOENT\); create it/);
  assert.ok(
    [0, 1, 66].includes(run([BATON, 'check-crontab'], env).status ?? -1),
    'the system’s own',
  );
});

test('the launchers name the very node that wrote them, and overwrite nothing else', (t) => {
  const place = directory(t);
  const script = join(ROOT, 'contrib/launchers.mjs');
  const bin = join(place, 'bin');
  mkdirSync(bin);
  assert.equal(run([script, bin]).status, 0);
  for (const name of ['baton', 'batond']) {
    const [first] = readFileSync(join(bin, name), 'utf8').split('\n');
    assert.ok(
      first?.startsWith('#!/') && first.endsWith(name === 'baton' ? 'perl' : process.execPath),
    );
    const bare = spawnSync(join(bin, name), ['--version'], { env: { PATH: '/nonexistent' } });
    assert.equal(bare.status, 0, String(bare.stderr));
  }
  assert.equal(run([script, bin]).status, 0, 'again, after an upgrade');
  writeFileSync(join(bin, 'baton'), '#!/bin/sh\n');
  const refused = run([script, bin]);
  assert.equal(refused.status, 1);
  assert.match(refused.errors, /bin\/baton: exists already and is not a launcher of baton/);
  assert.match(run([script, join(place, 'nowhere')]).errors, /cannot be written \(ENOENT\)/);
});
