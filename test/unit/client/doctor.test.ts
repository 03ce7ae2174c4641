/** The findings of `baton doctor` in cases that no test can set up for real. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ClockFacts, judgeClock } from '../../../client/doctor/clock.ts';
import { judgeCrontabs } from '../../../client/doctor/crontabs.ts';
import { judgeDaemon } from '../../../client/doctor/daemon.ts';
import { type Finding, troubleOf } from '../../../client/doctor/finding.ts';
import { bounded, run } from '../../../client/doctor/limits.ts';
import { judgeNode, judgeProgram, NODE_LEAST } from '../../../client/doctor/programs.ts';
import { judgeRoom } from '../../../client/doctor/state.ts';
import {
  judgeCrashes,
  judgeUnits,
  parseUnits,
  placesOfUnits,
  type UnitsFacts,
} from '../../../client/doctor/units.ts';
import { showFindings } from '../../../client/terminal/doctor-text.ts';
import { ROOT } from '../../support/config.ts';

const SOCKET = {
  ...{ Id: 'baton.socket', LoadState: 'loaded', ActiveState: 'active', Result: 'success' },
  ...{ UnitFileState: 'enabled', Listen: '/run/baton/baton.sock (Stream)', SocketMode: '0600' },
};
const SERVICE = {
  ...{ Id: 'baton.service', LoadState: 'loaded', ActiveState: 'inactive', Result: 'success' },
  ...{ UnitFileState: 'enabled', NRestarts: '0', StateDirectory: 'baton', ExecMainStatus: '0' },
  ExecStart: '{ path=/usr/sbin/batond ; argv[]=/usr/sbin/batond --idle-exit 60s ; flags= }',
};

type Unit = Readonly<Record<string, string>>;

/** As systemctl prints them. */
function unitsOf(socket: Unit, service: Unit, lastWords?: string): UnitsFacts {
  const blocks = [
    { ...SOCKET, ...socket },
    { ...SERVICE, ...service },
  ].map((unit) =>
    Object.entries(unit)
      .map(([name, value]) => `${name}=${value}`)
      .join('\n'),
  );
  const units = parseUnits(`${blocks.join('\n\n')}\n`);
  return { manager: 'system', units, ...(lastWords === undefined ? {} : { lastWords }) };
}

/** Each finding in short form. */
function brief(findings: readonly Finding[]): readonly string[] {
  return findings.map((it) => {
    const todo = it.level === 'ok' ? '' : ` | ${it.todo}`;
    return `${it.level} ${it.look}: ${it.found}${todo}`;
  });
}

for (const [what, socket, service, wanted] of [
  ['are as installed', {}, {}, /^ok units: baton\.socket active, baton\.service inactive$/],
  [
    'have a masked socket',
    { LoadState: 'masked', ActiveState: 'inactive' },
    {},
    /^wrong units: baton\.socket is masked \| run "systemctl unmask baton\.socket"/,
  ],
  [
    'have a socket that is stopped',
    { ActiveState: 'inactive' },
    {},
    /^wrong units: baton\.socket is not active \| run "systemctl enable --now baton\.socket/,
  ],
  [
    'have a socket that systemd gave up',
    { ActiveState: 'failed', Result: 'service-start-limit-hit' },
    {},
    /^wrong .*baton\.socket has failed \(service-start-limit-hit\) \| .*"systemctl reset-failed baton/,
  ],
  [
    'have a service with a bad configuration',
    {},
    { ActiveState: 'failed', Result: 'exit-code', ExecMainCode: '1', ExecMainStatus: '78' },
    /^wrong .*baton\.service has failed \(exit-code, status 78\) \| run "batond --check"/,
  ],
  [
    'have a file that systemd cannot read',
    {},
    { LoadState: 'bad-setting' },
    /^wrong .*baton\.service cannot be loaded \(bad-setting\) \| see "systemctl status/,
  ],
  [
    'have no socket',
    { LoadState: 'not-found', ActiveState: 'inactive' },
    {},
    /^wrong .*baton\.socket is not installed, but baton\.service is \| reinstall both/,
  ],
  [
    'are not started at boot',
    {},
    { UnitFileState: 'disabled' },
    /^note .*baton\.service is not started at boot \(disabled\) \| run "systemctl enable/,
  ],
  [
    'were changed after systemd had read them',
    { NeedDaemonReload: 'yes' },
    {},
    /^note .*file of baton\.socket has changed .* \| run "systemctl daemon-reload"$/,
  ],
] as const) {
  test(`units that ${what} are told so`, () => {
    const found = brief(judgeUnits(unitsOf(socket, service)));
    assert.equal(found.length, 1, found.join('\n'));
    assert.match(found[0] ?? '', wanted);
  });
}

