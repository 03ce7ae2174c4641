/**
 * Makes the picture in README.md, contrib/picture/status.svg: `npm run picture`.
 *
 * It shows a real session on a real terminal: the daemon, the client and rsnapshot with a tree of
 * its own. Only the clock is faked: for the daemon a second is twenty minutes, so that a night
 * passes quickly. It needs rsnapshot, rsync, faketime and util-linux, and mounts its files over
 * /etc in a private mount namespace.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { ROOT } from './support/config.ts';
import { BATOND, Rig } from './support/rig.ts';
import { makeRsnapshot } from './support/rsnapshot.ts';
import { Terminal } from './support/terminal.ts';
import { drawTerminal } from './support/terminalsvg.ts';

const PICTURE = join(ROOT, 'contrib/picture/status.svg');
const CONFIG = '/etc/baton/config.json';
const TITLE =
  'baton status and baton why in a terminal: which backups run, which wait for which, until when';
const COLUMNS = 98;
/** The daemon's seconds in one of ours. */
const SPEED = 1_200;
const LEVELS = ['daily', 'weekly', 'monthly'];
/** How long monthly deletes its oldest snapshot and daily copies files, in our seconds. */
const SLOW_RM = '#!/bin/sh\nsleep 2\nexec /bin/rm "$@"\n';
const COPY = '/bin/sleep 3.6';

const OVERLAY = `
mount -t tmpfs tmpfs "$1" && mkdir "$1/upper" "$1/work" &&
mount -t overlay -o "lowerdir=/etc,upperdir=$1/upper,workdir=$1/work" overlay /etc &&
exec "$2" "$3" inside`;

if (process.argv[2] === 'inside') await takePicture();
else process.exitCode = inNamespace();

function inNamespace(): number {
  const layers = mkdtempSync(join(tmpdir(), 'baton-picture-'));
  const user = process.getuid?.() === 0 ? [] : ['--map-root-user'];
  const shell = ['/bin/sh', '-c', OVERLAY, 'sh', layers, process.execPath, import.meta.filename];
  const args = ['--mount', '--propagation', 'private', ...user, ...shell];
  const { status } = spawnSync('unshare', args, { stdio: 'inherit' });
  rmSync(layers, { recursive: true });
  return status ?? 1;
}

/** As an administrator would have it; the sleeps are long enough that there is something to see. */
function makeConfig() {
  const local = (...args: readonly string[]) => ({ runner: { type: 'local', args } });
  const disk = { policies: [{ type: 'cardinality', group: 'backup-disk' }] };
  const rsnapshots = LEVELS.toReversed().map((interval) => [
    `rsnap-${interval}`,
    { ...local('/usr/bin/rsnapshot', interval), policies: [{ type: 'rsnapshot', interval }] },
  ]);
  return {
    targets: {
      ...Object.fromEntries(rsnapshots),
      'mirror-photos': { ...local('/bin/sleep', '2.9'), ...disk },
      'dump-databases': { ...local('/bin/sleep', '0.4'), ...disk },
      'check-archive': local('/bin/sh', '-c', 'sleep 0.2; exit 1'),
    },
  };
}

function names(): readonly string[] {
  return Object.keys(makeConfig().targets);
}

async function takePicture(): Promise<void> {
  const rig = new Rig();
  const place = join(rig.directory, 'rsnapshot');
  mkdirSync(place);
  const slow = join(place, 'slow-rm');
  writeFileSync(slow, SLOW_RM, { mode: 0o755 });
  rmSync('/etc/baton', { recursive: true, force: true });
  mkdirSync('/etc/baton');
  writeFileSync(CONFIG, JSON.stringify(makeConfig()), { mode: 0o600 });
  const beginNight = async (at: string): Promise<void> => {
    // What the previous night has rotated away exists again.
    const { conf } = makeRsnapshot(place, LEVELS, [
      ['cmd_rm', slow],
      ['cmd_preexec', COPY],
    ]);
    copyFileSync(conf, '/etc/rsnapshot.conf');
    await boot(rig, at);
    await askForAll(rig);
  };
  try {
    await beginNight('2026-11-22 02:59:50');
    await rig.logged('ended', 0, () => endsIn(rig) === names().length);
    await rig.end('SIGKILL');
    const since = rig.log.length;
    await beginNight('2026-11-23 02:59:50');
    await rig.logged('started', since, (line) => line['target'] === 'rsnap-monthly');
    await setTimeout(600);
    const shots = [await shoot(rig, ['status']), await shoot(rig, ['why', 'rsnap-daily'])];
    const lines = shots.flatMap((shot) => [...shot, '']).slice(0, -1);
    mkdirSync(dirname(PICTURE), { recursive: true });
    writeFileSync(PICTURE, drawTerminal(lines, TITLE));
  } finally {
    await rig.close();
  }
}

async function boot(rig: Rig, at: string): Promise<void> {
  const since = rig.log.length;
  const daemon = [BATOND, '--config', CONFIG, '--socket', rig.socket, '--state', rig.state];
  // The wrapper itself would be between us and the daemon.
  const { stdout } = spawnSync('faketime', ['-f', '+0', 'printenv', 'LD_PRELOAD']);
  const clock = { LD_PRELOAD: `${stdout}`.trim(), FAKETIME: `@${at} x${SPEED}`, TZ: 'UTC' };
  const PATH = `${makePerl(rig, clock.LD_PRELOAD, at)}:${process.env['PATH']}`;
  const ended = rig.spawn([process.execPath, ...daemon], { ...clock, PATH });
  await Promise.race([rig.logged('ready', since), ended]);
}

/** A directory with a perl that has the daemon's clock; each program starts a clock of its own. */
function makePerl(rig: Rig, preload: string, at: string): string {
  const bin = join(rig.directory, 'bin');
  mkdirSync(bin, { recursive: true });
  const script = `#!/bin/sh
past=$(($(date +%s%3N) - ${Date.now()}))
now=$(date -u -d "@$((${Date.parse(`${at}Z`) / 1_000} + past * ${SPEED} / 1000))" '+%F %T')
FAKETIME="@$now x${SPEED}" LD_PRELOAD='${preload}' TZ=UTC
export FAKETIME LD_PRELOAD TZ
exec /usr/bin/perl -I ${join(ROOT, 'test/support')} -MFakedClock "$@"
`;
  writeFileSync(join(bin, 'perl'), script, { mode: 0o755 });
  return bin;
}

/** How many runs have ended. */
function endsIn(rig: Rig): number {
  return rig.log.filter((line) => line['msg'] === 'ended').length;
}

/** Requests everything at the same instant, as cron does. */
async function askForAll(rig: Rig): Promise<void> {
  const session = await rig.open();
  const asked = names().map((target) => session.ask({ type: 'run', target }, 'accepted'));
  await Promise.all(asked);
  session.close();
}

/** What a person sees who types this. */
async function shoot(rig: Rig, args: readonly string[]): Promise<readonly string[]> {
  const terminal = new Terminal(args, rig.socket, { columns: COLUMNS, rows: 40 });
  const status = await terminal.ended;
  if (status !== 0) throw new Error(`baton ${args.join(' ')}: ${status}: ${terminal.text}`);
  const lines = terminal.text.trimEnd().split(/\r?\n/);
  return [`\x1b[1m# baton ${args.join(' ')}\x1b[0m`, ...lines];
}
