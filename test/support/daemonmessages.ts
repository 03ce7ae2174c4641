/** Arguments for every message of the daemon; one without any does not compile. */

import { boot, config, outcome, request } from '../../daemon/messages.ts';
import type { Outcome } from '../../daemon/shared/run.ts';
import { type Entry, entriesOf, type Samples } from './samples.ts';

type Ends = 'describeOutcome' | 'adviseOutcome' | 'tellOutcome';

const FULL = Object.assign(new Error('no space'), { code: 'ENOSPC' });
const KNOWN = ['alpha', 'beta'];

const BOOT: Samples<typeof boot> = {
  badUsage: [['--x: is given twice; give it once']],
  unknownOption: [
    ['--chek', '--check'],
    ['--zzz', undefined],
  ],
  noValue: [['--config']],
  twice: [['--config']],
  extraWord: [['odd']],
  onlyAlone: [[]],
  wrongWord: [['--log-level', KNOWN, 'loud']],
  wrongDuration: [['--idle-exit', 'a duration', 'soon']],
  noConfig: [[['/etc/baton/config.json']], [['/home/c.json', '/etc/baton/config.json']]],
  longSocketPath: [['/run/long', 108, 107]],
  noHome: [[12345]],
  ownedByOther: [['/state', 1000, 0]],
  writableByOthers: [['/state', 0o775]],
  noOwnLock: [['/state/lock']],
  noStateDirectory: [['/state', FULL]],
  lockHeld: [
    ['/state/lock', '77', '--state DIR'],
    ['/state/lock', undefined, '--socket PATH'],
  ],
  cannotOpen: [['/state/lock', FULL]],
  noFlock: [['/state/lock']],
  cannotLock: [['/state/lock', 'flock: bad']],
  noPerl: [['/bin'], [undefined]],
  noKeeperScript: [['/lib/keeper.pl']],
  cannotWrite: [['/journal', 'ENOSPC']],
  unprinted: [['ENOSPC']],
  cannotRead: [['/journal', FULL]],
  damaged: [['/journal', 7, 1_234]],
  impossible: [['/journal', 7, 1_234, 'its run is not known']],
  journalGone: [['/state/journal.ndjson']],
  journalReplaced: [['/state/journal.ndjson']],
  journalChanged: [['/state/journal.ndjson', 10, 300]],
  newerFormat: [['/journal', 3, 2]],
  noJournal: [['/state']],
  torn: [['/journal', 7, 1_234, 55]],
  noSocketDirectory: [['/run/s', FULL]],
  noSocket: [['/run/s']],
  othersListen: [
    ['/run/s', 'systemd', 1],
    ['/run/s', 'systemd', 700],
    ['/run/s', 'node', 701],
    ['/run/s'],
  ],
  notReplaced: [['/run/s', 'EAGAIN']],
  cannotListen: [['socket /run/s', FULL]],
  networkSocket: [['socket "http" (descriptor 3)']],
  cannotWiden: [
    ['/run/s', 44, FULL],
    ['/run/s', undefined, FULL],
  ],
  noSocketGroup: [['/run/s', 'backup']],
};

const CONFIG: Samples<typeof config> = {
  isDirectory: [[]],
  isNoFile: [[]],
  tooLong: [[99, 88]],
  foreignOwner: [
    ['/c.json', 1_000, 0],
    ['/c.json', 1_000, 1_001],
  ],
  writableByOthers: [['/c.json', '0666']],
  notThere: [[]],
  forbidden: [[]],
  unreadable: [[FULL]],
  noJson: [[3, 4, 'expected ","; found "}"']],
  wrongJson: [['","', '"}"']],
  twiceThere: [[]],
  unknown: [
    ['key', 'alfa', KNOWN],
    ['key', 'zzzzz', KNOWN],
    ['key', 'zzzzz', []],
  ],
  unknownType: [
    ['alfa', KNOWN],
    ['zzzzz', KNOWN],
  ],
  relativePath: [[]],
  noRegularFile: [[]],
  longFile: [[88]],
  unusableName: [[]],
  missingKey: [['a list: […]']],
  wrongValue: [['a number', '"x"']],
  namedTwice: [['group "disk"', 2]],
  differ: [['settle is 2000 ms here and 3000 ms in target "web" of the same group']],
  ownHook: [[]],
  unknownHook: [
    ['alfa', KNOWN],
    ['zzzzz', KNOWN],
  ],
  hookWithArgs: [['mail']],
  oneClaim: [['a, b', 'lockfile /run/x.pid']],
  twins: [['a', 'b', 'daily', 'rsnapshot:/etc/rsnapshot.conf']],
  idlePattern: [[2, 'x*']],
  runWithoutWait: [[2]],
  noNetwork: [[['port']], [['host', 'port']]],
  noAttrs: [
    [KNOWN, true],
    [KNOWN, false],
  ],
  neededKey: [['py9tor.worker.LocalExecutor']],
  unheededKey: [['web', 'instances']],
};