test('units that nobody has installed are nothing to tell, and a silent systemd is a note', () => {
  const none = unitsOf({ LoadState: 'not-found' }, { LoadState: 'not-found' });
  assert.deepEqual(judgeUnits(none), []);
  assert.deepEqual(judgeCrashes(none), []);
  const silent = { manager: 'user', units: new Map(), silent: 'nothing for 5 s' } as const;
  assert.match(
    brief(judgeUnits(silent))[0] ?? '',
    /^note .*"systemctl --user show" gave no result/,
  );
});

test('a crash of the daemon is told with its signal and its time, and is worst while it is down', () => {
  const crash = {
    ...{ ActiveState: 'failed', Result: 'core-dump', ExecMainCode: '3', ExecMainStatus: '6' },
    ExecMainExitTimestamp: 'Sun 2026-11-29 03:00:12 UTC',
  };
  const down = brief(judgeCrashes(unitsOf({}, crash)));
  assert.match(down[0] ?? '', /^wrong crashes: .*core-dump, signal 6, Sun 2026-11-29 03:00:12 UTC/);
  const words = '2026-11-29T03:00:12+0000 host batond[7]: fatal cannot continue';
  const up = brief(
    judgeCrashes(unitsOf({}, { ...crash, ActiveState: 'active', NRestarts: '2' }, words)),
  );
  assert.deepEqual(
    up.map((line) => line.split(' ', 2).join(' ')),
    ['note crashes:', 'note crashes:', 'note crashes:'],
  );
  assert.match(up[1] ?? '', /restart baton\.service \(times: 2\)/);
  assert.match(up[2] ?? '', /could not continue: 2026-11-29T03:00:12/);
});

test('a bad configuration and another daemon are no crashes', () => {
  for (const status of ['64', '69', '78']) {
    const end = { ActiveState: 'failed', Result: 'exit-code', ExecMainCode: '1' };
    const found = judgeCrashes(unitsOf({}, { ...end, ExecMainStatus: status }));
    assert.deepEqual(brief(found), ['ok crashes: none known to systemd']);
  }
});

test('the units say where the configuration and the state are, and what mode the socket has', () => {
  const usual = placesOfUnits(unitsOf({}, {}));
  assert.deepEqual([usual.config, usual.state], [undefined, '/var/lib/baton']);
  assert.equal(usual.socketMode('/run/baton/baton.sock'), 0o600);
  assert.equal(usual.socketMode('/run/other'), undefined);
  const argv = 'argv[]=/usr/sbin/batond --config /srv/c.json --state=/srv/state';
  const other = placesOfUnits(unitsOf({}, { ExecStart: `{ path=/x ; ${argv} ; flags= }` }));
  assert.deepEqual([other.config, other.state], ['/srv/c.json', '/srv/state']);
  const named = placesOfUnits(unitsOf({}, { Environment: 'A=b BATON_CONFIG=/srv/d.json' }));
  assert.equal(named.config, '/srv/d.json');
});

test('a node that is too old is named, with the one that package.json asks for', () => {
  const about = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  assert.equal(about.engines.node, `>=${NODE_LEAST}`);
  for (const version of ['18.19.0', '20.9.0', '20.14.9']) {
    const [found] = brief(judgeNode(version));
    assert.equal(
      found,
      `wrong programs: node is ${version} | install a newer Node.js, and restart the daemon`,
    );
  }
  for (const version of ['20.15.0', '22.0.0', '24.1.0']) assert.deepEqual(judgeNode(version), []);
});

test('a program that does not work is named, and one that need not be there is not', () => {
  const version = /^(\d+)/;
  const need = { use: 'it is needed', debian: 'x' };
  const answer = { code: undefined, stdout: '', stderr: '', how: 'EACCES' };
  assert.match(
    brief(judgeProgram({ name: 'perl', version, need }, answer))[0] ?? '',
    /^wrong programs: perl does not work \(EACCES\) \| run "perl" by hand/,
  );
  assert.deepEqual(judgeProgram({ name: 'ssh', version }, answer), []);
});

test('a disk is full by what is free, and a small one with room is not', () => {
  const GB = 1_000_000_000;
  const room = { freeBytes: 0, bytes: 100 * GB, freeInodes: 1_000_000, inodes: 2_000_000 };
  const levels = (changed: Partial<typeof room>): readonly string[] =>
    judgeRoom('/s', { ...room, ...changed }).map(({ level, found }) => `${level} ${found}`);
  assert.deepEqual(levels({}), ['wrong /s: its disk has 0 B left']);
  assert.deepEqual(levels({ freeBytes: 0.5 * GB }), ['note /s: its disk has 500 MB left, 0 %']);
  assert.deepEqual(levels({ freeBytes: 2 * GB }), []);
  assert.deepEqual(levels({ freeBytes: 10_000_000, bytes: 64_000_000 }), []);
  assert.deepEqual(levels({ freeBytes: 50 * GB, freeInodes: 10 }), [
    'wrong /s: its file system has room for 10 more files',
  ]);
  // btrfs does not count inodes.
  assert.deepEqual(levels({ freeBytes: 50 * GB, freeInodes: 0, inodes: 0 }), []);
});

