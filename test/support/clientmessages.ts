/** Arguments for every message of the client; a message without any does not compile. */
import * as anacron from '../../client/anacron/anacron-messages.ts';
import * as trouble from '../../client/client-errors.ts';
import * as usage from '../../client/command-line/usage-errors.ts';
import * as crontab from '../../client/crontab/crontab-messages.ts';
import * as migration from '../../client/crontab/migration-messages.ts';
import * as doctor from '../../client/doctor/doctor-messages.ts';
import type { Trouble } from '../../client/doctor/finding.ts';
import * as units from '../../client/doctor/unit-messages.ts';
import * as foreign from '../../client/systemd/unit-messages.ts';
import { type Entry, entriesOf, type Samples } from './samples.ts';

const FULL = Object.assign(new Error('no space'), { code: 'ENOSPC' });

const USAGE: Samples<typeof usage> = {
  seeHelp: [
    ['run: unexpected argument "x"', 'baton help run'],
    ['unknown command "rum"', 'baton --help'],
  ],
  unknownOption: [
    ['--wiat', '; did you mean --wait?'],
    ['-Z', ''],
  ],
  unknownCommand: [
    ['rum', '; did you mean "run"?'],
    ['frobnicate', ''],
  ],
  meant: [['status']],
  noCommand: [[]],
  waitMeant: [['run']],
  foreignOption: [['run', '--json']],
  extraWord: [['status', 'x']],
  missingWord: [['run', 'TARGET…']],
  wrongWord: [['import', 'rsnapshot or py9tor', 'x']],
  twice: [['--socket']],
  bothGiven: [['wait', 'RUN', '--all']],
  noValue: [['--socket']],
  noSwitch: [['--wait', '--wait=no']],
  wrongCount: [['--limit', 10_000, '0']],
  noRun: [['retry', 'backup']],
  wrongValue: [
    ['--since', 'a duration', 'yesterday'],
    ['--outcome', 'one of ok, failed', 'fialed', '; did you mean "failed"?'],
  ],
  longSocketPath: [['/run/long', 108, 107]],
  needsWait: [['run', '--report']],
  needsOther: [['plan', '--seed', '--worst']],
  withoutWait: [['--print-id']],
  forOne: [['run', '--report is', 'TARGET']],
  allAndReport: [[]],
  noTerminal: [[]],
};

const TROUBLE: Samples<typeof trouble> = {
  outputNotWritten: [['out', 'ENOSPC', 17]],
  unprinted: [['ENOSPC']],
  notCancelled: [[17, 'the journal cannot be written (ENOSPC); free space on its disk']],
  fleetContinues: [['update']],
  runContinues: [[17]],
  forgotten: [[17]],
  notFailed: [
    ['web', true],
    ['web', false],
  ],
  printedNothing: [[]],
  internal: [['TypeError: x is not a function'], [undefined]],
  noAnswer: [
    ['/run/s', 'ENOENT', 10_000, { run: undefined, isInDoubt: false, systemds: false }],
    ['/run/s', 'ENOENT', 10_000, { run: undefined, isInDoubt: false, systemds: true }],
    ['/run/s', 'ECONNREFUSED', 10_000, { run: 17, isInDoubt: false, systemds: false }],
    ['/run/s', 'connection closed', 10_000, { run: undefined, isInDoubt: true, systemds: false }],
  ],
  stillAway: [
    ['/run/s', 'ENOENT', 8_700],
    ['/run/s', 'connection closed', 8_700],
  ],
  silent: [
    ['/run/s', 60_000, undefined],
    ['/run/s', 60_000, undefined, true],
    ['/run/s', 60_000, 17],
  ],
  uncancelled: [
    [10_000, 17],
    [10_000, undefined],
  ],
  forbidden: [
    ['/run/s', 'EACCES', undefined],
    ['/run/s', 'EACCES', { mode: 0o660, user: 'root', group: 'baton' }],
    ['/run/s', 'EACCES', { mode: 0o600, user: 'root', group: 'root' }],
  ],
  garbledReply: [['/run/s']],
  unanswered: [['status']],
  noFile: [['/dev/null']],
  cannotWrite: [['/out.html', 'ENOENT']],
  cannotRead: [['/etc/rsnapshot.conf', FULL]],
  noJson: [['/c.json', 'Unexpected token']],
  noLevels: [['/etc/rsnapshot.conf']],
  notChecked: [['/etc/crontab', FULL]],
  noTargets: [[]],
  noPast: [['no answer on /run/baton/baton.sock']],
  wantsShorterPlan: [[100_000]],
  momentOutside: [['08:00']],
  replacesInput: [['./crontab', '/var/spool/cron/crontabs/root']],
  noPlan: [['/usr/lib/baton/dist/daemon/batond.cjs', 'ENOENT']],
};

