/** Arguments for every message of policies and runners; a message without any does not compile. */
import * as policy from '../../policies/policy-messages.ts';
import * as local from '../../runners/local-messages.ts';
import * as cluster from '../../runners/slurm-messages.ts';
import * as runner from '../../runners/ssh/ssh-messages.ts';
import { type Entry, entriesOf, type Samples } from './samples.ts';

const POLICY: Samples<typeof policy> = {
  differs: [['instances', '1', '2', 'web']],
  unreadConf: [['/etc/rsnapshot.conf', 'ENOENT']],
  refusedLine: [['/etc/rsnapshot.conf', 3, 'retain daily 7 - missing tabs to separate words']],
  refusedConf: [['/etc/rsnapshot.conf', 'cmd_rsync was not defined.']],
  noRetain: [['/etc/rsnapshot.conf']],
  remoteConf: [['nas']],
  noRsnapshot: [[]],
  includesCommand: [['`date`', '/etc/rsnapshot.conf']],
  includesDeep: [['/etc/b.conf', '/etc/rsnapshot.conf']],
  includesUnread: [['/etc/b.conf', '/etc/rsnapshot.conf', 'ENOENT']],
  noSyncFirst: [['/etc/rsnapshot.conf']],
  noRank: [['nightly', '/etc/rsnapshot.conf has no retain lines', 'hourly, daily']],
  noLevel: [
    ['nightly', '/etc/rsnapshot.conf', ['daily', 'weekly'], []],
    ['nightly', '/etc/rsnapshot.conf', ['daily'], ['include_conf `date` is a command']],
  ],
  unsureOrder: [['web', 'include_conf `date` is a command']],
  otherInterval: [['web', 'daily', 'weekly']],
  syncFailed: [[17, 'daily']],
  syncAwaited: [[17, 'run 17 (sync)', 'weekly', 'run 18 (sync) is next']],
  staleLock: [[4_711, 'sshd', '/run/rsnapshot.pid']],
  rotatesAgain: [['web', 'daily']],
  unreadZone: [['Europe/Berlin', '/usr/share/zoneinfo/Europe/Berlin', 'ENOENT']],
  noZone: [['/etc/localtime']],
  neverOpens: [[]],
  ignoredLong: [['daily is already queued as run 17 (web)', 3]],
};

const WHERE = { host: 'nas', port: 22, user: 'backup' };

const RUNNER: Samples<typeof runner> = {
  noRegularKey: [['~/.ssh/id']],
  longKey: [['~/.ssh/id', 65_536]],
  openToOthers: [['passphraseFile', '~/.ssh/pass', '644', '/root/.ssh/pass']],
  badKey: [
    ['~/.ssh/id', 'encrypted'],
    ['~/.ssh/id', 'cipher'],
    ['~/.ssh/id', 'wrong-passphrase'],
    ['~/.ssh/id', 'public'],
    ['~/.ssh/id', 'unsupported'],
    ['~/.ssh/id', 'no-key'],
  ],
  noKey: [['~/.ssh/id']],
  noPassphrase: [['~/.ssh/pass']],
  noKnownHosts: [['~/.ssh/known_hosts']],
  unreadable: [['key', '~/.ssh/id', 'EACCES']],
  unusableKey: [['~/.ssh/id', 'EACCES']],
  noAgent: [[]],
  sshSays: [['line 3: Bad configuration option: hst']],
  proxyCommand: [['nas']],
  manyJumps: [[8]],
  noSsh: [[]],
  noSpawn: [['ENOENT'], ['EAGAIN']],
  noJump: [['a b']],
  afterTries: [[3, 'nas port 22: connect ECONNREFUSED; start the SSH server there']],
  noAnswer: [['nas', 22, '10 s']],
  noConnection: [
    ['nas', 22, 'connect ECONNREFUSED 10.0.0.7:22'],
    ['nas', 22, 'getaddrinfo ENOTFOUND nas'],
    ['nas', 22, 'connect EHOSTUNREACH 10.0.0.7:22'],
    ['nas', 22, 'no matching key exchange algorithm'],
    ['nas', 22, 'the server closed the connection'],
  ],
  agentFailed: [['/run/agent', 'Failed to connect to agent']],
  noAgentThere: [['ENOENT']],
  silentAgent: [['/run/agent', '20 s']],
  sshFailed: [['nas', 'Permission denied (publickey).']],
  sshRefused: [['nas', 'Permission denied (publickey).']],
  sshSilent: [['nas', '80 s']],
  sshKilled: [['SIGKILL']],
  givenUp: [[]],
  serverLeft: [[]],
  viaHop: [['u@gate:22', 'connect failed']],
  refusedUser: [
    [WHERE, undefined, [], []],
    [
      WHERE,
      'too many failures',
      ['key ~/.ssh/id (SHA256:x)'],
      ['key "~/.ssh/old" is a public key'],
    ],
  ],
  unknownHost: [['nas', ['~/.ssh/known_hosts'], 'ssh-keyscan nas']],
  newHostKey: [
    ['nas', 'ssh-ed25519 SHA256:x', ['~/.ssh/known_hosts'], undefined, 'ssh-keyscan nas'],
    [
      'nas',
      'ssh-ed25519 SHA256:x',
      ['~/.ssh/known_hosts'],
      '~/.ssh/known_hosts:3',
      'ssh-keyscan nas',
    ],
  ],
  otherPin: [['nas', 'ssh-ed25519 SHA256:x', 'SHA256:y']],
  changedHostKey: [
    ['nas', 'ssh-rsa SHA256:x', { place: '/k:3', key: 'ssh-rsa SHA256:y', path: '/k' }],
  ],
  revokedHostKey: [['nas', 'ssh-rsa SHA256:x', '/k:3']],
  hostKeyUnwritten: [['Error: EROFS']],
  connectionBroke: [['u@nas:22', 'no reply to keepalive messages for 15.0 s']],
  noSign: [['15.0 s']],
  noStatus: [[]],
  remoteIgnoresSignals: [['u@nas:22']],
  noCommand: [['u@nas:22', 'Unable to exec']],
  foreignSignal: [['INFO']],
  internal: [['TypeError: x is not a function']],
};

const LOCAL: Samples<typeof local> = {
  notInPath: [
    ['borg', '/usr/bin:/bin', undefined],
    ['borg', '/usr/bin:/bin', '/usr/local/bin/borg'],
  ],
  noProgram: [['/opt/dump', 'is not there']],
  oneWord: [['rsync -a /x /y']],
  shellSyntax: [['&&']],
  noCwd: [['/srv/x', 'is not there']],
  noSuchUser: [['backup']],
  noSuchGroup: [['backup']],
};

const CLUSTER: Samples<typeof cluster> = {
  mayOutlive: [['pgid'], ['linuxproc']],
  shortKillWait: [[30_000, 60_000]],
  neverGivenUp: [[]],
  mayBePreempted: [['REQUEUE']],
  noShared: [['/cluster/baton', 'ENOENT']],
  openShared: [['/cluster/baton', '777']],
  notAsked: [
    ['slurm_load_ctl_conf error: Unable to contact slurm controller (connect failure)', 15_000],
    ['', 15_000],
  ],
};

export const PLUGINS: readonly Entry[] = [
  ...entriesOf('policy', policy, POLICY),
  ...entriesOf('runner', runner, RUNNER),
  ...entriesOf('local', local, LOCAL),
  ...entriesOf('cluster', cluster, CLUSTER),
];