test('a clock that nobody keeps right is a note, and one that was set back is wrong', () => {
  const facts: ClockFacts = {
    ...{ nowMs: 1_800_000_000_000, zone: 'UTC', isSynchronized: true, service: 'chronyd runs' },
    stamps: [{ name: '/s/journal.ndjson', ms: 1_800_000_030_000, slackMs: 60_000 }],
  };
  assert.match(brief(judgeClock(facts))[0] ?? '', /^ok clock: 2027-01-15 .* UTC, synchronized$/);
  const alone = { ...facts, isSynchronized: false, service: 'no time service is enabled' };
  assert.match(
    brief(judgeClock(alone))[0] ?? '',
    /^note .*\(no time service is enabled\) \| run "time/,
  );
  const back = { ...facts, nowMs: facts.nowMs - 3_600_000 };
  assert.match(brief(judgeClock(back))[0] ?? '', /^wrong .*journal\.ndjson is 1 h in the future/);
});

test('an answer of check-crontab that cannot be read is told, and why', () => {
  const answer = { code: undefined, stdout: '{"findings"', stderr: '', how: 'nothing for 20 s' };
  assert.match(
    brief(judgeCrontabs({ answer, isCronRunning: true }))[0] ?? '',
    /^wrong crontabs: "baton check-crontab" gave no result \(nothing for 20 s\) \| run the command/,
  );
});

test('a command that does not end is killed after its time, and one that is not there says so', async () => {
  const late = await run(['sleep', '1000'], 50);
  assert.deepEqual([late.code, late.how], [undefined, 'nothing for 50 ms']);
  assert.equal((await run(['/no/such/program'])).how, 'ENOENT');
  assert.deepEqual((await run(['sh', '-c', 'echo x; exit 3'])).stdout, 'x\n');
});

test('a look that does not end, or fails, is a finding, and holds up nothing', async () => {
  const [late] = brief(await bounded('state', 20, () => new Promise(() => {})));
  assert.match(
    late ?? '',
    /^wrong state: the check of state did not finish within 20 ms \| check for a file/,
  );
  const fault = Object.assign(new Error('x'), { code: 'EIO' });
  const [failed] = brief(await bounded('clock', 1_000, () => Promise.reject(fault)));
  assert.match(failed ?? '', /^wrong clock: the check of clock failed: EIO \| report this/);
});

test('a sentence of baton is cut where it begins to say what to do', () => {
  const cut = troubleOf('no use (a; b); ask root (sudo), or join', 'x', 'y');
  assert.deepEqual(cut, {
    found: 'no use (a; b)',
    expected: 'x',
    todo: 'ask root (sudo), or join',
  });
  assert.equal(troubleOf('no advice', 'x', 'y').todo, 'y');
});

test('the worst stands first, no line is wider than the screen, and control signs are not printed', () => {
  const long = { found: `/a/${'b'.repeat(120)}\u001b[31m`, expected: 'c '.repeat(60), todo: 'd' };
  const findings: readonly Finding[] = [
    { look: 'machine', level: 'ok', found: 'a machine' },
    { look: 'clock', level: 'note', ...long },
    { look: 'socket', level: 'wrong', ...long },
  ];
  const screen = { columns: 80, isColoured: false, isUnicode: true };
  const lines = showFindings(findings, screen).split('\n');
  for (const line of lines) assert.ok(line.length <= 80 && !line.includes('\u001b'), line);
  const marks = lines.filter((line) => /^(wrong|note|ok) /.test(line)).map((line) => line.trim());
  assert.deepEqual(
    marks.map((line) => line.split(/ +/, 2).join(' ')),
    ['wrong socket', 'note clock', 'ok machine'],
  );
  assert.equal(lines.at(-2), '1 wrong, 1 note, 1 ok');
  assert.ok(showFindings(findings, { ...screen, isColoured: true }).includes('\u001b[1;31mwrong'));
});

test('a daemon that refuses because of its configuration: what it is, and where the mistakes are', () => {
  const line =
    'no run can be accepted or started; fix /etc/baton/config.json: line 1: targets: expected ' +
    'a value: {…}, […] or null; found the end of the file';
  const ending = { status: 78, isOwn: true, line };
  assert.deepEqual(brief(judgeDaemon({ ok: false, ending }, '0.1.0')), [
    'wrong daemon: no run can be accepted or started | fix the errors that "batond --check" prints',
  ]);
});
