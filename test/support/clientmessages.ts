/** Arguments for every message of the client; one without any does not compile. */
import * as trouble from '../../client/client-errors.ts';
import * as usage from '../../client/command-line/usage-errors.ts';
import * as crontab from '../../client/crontab/crontab-messages.ts';
import * as migration from '../../client/crontab/migration-messages.ts';
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
  withoutWait: [['--print-id']],
  forOne: [['run', '--report is', 'TARGET']],
  allAndReport: [[]],
  noTerminal: [[]],
};

const TROUBLE: Samples<typeof trouble> = {
  outputNotWritten: [['out', 'ENOSPC', 17]],
  unprinted: [['ENOSPC']],
  notCancelled: [[17, 'the journal cannot be written (ENOSPC); make room on its disk']],
  fleetContinues: [['update']],
  runContinues: [[17]],
  forgotten: [[17]],
  failedAgain: [[18, 3]],
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
  byHand: [['xargs makes the command of it']],
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
  staysLocal: [['ssh', '-t of ssh has no key of a target']],
  runsElsewhere: [[['daily'], 'db']],
  leaveElsewhere: [[['daily'], 'docker', 'it uses the keys of backup']],
  refusedByCron: [['bad minute']],
  batonAlready: [[]],
  noProgram: [[]],
  leftAsItIs: [['it asks baton already']],
  differsFrom: [['rsnap-daily']],
  nothingToImport: [[true], [false]],
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

export const CLIENT: readonly Entry[] = [
  ...entriesOf('usage', usage, USAGE),
  ...entriesOf('trouble', trouble, TROUBLE),
  ...entriesOf('crontab', crontab, CRONTAB),
  ...entriesOf('migration', migration, MIGRATION),
];
