/** What a cluster does not keep, according to its own configuration. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { notKept, parseClusterConfig, SlurmInspector } from '../../../runners/slurm-inspect.ts';
import { directory } from '../../support/config.ts';

/** Lines of `scontrol show config` of Slurm 22.05. */
const OLD = `Configuration data as of 2026-11-28T18:13:00
AccountingStorageEnforce = none
JobRequeue              = 1
KillOnBadExit           = 0
KillWait                = 30 sec
MinJobAge               = 300 sec
PreemptMode             = OFF
PreemptType             = preempt/none
ProctrackType           = proctrack/linuxproc
Prolog                  = (null)
SlurmdTimeout           = 30 sec
SlurmctldTimeout        = 120 sec
SLURM_VERSION           = 22.05.8

Slurmctld(primary) at vm is UP
`;

/** The same keys in Slurm 24.11, followed by a section for cgroups. */
const NEW = `Configuration data as of 2026-11-27T22:40:00
KillWait                = 120 sec
PreemptMode             = GANG,SUSPEND
ProctrackType           = proctrack/cgroup
SlurmdTimeout           = 300 sec
SLURM_VERSION           = 24.11.5

Cgroup Support Configuration:
AllowedRAMSpace         = 100.0%
CgroupPlugin            = autodetect
IgnoreSystemd           = no

Slurmctld(primary) at vm is UP
`;

test('the configuration of a cluster is read, and what is not there is not invented', () => {
  assert.deepEqual(parseClusterConfig(OLD), {
    proctrack: 'linuxproc',
    killWaitMs: 30_000,
    slurmdTimeoutMs: 30_000,
    preemptMode: 'OFF',
  });
  assert.deepEqual(parseClusterConfig(NEW), {
    proctrack: 'cgroup',
    killWaitMs: 120_000,
    slurmdTimeoutMs: 300_000,
    preemptMode: 'GANG,SUSPEND',
  });
  for (const text of ['', 'KillWait = soon\nProctrackType = (null)\n', '= = =\n\0\n']) {
    assert.deepEqual(parseClusterConfig(text), {});
    assert.deepEqual(notKept(parseClusterConfig(text), 60_000), []);
  }
});

test('of a cluster that keeps all of it nothing is said', () => {
  assert.deepEqual(notKept(parseClusterConfig(NEW), 120_000), []);
});

for (const [line, killAfterMs, expected] of [
  ['ProctrackType = proctrack/pgid', 0, /proctrack\/pgid: .* left the process group/],
  ['ProctrackType = proctrack/linuxproc', 0, /proctrack\/linuxproc: .* lost their parent/],
  ['KillWait = 30 sec', 30_001, /KillWait=30, less than its "killAfter"/],
  ['SlurmdTimeout = 0 sec', 0, /SlurmdTimeout=0: .* never ends/],
  ['PreemptMode = REQUEUE', 0, /PreemptMode=REQUEUE: /],
  ['PreemptMode = GANG,CANCEL', 0, /PreemptMode=CANCEL: /],
] as const) {
  test(`"${line}" is warned of where killAfter is ${killAfterMs} ms`, () => {
    const [warning = '', ...more] = notKept(parseClusterConfig(`${line}\n`), killAfterMs);
    assert.match(warning, expected);
    assert.deepEqual(more, []);
  });
}

test('scontrol is asked with the conf of the target, and its absence and its trouble are told', (t) => {
  const place = directory(t);
  const { PATH } = process.env;
  t.after(() => {
    process.env['PATH'] = PATH;
  });
  const shared = join(place, 'shared');
  mkdirSync(shared);
  const inspect = (more = {}) =>
    new SlurmInspector().inspect({ directory: shared, ...more }, { killAfterMs: 5_000 });
  process.env['PATH'] = place;
  assert.match(inspect().join(), /^scontrol was not found; install/);
  const scontrol = (script: string): void => {
    writeFileSync(join(place, 'scontrol'), `#!/bin/sh\n${script}\n`);
    chmodSync(join(place, 'scontrol'), 0o755);
  };
  scontrol('[ "$*" = "show config" ] && echo "ProctrackType = proctrack/$SLURM_CONF$SLURM_X"');
  process.env['SLURM_X'] = 'leaked';
  t.after(() => delete process.env['SLURM_X']);
  assert.deepEqual(inspect(), []);
  assert.match(inspect({ conf: 'pgid' }).join(), /proctrack\/pgid: /);
  scontrol('echo "slurm_load_ctl_conf error: Unable to contact" >&2; exit 1');
  assert.match(
    inspect().join(),
    /cannot be read: slurm_load_ctl_conf error: Unable to contact; check/,
  );
  scontrol('exit 0');
  const none = join(place, 'none');
  assert.match(
    inspect({ directory: none }).join(),
    /^its "directory" \S+ cannot be used \(ENOENT\)/,
  );
});

test('a shared directory that others can write to is warned of, unless it is sticky', (t) => {
  const place = directory(t);
  const { PATH } = process.env;
  process.env['PATH'] = place;
  t.after(() => {
    process.env['PATH'] = PATH;
  });
  const shared = join(place, 'shared');
  mkdirSync(shared);
  for (const [mode, isWarned] of [
    [0o700, false],
    [0o755, false],
    [0o770, true],
    [0o702, true],
    [0o2777, true],
    [0o1777, false],
  ] as const) {
    chmodSync(shared, mode);
    const said = new SlurmInspector().inspect({ directory: shared }, { killAfterMs: 5_000 });
    const warning = `its "directory" ${shared} has mode ${mode.toString(8)}: others could change`;
    assert.equal(said.join().includes(warning), isWarned, mode.toString(8));
  }
});

test('a cluster is asked once for all of its targets, also one that does not answer', (t) => {
  const place = directory(t);
  const { PATH } = process.env;
  process.env['PATH'] = place;
  t.after(() => {
    process.env['PATH'] = PATH;
  });
  const count = join(place, 'count');
  const script = `echo "$SLURM_CONF" >>'${count}'; echo gone >&2; exit 1`;
  writeFileSync(join(place, 'scontrol'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const inspector = new SlurmInspector();
  const warnings = ['/a', '/b', '/a', '/b', '/a'].map((conf) =>
    inspector.inspect({ directory: place, conf }, { killAfterMs: 0 }),
  );
  assert.ok(warnings.every(([warning]) => /cluster cannot be read: gone/.test(warning ?? '')));
  assert.equal(readFileSync(count, 'utf8'), '/a\n/b\n');
});