const FOREIGN: Samples<typeof foreign> = {
  notImported: [[foreign.isTemplate('tree@NAME.service')]],
  oddEscape: [['\\q']],
  openQuote: [['/bin/echo "open']],
  oddSpecifier: [['%H']],
  unknownVariable: [['RESTIC_REPOSITORY']],
  wrongType: [['notify']],
  noCommand: [[]],
  severalCommands: [[]],
  isBatons: [[]],
  oddPrefix: [['+/bin/sync']],
  forgivesOne: [[]],
  needsSystemd: [[['EnvironmentFile']], [['DynamicUser', 'CacheDirectory', 'RootDirectory']]],
  wrongValue: [['Nice', 'high']],
  isTemplate: [['tree@NAME.service']],
  isUsers: [[]],
  namesNoService: [[]],
  noResticprofile: [['/etc/systemd/system']],
  sameRepository: [[]],
  staysAround: [[['ExecStartPre']]],
  wouldBeRoot: [[['ExecStartPre']]],
  holdsNoMore: [[['ProtectSystem', 'MemoryMax']]],
  asksAgain: [['on-failure']],
  countsAsFailure: [[['SIGTERM']]],
  endless: [[]],
  optionalDirectory: [['/srv']],
  timerStays: [['backup.timer', 'backup.service']],
  noUnit: [['No files found for backup.service.']],
  silentSystemctl: [[10]],
  saidNothing: [[1], [null]],
  notAsked: [['systemctl show *.timer', 'no answer within 10 s']],
};

const ANACRON: Samples<typeof anacron> = {
  goesOn: [[]],
  losesBackslashes: [[]],
  endsWithReturn: [[]],
  runsParts: [[]],
  pathOfAnacron: [[]],
  setBelow: [[['LANG']], [['LANG', 'TZ']]],
  ownedBy: [[1000]],
  nothingToImport: [['/etc/anacrontab']],
};

const MIGRATION: Samples<typeof migration> = {
  unreadable: [["unexpected token 'then'"]],
  deepShell: [[500]],
  bashOnly: [['[[ ]]']],
  unknownProgram: [['$TOOL']],
  unknownWord: [['"$c"']],
  unknownOption: [['nice', '--odd']],
  unknownBefore: [['". /etc/profile"']],
  insideOf: [['su']],
  startedBy: [['xargs']],
  escapedBackticks: [[]],
  splitQuotes: [[]],
  inputFromCron: [[]],
  inBackground: [['systemd-run']],
  loginShell: [['bash']],
  sudoPath: [['sudo']],
  ownUser: [['backup']],
  oneLock: [['/run/x.lock', ['/etc/crontab:3']]],
  scriptLock: [['/run/x.lock']],
  levelsUnchecked: [['include_conf `/root/levels` in /etc/x.conf is a command']],
  fillIn: [['LEVEL']],
  byHand: [['xargs constructs the command from it']],
  runsDirectly: [[['daily']]],
  importsThem: [[['/etc/b.conf']]],
  noLevel: [
    ['hourly', '/etc/rsnapshot.conf', ['alpha', 'beta']],
    ['hourly', '/etc/rsnapshot.conf', []],
  ],
  noSync: [['/etc/rsnapshot.conf']],
  noKeyFor: [['-t']],
  noHost: [['ssh://db']],
  noRemoteCommand: [[]],
  keysOf: [['backup']],
  needsVariable: [['TZ']],
  otherRoot: [['docker']],
  forcedCommand: [[]],
  hostKeysChecked: [[]],
  becomesHook: [['ping-dump']],
  pingStays: [['onSuccess']],
  staysLocal: [['ssh', '-t of ssh has no equivalent key in a target']],
  runsElsewhere: [[['daily'], 'db']],
  leaveElsewhere: [[['daily'], 'docker', 'it uses the keys of backup']],
  refusedBy: [['cron', 'bad minute']],
  batonAlready: [[]],
  noProgram: [[]],
  leftAsItIs: [['it asks baton already']],
  differsFrom: [['rsnap-daily']],
  nothingToImport: [[true], [false]],
  noBorgmatic: [[['/etc/borgmatic/config.yaml', '/etc/borgmatic.d']]],
  noProgramHere: [['borgmatic', '/usr/bin:/bin']],
  hooksForEach: [['/etc/borgmatic.d/web.yaml']],
  insteadOfTimer: [['borgmatic']],
  isThere: [['/root/baton/config.json']],
  written: [['/root/baton/config.json']],
  addTargets: [['/etc/baton/config.json']],
};

