/**
 * `baton import borgmatic` with the real borgmatic and borg, and `baton import resticprofile` with
 * units as resticprofile writes them.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { directory } from '../support/config.ts';
import { BATON, BATOND, Rig } from '../support/rig.ts';
import { skipWithout } from '../support/tools.ts';

function baton(t: TestContext, ...args: readonly string[]) {
  return batonAt(t, {}, ...args);
}

function batonAt(t: TestContext, places: NodeJS.ProcessEnv, ...args: readonly string[]) {
  const own = { PATH: process.env['PATH'], BATON_SOCKET: join(directory(t), 'nobody') };
  const done = spawnSync(process.execPath, [BATON, 'import', ...args], {
    env: { ...own, ...places },
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { status: done.status, text: done.stdout, errors: done.stderr };
}

/** From a target's runner; batond accepts the configuration. */
function targetsIn(t: TestContext, config: string) {
  const file = join(directory(t), 'config.json');
  writeFileSync(file, config, { mode: 0o600 });
  const checked = spawnSync(process.execPath, [BATOND, '--check', file], { encoding: 'utf8' });
  assert.equal(checked.status, 0, checked.stderr);
  return JSON.parse(config).targets;
}

const CONFIG = `location:
    source_directories:
        - ROOT/data
    repositories:
        - ROOT/NAME.borg
retention:
    keep_daily: 7
hooks:
    before_backup:
        - echo "prepare NAME" >>ROOT/log; test ! -e ROOT/busy; touch ROOT/busy
    after_backup:
        - rm ROOT/busy
`;