const REQUEST: Samples<typeof request> = {
  unknownTarget: [
    ['/c.json', 'alfa', KNOWN],
    ['/c.json', 'zzzzz', KNOWN],
  ],
  unknownRun: [[17]],
  forgottenRun: [[17]],
  otherRun: [[7]],
  hasNoRun: [['web']],
  broken: [['key "/k" does not exist; name an existing private key']],
  notProbed: [['local']],
  wrongCount: [
    [0, 2],
    [1, 2],
    [3, 2],
  ],
  wrongArgument: [[2, '[a-z]+', 'X']],
  longArgument: [[2, '[a-z]+', 60_000]],
  noConfiguration: [['/c.json', ['targets: missing key; expected an object']]],
  noConfigurationNow: [['/c.json']],
  cannotStart: [['/state/lock: is held by the daemon with pid 7; stop that one first']],
  cannotStartNow: [[]],
  staysInForce: [
    ['/c.json', ['targets: missing key; expected an object: {…}']],
    ['/c.json', ['x: unknown key', 'y: unknown key']],
  ],
  cannotJournal: [['ENOSPC']],
  tokenUsed: [[17]],
  queueFull: [[200, 'web']],
  isConfigured: [[]],
  isInUse: [[17]],
  waitsForItself: [
    ['run 7 (a)', 'run 7 (a)'],
    ['run 7 (a)', 'run 3 (b)'],
  ],
  waitsInCircle: [
    ['run 7 (a)', 'run 7 (a)'],
    ['run 7 (a)', 'run 3 (b)'],
  ],
  tooManyClients: [[4_096, '/run/s']],
  tooManyOpen: [[256]],
  forbiddenVerb: [
    ['/run/s', 'pause', ['run', 'wait']],
    ['/run/s', 'pause', []],
  ],
  forbiddenTarget: [
    ['/run/s', 'target "db"', ['w*']],
    ['/run/s', 'run 7', []],
  ],
  closed: [
    ['/run/s', 'path'],
    ['admin', 'name'],
  ],
  otherVersion: [[2, 1]],
  tooLarge: [['status', 13_000_000, 12_582_912]],
  noObject: [[]],
  noUtf8: [[]],
  longLine: [[65_536]],
  noRequest: [['a list']],
  wrongType: [[KNOWN, '"zzz"', '']],
  unknownKey: [
    ['"wiat"', '"run"', KNOWN, '; did you mean "wait"?'],
    ['"x"', '"run"', KNOWN, ''],
  ],
  wrongValue: [['wait', 'boolean', '"yes"']],
  unreadOutput: [[17, '/out cannot be read (EIO); the disk fails; see what the kernel says']],
  unreadFile: [['/out', 'EIO']],
};

const OUTCOME: Samples<Omit<typeof outcome, Ends>> = {
  noUser: [['nobody2']],
  noGroup: [['backup']],
  noDirectory: [['/srv', 'EACCES']],
  cannotSwitchUser: [['EPERM']],
  noCommand: [
    ['/bin/x', 'ENOENT'],
    ['/bin/x', 'EACCES'],
    ['/bin/x', 'ENOEXEC'],
    ['', 'ENOENT'],
  ],
  noRunDirectory: [['/state/runs/7', FULL]],
  noProcess: [['EPERM']],
  unfitByNow: [['takes no arguments, found 2']],
  removed: [[]],
  zeroExitNotOk: [[]],
  leftLock: [['/run/x.pid']],
  lostOutput: [[4_096]],
  describeUnrecorded: [['exited with 6', 'ENOSPC']],
  unrelayed: [['/out cannot be read (EIO); the disk fails; see what the kernel says (dmesg)']],
  sshNoStart: [['ENOSPC', '/state/ssh.log']],
  sshEnded: [[1]],
  sshSilent: [[]],
  sshLeft: [[]],
  sshKilled: [[]],
  sshOther: [[]],
};

/** Every kind of end, as a client is told of it. */
export const OUTCOMES: readonly Outcome[] = [
  { kind: 'exited', code: 3 },
  { kind: 'signalled', signal: 9, core: false },
  { kind: 'signalled', signal: 11, core: true },
  { kind: 'timed-out' },
  { kind: 'cancelled' },
  { kind: 'cancelled', signal: 15 },
  ...(['ENOENT', 'EACCES', 'ENOEXEC', 'EINVAL'] as const).map(
    (errno): Outcome => ({
      kind: 'not-started',
      stage: 'command',
      errno,
      detail: outcome.noCommand('/bin/x', errno),
    }),
  ),
  { kind: 'not-started', stage: 'directory', errno: 'ENOENT', detail: 'its directory "/x" …' },
  { kind: 'not-started', stage: 'user', errno: 'ENOENT', detail: outcome.noUser('nobody2') },
  { kind: 'not-started', stage: 'system', errno: 'EPERM', detail: outcome.noProcess('EPERM') },
  { kind: 'expired', waitedMs: 7_200_000 },
  { kind: 'skipped', reason: outcome.removed() },
  { kind: 'unreachable', phase: 'connect', detail: 'h port 22: connect ECONNREFUSED' },
  { kind: 'unreachable', phase: 'auth', detail: 'h port 22 refused user u' },
  { kind: 'unreachable', phase: 'hostkey', detail: 'the host key of h is revoked' },
  { kind: 'lost' },
  { kind: 'lost', detail: 'the connection to h broke' },
  { kind: 'interrupted' },
  { kind: 'interrupted', signal: 15 },
  { kind: 'interrupted', code: 1 },
];

export const DAEMON: readonly Entry[] = [
  ...entriesOf('boot', boot, BOOT),
  ...entriesOf('config', config, CONFIG),
  ...entriesOf('request', request, REQUEST),
  ...entriesOf('outcome', outcome, OUTCOME),
];