const CRONTAB: Samples<typeof crontab> = {
  refusedFile: [
    ['bad minute', 0],
    ['bad minute', 3],
  ],
  refusedLine: [['garbled time: hour "22-2"']],
  neverRuns: [[[]], [['the hour "22-2" has the range 22-2, which counts down; write 22-23,0-2']]],
  cutAtPercent: [[]],
  notOnPath: [
    ['baton', '/usr/bin:/bin', '/usr/local/bin/baton'],
    ['baton', '/usr/bin:/bin', undefined],
    ['/opt/baton', undefined, undefined],
  ],
  hiddenCall: [['/usr/local/sbin/backup']],
  syncChain: [['daily']],
  ignored: [['it has 2 hard links; leave it one']],
  othersCanWrite: [['664']],
  wrongMode: [['644']],
  wrongOwner: [['alice (uid 1000)', 'root']],
  wrongLinkOwner: [['uid 1000']],
  manyLinks: [[2]],
  dotInName: [['backup.sh']],
  noFileThere: [['a directory']],
  unknownUser: [['backup']],
  masked: [['/etc/systemd/system/backup.timer']],
  systemdCron: [[]],
  elsewhere: [[['/etc/cron.daily/backup']]],
  notLookedInto: [[]],
};

/** What was found, what was expected and what to do, as one sentence. */
type Joined<T> = {
  readonly [K in keyof T]: T[K] extends (...args: infer A) => Trouble
    ? (...args: A) => string
    : never;
};

function joined<T extends Readonly<Record<string, (...args: never[]) => Trouble>>>(
  table: T,
): object {
  const entries = Object.entries(table).map(([name, say]) => {
    const sentence = (...args: readonly never[]): string => {
      const { found, expected, todo } = say(...args);
      return `${found}: expected ${expected}; ${todo}`;
    };
    return [name, sentence] as const;
  });
  return Object.fromEntries(entries);
}

const DOCTOR: Samples<Joined<typeof doctor>> = {
  deafPlace: [['/var/lib/baton', '5.0 s']],
  lateLook: [['state', '30 s']],
  failedLook: [['state', 'EIO']],
  noSocket: [['/run/s', 'start batond']],
  notASocket: [['/run/s', 'a directory']],
  deadSocket: [['/run/s', 'start batond']],
  unusableSocket: [['/run/s', 'EAGAIN']],
  openToAll: [['/run/s', '0666', 'root (uid 0), root (gid 0)']],
  otherMode: [['/run/s', '0600', '0660']],
  otherVersion: [['0.0.9', '0.1.0']],
  unreadConfig: [['/etc/baton/config.json']],
  moreFaults: [[7, '/etc/baton/config.json']],
  uncheckedConfig: [['nothing for 30 s']],
  noRoom: [['/var/lib/baton', '3.1 MB']],
  littleRoom: [['/var/lib/baton', '310 MB', 3]],
  fewInodes: [['/var/lib/baton', 12]],
  unwritable: [['/var/lib/baton', 'EROFS', 'root (uid 0)']],
  unreachedState: [['/var/lib/baton', 'EACCES']],
  noDirectory: [['/var/lib/baton']],
  badConfig: [[]],
  heldState: [['/var/lib/baton', 4711, '/run/s']],
  oldNode: [['18.19.0', '20.15']],
  missingProgram: [['perl', 'each run has a keeper written in Perl', 'perl-base']],
  oddProgram: [['perl', 'status 127']],
  otherBatond: [['/usr/sbin/batond', '0.0.9', '0.1.0']],
  missingFile: [['/usr/lib/baton/dist/daemon/keeper.pl', 'ENOENT']],
  noCron: [[3]],
  uncheckedCrontabs: [['status 125']],
  betterLines: [[3]],
  unreadCrontab: [['/etc/cron.d/x: not checked: it cannot be read (EACCES)']],
  setBack: [['3 h', '/var/lib/baton/journal.ndjson']],
  notSynchronized: [['no time service is enabled']],
};

const UNITS: Samples<Joined<typeof units>> = {
  maskedUnit: [['baton.socket', 'systemctl']],
  badUnit: [['baton.service', 'bad-setting', 'systemctl --user']],
  missingUnit: [['baton.socket', 'baton.service']],
  failedUnit: [['baton.socket', 'service-start-limit-hit', 'systemctl']],
  badConfigUnit: [['baton.service', 'exit-code, status 78']],
  stoppedSocket: [['baton.socket', 'systemctl']],
  disabledUnit: [['baton.service', 'disabled', 'systemctl']],
  changedUnit: [['baton.service', 'systemctl']],
  silentSystemd: [['systemctl', 'nothing for 5 s']],
  crashed: [['baton.service', 'core-dump, signal 11', 'Sun 2026-11-29 03:00:12 UTC']],
  restarted: [['baton.service', 3]],
  lastWords: [['2026-11-29T03:00:12+0000 batond[7]: fatal cannot continue']],
  refusedStart: [['/var/lib/baton/refused']],
};

export const CLIENT: readonly Entry[] = [
  ...entriesOf('usage', usage, USAGE),
  ...entriesOf('trouble', trouble, TROUBLE),
  ...entriesOf('crontab', crontab, CRONTAB),
  ...entriesOf('migration', migration, MIGRATION),
  ...entriesOf('anacron', anacron, ANACRON),
  ...entriesOf('foreign', foreign, FOREIGN),
  ...entriesOf('doctor', joined(doctor), DOCTOR),
  ...entriesOf('units', joined(units), UNITS),
];