test('each configuration of borgmatic becomes a target that saves what it names, one at a time', async (t) => {
  if (skipWithout(t, 'borgmatic', 'borg')) return;
  const root = directory(t);
  const folder = join(root, 'borgmatic.d');
  mkdirSync(folder);
  mkdirSync(join(root, 'data'));
  writeFileSync(join(root, 'data/x'), 'kept');
  const env = {
    PATH: process.env['PATH'],
    HOME: root,
    BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK: 'yes',
  };
  for (const name of ['config', 'web']) {
    const text = CONFIG.replaceAll('ROOT', root).replaceAll('NAME', name);
    writeFileSync(join(folder, `${name}.yaml`), text, { mode: 0o600 });
    execFileSync('borg', ['init', '-e', 'none', join(root, `${name}.borg`)], {
      env,
      stdio: 'ignore',
    });
  }
  writeFileSync(join(folder, 'notes.txt'), 'not one of them');
  const made = baton(t, 'borgmatic', folder);
  assert.equal(made.status, 0, made.errors);
  assert.match(made.errors, /^0 3 \* \* \* {5}root baton run borgmatic-web --wait$/m);
  assert.match(made.errors, /^# the lines below replace what starts borgmatic now/m);
  const targets = targetsIn(t, made.text);
  assert.deepEqual(Object.keys(targets), ['borgmatic', 'borgmatic-web']);
  for (const target of Object.values<{ runner: object }>(targets)) {
    Object.assign(target.runner, { env: { HOME: root } });
  }
  const rig = await Rig.start({ targets });
  t.after(() => rig.close());
  const ran = await rig.baton('run', 'borgmatic', 'borgmatic-web', '--wait');
  assert.equal(ran.status, 0, ran.errors);
  assert.deepEqual(readFileSync(join(root, 'log'), 'utf8').split('\n').sort(), [
    '',
    'prepare config',
    'prepare web',
  ]);
  for (const name of ['config', 'web']) {
    const args = ['list', '--short', join(root, `${name}.borg`)];
    assert.match(execFileSync('borg', args, { env, encoding: 'utf8' }), /^\S+\n$/);
  }
});

/** The configuration that borgmatic itself writes as an example, of what is there. */
function example(root: string): string {
  const file = join(root, 'example.yaml');
  const old = spawnSync('generate-borgmatic-config', ['--destination', file]);
  if (old.status !== 0) {
    execFileSync('borgmatic', ['config', 'generate', '--destination', file], { stdio: 'ignore' });
  }
  const lines = readFileSync(file, 'utf8').split('\n');
  const own = lines.filter((line) => !/^ *- (?:\/|ssh:|path: )|^ +label: \S+$/.test(line));
  const named = own.map((line) => {
    if (/^ *source_directories:$/.test(line)) return `${line} [${root}/data]`;
    if (!/^ *repositories:$/.test(line)) return line;
    return `${line} [${old.status === 0 ? `${root}/b` : `{path: ${root}/b}`}]`;
  });
  writeFileSync(file, named.join('\n'), { mode: 0o600 });
  return file;
}

test('the example configuration of the installed borgmatic is imported, and saves', async (t) => {
  if (skipWithout(t, 'borgmatic', 'borg')) return;
  const root = directory(t);
  mkdirSync(join(root, 'data'));
  writeFileSync(join(root, 'data/x'), 'kept');
  const own = { HOME: root, BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK: 'yes' };
  const env = { PATH: process.env['PATH'], ...own };
  execFileSync('borg', ['init', '-e', 'none', join(root, 'b')], { env, stdio: 'ignore' });
  const made = baton(t, 'borgmatic', example(root));
  assert.equal(made.status, 0, made.errors);
  assert.doesNotMatch(made.errors, /for the whole session/);
  const targets = targetsIn(t, made.text);
  assert.deepEqual(Object.keys(targets), ['borgmatic-example']);
  Object.assign(targets['borgmatic-example'].runner, { env: own });
  const rig = await Rig.start({ targets });
  t.after(() => rig.close());
  const ran = await rig.baton('run', 'borgmatic-example', '--wait');
  assert.equal(ran.status, 0, ran.errors);
  const list = ['list', '--short', join(root, 'b')];
  assert.match(execFileSync('borg', list, { env, encoding: 'utf8' }), /^\S+\n$/);
});

test('import borgmatic names hooks around all files, also in included files', (t) => {
  const root = directory(t);
  const plain = join(root, 'plain.yaml');
  const comments = ['# before_everything: [x]', '#commands: [{before: everything}]'];
  const after = 'keep: "a # b" # !include more/common.yaml';
  writeFileSync(plain, [...comments, after, ''].join('\n'));
  for (const hook of [
    '"before_everything": [mount /mnt]\n',
    'hooks: {after_everything: [umount /mnt]}\n',
    'commands:\n  - {"before": "everything", run: [mount /mnt]}\n',
    "commands:\n  - run: [umount /mnt]\n    after: 'everything'\n",
    'hooks: {note: "a # b", before_everything: [mount /mnt]}\n',
    '<<: !include more/common.yaml\n',
    '<<: !include\n  - more/other.yaml\n  - more/common.yaml\n',
  ]) {
    const file = join(root, 'hooked.yaml');
    mkdirSync(join(root, 'more'), { recursive: true });
    writeFileSync(join(root, 'more/common.yaml'), 'before_everything:\n  - mount /mnt\n');
    writeFileSync(file, hook);
    const { status, errors } = baton(t, 'borgmatic', plain, file);
    assert.equal(status, 0, errors);
    const named = errors.match(/^# (\S+) has hooks for the whole session/gm);
    assert.deepEqual(named, [`# ${file} has hooks for the whole session`], hook);
  }
});

test('import borgmatic names hooks around all files, and files that it cannot read', (t) => {
  const root = directory(t);
  const [one, two] = [join(root, 'one.yaml'), join(root, 'two.yml')];
  writeFileSync(one, 'hooks:\n    before_everything:\n        - mount /mnt\n');
  writeFileSync(two, 'commands:\n    - after: everything\n      run: [umount /mnt]\n');
  const both = baton(t, 'borgmatic', one, two);
  assert.equal(both.status, 0);
  assert.equal(both.errors.match(/^# \S+ has hooks for the whole session/gm)?.length, 2);
  const alone = baton(t, 'borgmatic', one);
  assert.doesNotMatch(alone.errors, /for the whole session/);
  assert.deepEqual(Object.keys(targetsIn(t, alone.text)), ['borgmatic-one']);
  const away = baton(t, 'borgmatic', join(root, 'none.yaml'));
  assert.deepEqual([away.status, away.text], [78, '']);
  const empty = join(root, 'empty');
  mkdirSync(empty);
  assert.match(baton(t, 'borgmatic', empty).errors, /no configuration of borgmatic in \S+empty/);
  assert.equal(baton(t, 'borgmatic', one, '--write', root).status, 64);
});

test('a file of borgmatic that cannot be read is named, and the others are imported', (t) => {
  const folder = directory(t);
  for (const name of ['a', 'c']) writeFileSync(join(folder, `${name}.yaml`), '');
  symlinkSync('/nowhere', join(folder, 'b.yaml'));
  execFileSync('mkfifo', [join(folder, 'd.yaml')]);
  mkdirSync(join(folder, 'x.yaml'));
  const made = baton(t, 'borgmatic', join(folder, 'none'), folder);
  assert.equal(made.status, 78, made.errors);
  assert.deepEqual(Object.keys(targetsIn(t, made.text)), ['borgmatic-a', 'borgmatic-c']);
  assert.deepEqual(
    made.errors.match(/^# \S+: cannot be read \(\w+\)/gm),
    [
      ['none', 'ENOENT'],
      ['b.yaml', 'ENOENT'],
      ['d.yaml', 'EFTYPE'],
    ].map(([name, code]) => `# ${folder}/${name}: cannot be read (${code})`),
  );
  // Everything except jobs is a comment, so the lines can be used in a crontab unchanged.
  assert.doesNotMatch(made.errors, /^(?!#|0 3 \* \* \*)./m);
  const alone = baton(t, 'borgmatic', join(folder, 'd.yaml'));
  assert.deepEqual([alone.status, alone.text], [78, '']);
  assert.match(alone.errors, /^baton: \S+d\.yaml: cannot be read \(EFTYPE\); it is a pipe/);
});

test('the configurations that borgmatic keeps for a user are found, too', (t) => {
  const root = directory(t);
  const user = join(root, '.config');
  mkdirSync(join(user, 'borgmatic.d'), { recursive: true });
  mkdirSync(join(user, 'borgmatic'));
  const files = ['borgmatic/config.yaml', 'borgmatic.d/web.yaml'].map((name) => join(user, name));
  for (const file of files) writeFileSync(file, '');
  const homes = [{ HOME: root }, { HOME: '/', XDG_CONFIG_HOME: user }];
  for (const places of [...homes, { HOME: root, XDG_CONFIG_HOME: '' }]) {
    const made = batonAt(t, places, 'borgmatic');
    assert.equal(made.status, 0, made.errors);
    const targets = Object.values<{ runner: { args: string[] } }>(targetsIn(t, made.text));
    const named = targets.map(({ runner }) => runner.args.at(-1));
    assert.deepEqual(
      named.filter((file) => file?.startsWith('/etc/') !== true),
      files,
    );
  }
  execFileSync('rm', files);
  symlinkSync('/nowhere', join(user, 'borgmatic.d/web.yaml'));
  const dangling = batonAt(t, { HOME: root }, 'borgmatic');
  assert.equal(dangling.status, 78);
  assert.match(dangling.errors, /borgmatic\.d\/web\.yaml: cannot be read \(ENOENT\)/);
});

/** As in its template for `schedule-permission: system`, or `user`, for which `more` has a line. */
function unitOf(command: string, profile: string, ...more: readonly string[]): string {
  return [
    ...['[Unit]', `Description=resticprofile ${command} for profile ${profile} in profiles.yaml`],
    ...['After=network-online.target', '', '[Service]', 'Type=notify'],
    ...['WorkingDirectory=/etc/resticprofile'],
    `ExecStart=/usr/local/bin/resticprofile --no-prio --no-ansi --config profiles.yaml run-schedule ${command}@${profile}`,
    ...['Nice=19', 'CPUSchedulingPolicy=idle', 'IOSchedulingClass=3', 'IOSchedulingPriority=7'],
    ...[...more, 'Environment="HOME=/root"', ''],
  ].join('\n');
}

test('the schedules of resticprofile become targets, and its services ask for them', (t) => {
  const root = directory(t);
  const units = ['backup', 'prune'].map((command) => {
    const file = join(root, `resticprofile-${command}@profile-web.service`);
    writeFileSync(file, unitOf(command, 'web'));
    return file;
  });
  const out = join(root, 'out');
  const made = baton(t, 'resticprofile', ...units, '--write', out);
  assert.equal(made.status, 0, made.errors);
  assert.match(made.errors, /^baton: import: the commands of a profile run one at a time/m);
  const targets = targetsIn(t, readFileSync(join(out, 'config.json'), 'utf8'));
  assert.deepEqual(Object.keys(targets), [
    'resticprofile-backup-profile-web',
    'resticprofile-prune-profile-web',
  ]);
  const { runner, policies } = targets['resticprofile-prune-profile-web'];
  assert.deepEqual(policies, [{ type: 'cardinality', group: 'resticprofile-web' }]);
  assert.deepEqual(runner.args, [
    ...['/usr/local/bin/resticprofile', '--no-prio', '--no-ansi', '--config', 'profiles.yaml'],
    ...['run-schedule', 'prune@web'],
  ]);
  assert.deepEqual(
    [runner.cwd, runner.nice, runner.ionice, runner.env.HOME],
    ['/etc/resticprofile', 19, 'idle', '/root'],
  );
  const dropIn = 'etc/systemd/system/resticprofile-prune@profile-web.service.d/baton.conf';
  assert.match(
    readFileSync(join(out, dropIn), 'utf8'),
    /^\[Service\]\nType=exec\nExecStart=\nExecStart=baton run resticprofile-prune-profile-web --wait$/m,
  );
});

test('units of resticprofile keep User=, and those below systemctl --user are refused', (t) => {
  const root = directory(t);
  const name = 'resticprofile-backup@profile-web.service';
  const system = join(root, name);
  writeFileSync(system, unitOf('backup', 'web', 'User=backup'));
  mkdirSync(`${system}.d`);
  writeFileSync(join(`${system}.d`, 'umask.conf'), '[Service]\nUMask=0027\n');
  const made = baton(t, 'resticprofile', system, '--write', join(root, 'out'));
  assert.equal(made.status, 0, made.errors);
  assert.match(made.errors, /not subject to CPUSchedulingPolicy=/);
  const targets = targetsIn(t, readFileSync(join(root, 'out/config.json'), 'utf8'));
  const { runner } = targets['resticprofile-backup-profile-web'];
  assert.deepEqual([runner.user, runner.umask], ['backup', '0027']);
  const dropIn = join(root, 'out/etc/systemd/system', `${name}.d/baton.conf`);
  assert.match(readFileSync(dropIn, 'utf8'), /^User=$/m);
  const users = join(root, '.config/systemd/user');
  mkdirSync(users, { recursive: true });
  writeFileSync(join(users, name), unitOf('backup', 'web'));
  const away = baton(t, 'resticprofile', join(users, name));
  assert.equal(away.text, '');
  assert.match(away.errors, /not imported: it is a user unit; name a system unit$/m);
});
