/** The manual of the verbs that maintain the daemon, its configuration and the crontabs. */
import { DESCRIBED_JSON, forTime } from './common-options.ts';
import type { Option, Verb } from './verb.ts';

const PAUSED = [
  {
    name: 'group',
    value: 'NAME',
    completes: 'group',
    text: 'all targets that have a policy with this group',
  },
  { name: 'all', text: 'all targets' },
] as const satisfies readonly Option[];

export const LISTS = ['targets', 'groups', 'hosts', 'runs'] as const;
export type List = (typeof LISTS)[number];

/** What `import` converts from one program. */
export interface Source {
  readonly show: string;
  /** A required option. */
  readonly needs?: string;
  /** Most words. */
  readonly most?: number;
  /** It has `--write`. */
  readonly writes?: boolean;
}

export const IMPORTS = {
  crontab: { show: 'crontab [FILE…]', writes: true },
  systemd: { show: 'systemd UNIT…', needs: 'UNIT', writes: true },
  anacron: { show: 'anacron [FILE]', most: 1, writes: true },
  resticprofile: { show: 'resticprofile [UNIT…]', writes: true },
  borgmatic: { show: 'borgmatic [FILE…]' },
  rsnapshot: { show: 'rsnapshot [CONF…]' },
  py9tor: { show: 'py9tor FILE', needs: 'FILE', most: 1 },
} as const satisfies Readonly<Record<string, Source>>;
export type Imported = keyof typeof IMPORTS;
export const SOURCES = [
  ...['crontab', 'systemd', 'anacron', 'resticprofile'],
  ...['borgmatic', 'rsnapshot', 'py9tor'],
] as const satisfies readonly Imported[];

export const UPKEEP = [
  {
    name: 'pause',
    summary: 'keep queued runs of a target, a group or all targets from starting',
    overview: ['pause|resume TARGET', 'hold back queued runs; release them'],
    operands: { show: 'TARGET', least: 0, most: 1, completes: 'target' },
    options: [
      ...PAUSED,
      forTime(
        'resume automatically after TIME, such as `2h`; time while the machine sleeps counts',
      ),
    ],
    text: [
      'Requests are still accepted and queued, but none starts until `baton resume` with the ' +
        'same TARGET, `--group` or `--all`, or until TIME has passed. Running runs are not ' +
        'affected. A pause survives restarts of the daemon and of the machine.',
      'The name of a group is the one that `baton status` shows: the `group` of a policy, or ' +
        'the path of an rsnapshot.conf. Every target with a policy of this group is paused, ' +
        'including targets added by a later reload. A target stays paused as long as any pause ' +
        'applies to it; `baton why` and `baton status` say which. Pausing again replaces the ' +
        'previous duration.',
    ],
    examples: [
      {
        line: 'baton pause mirror-photos',
        text: 'pause a target while its disk is being replaced',
      },
      { line: 'baton pause --group disk1', text: 'pause everything that uses the disk' },
      {
        line: 'baton pause --all --for 2h',
        text: 'pause everything while the machine is needed for other work',
      },
    ],
  },
  {
    name: 'resume',
    summary: 'end a pause',
    operands: { show: 'TARGET', least: 0, most: 1, completes: 'target' },
    options: PAUSED,
    text: [
      'Ends the pause that `baton pause` set with the same TARGET, `--group` or `--all`: ' +
        'queued runs may start again. If another pause still applies, it says so.',
    ],
    examples: [
      { line: 'baton resume mirror-photos', text: 'end the pause when the new disk is in place' },
      { line: 'baton resume --all', text: 'end `baton pause --all --for TIME` early' },
    ],
  },
  {
    name: 'probe',
    summary: 'test the SSH connection of a target without running it',
    overview: ['probe|forget TARGET', 'test its SSH connection; delete its history'],
    operands: { show: 'TARGET', least: 1, most: 1, completes: 'target' },
    options: [],
    text: [
      'For targets with a runner of type `ssh`: connects, checks the host key, logs in, and ' +
        'prints the result. The command is not executed. The exit status is 0 if a run could ' +
        'have started. For a fleet, all hosts are tested, and the exit status is the highest one.',
    ],
    examples: [
      {
        line: 'baton probe db-dump',
        text: 'test the connection after installing the key on the machine',
      },
    ],
  },
  {
    name: 'forget',
    summary: 'delete the history of a target that is no longer configured',
    operands: { show: 'TARGET', least: 1, most: 1, completes: 'target' },
    options: [],
    text: [
      'A target that was removed from the configuration or renamed stays in `baton status`, ' +
        'marked `removed`, with its most recent run. It counts as neither failed nor late, and ' +
        '`baton metrics` omits it. This command permanently deletes its runs and their output. ' +
        'It is refused while the target is configured or has a run queued or running.',
    ],
    examples: [
      {
        line: 'baton forget old-mirror',
        text: 'delete the history of a target that is now called new-mirror',
      },
    ],
  },
  {
    name: 'reload',
    summary: 'make the daemon reload its configuration',
    overview: ['reload|doctor', 'reload the configuration; diagnose problems'],
    options: [],
    text: [
      'Does the same as sending SIGHUP to the daemon, and prints the result. If the ' +
        'configuration has errors, nothing changes: every error is printed, and the exit status ' +
        'is 78.',
    ],
    examples: [
      { line: 'batond --check && baton reload', text: 'check the configuration, then reload it' },
    ],
  },
  {
    name: 'doctor',
    summary: 'check the whole installation for problems',
    elsewhere: ['diagnose', 'health', 'selftest', 'debug'],
    operands: { show: 'CRONTAB…', least: 0, most: Number.POSITIVE_INFINITY, completes: 'file' },
    options: [DESCRIBED_JSON],
    text: [
      'Checks the socket and who may use it, the daemon, the systemd units and how the daemon ' +
        'last ended, the configuration, the state directory and the free space on its disk, the ' +
        'programs and their versions, the crontabs (the CRONTABs, or all that you may read) and ' +
        'cron, and the clock. It changes nothing and needs no running daemon; every check has a ' +
        'time limit.',
      'Each line is marked `wrong`, `note` or `ok`, problems first. Below a problem or a note ' +
        'is what was expected and what to do. The exit status is 1 if something is wrong, else ' +
        '0. Run as root, it can check more. It prints no commands, arguments or environment, so ' +
        'it can go into a bug report; it does contain names of targets, users and files.',
      'With `--json`, it prints one object: `version`, `atMs`, the number of problems ' +
        '(`wrong`) and `notes`, and `findings`, each with the check (`look`), its `level`, what ' +
        'was `found` and, unless the level is `ok`, what was `expected` and what to do (`todo`).',
    ],
    examples: [
      { line: 'baton doctor', text: 'find out why something does not work (as root)' },
      { line: 'crontab -l | baton doctor /dev/stdin', text: 'include your own crontab' },
    ],
  },
  {
    name: 'check-crontab',
    summary: 'suggest improvements to crontabs',
    overview: ['check-crontab [FILE…]', 'suggest improvements to crontabs'],
    operands: { show: 'FILE…', least: 0, most: Number.POSITIVE_INFINITY, completes: 'file' },
    options: [DESCRIBED_JSON],
    text: [
      'Reads the FILEs, or, if none is given, all crontabs of the machine, and suggests line ' +
        'by line what to change, such as a command that could be a target or a call of a target ' +
        'that is not configured. It changes no file. The exit status is 1 if it has ' +
        'suggestions, and 66 if a file could not be read.',
      'With `--json`, it prints one object: `findings`, each with its `file`, `line`, `text`, ' +
        '`level` (`wrong`: cron does not run a call of baton as it is written; `better`: ' +
        'something to change; `remark`: for your information) and the suggested line ' +
        '(`instead`); the `unread` files; and the numbers of `crontabs`, `lines` and `calls` of ' +
        'baton.',
    ],
    examples: [
      { line: 'baton check-crontab', text: 'check all crontabs of the machine (as root)' },
      { line: 'crontab -l | baton check-crontab /dev/stdin', text: 'your own' },
    ],
  },
  {
    name: 'import',
    summary: 'convert crontabs, or the files of other programs, into targets',
    overview: ['import crontab|… [FILE…]', 'convert crontabs, units etc. into targets'],
    operands: {
      show: SOURCES.map((it) => IMPORTS[it].show).join(' | '),
      least: 1,
      most: Number.POSITIVE_INFINITY,
      completes: SOURCES,
      further: 'file',
    },
    options: [
      {
        name: 'write',
        value: 'DIRECTORY',
        completes: 'directory',
        text:
          'with `crontab`, `systemd`, `anacron` or `resticprofile`: write the new files to ' +
          'DIRECTORY; existing files are never overwritten',
      },
    ],
    text: [
      'For crontab: converts the lines of the FILEs, or, if none is given, all lines of the ' +
        'machine that call rsnapshot, into targets, and prints config.json and the new crontabs ' +
        'as a unified diff. Times, comments and all other lines stay as they are. So does a ' +
        'line that cannot be converted safely; the reason is printed on stderr. Everything ' +
        'around the command (user, variables of the crontab, nice, ionice, timeout, flock) ' +
        'becomes part of the target.',
      'For systemd: converts each service UNIT (or the service of a timer UNIT), given by ' +
        'name or by the path of its file, into a target, and prints a drop-in with which the ' +
        'service calls baton. The timer stays, and so do conditions and `OnFailure=`. A service ' +
        'with settings that only systemd can apply, such as `EnvironmentFile=`, is not ' +
        'imported. Properties of the service that no longer apply are listed.',
      'For anacron: converts the command of each line of FILE, or, if none is given, the ' +
        'lines of /etc/anacrontab that do not call `run-parts`, into targets, as for crontab. ' +
        'The variables that FILE sets for the command are copied to `env` of the target. ' +
        'Period, delay, job identifier and timestamps stay with anacron, which still decides ' +
        'when the command runs: baton cannot start a command every seven days, for example, or ' +
        'catch up on a day when the machine was off. A line with a backslash stays as it is, ' +
        'because anacron ignores it.',
      'For resticprofile: does the same as for systemd, for each UNIT, or, if none is given, ' +
        'for all services that `resticprofile schedule` has installed in /etc/systemd/system. ' +
        'The commands of one profile share a group. If resticprofile uses cron as its ' +
        'scheduler, import the crontab instead.',
      'For borgmatic: prints one target for each configuration FILE, or, if none is given, ' +
        'for each file that borgmatic itself would use (in /etc and in `$XDG_CONFIG_HOME` or ' +
        '~/.config). The lines for cron are printed on stderr. Files that cannot be read are ' +
        'named there, and the exit status is then 78. All targets share one group, because ' +
        'borgmatic processes its files one at a time. Hooks, retention and monitoring stay with ' +
        'borgmatic.',
      'For rsnapshot: prints one target for each interval of each CONF (default: ' +
        '/etc/rsnapshot.conf); the lines for cron are printed on stderr. For py9tor: prints its ' +
        'config.json in the current format. No file is changed.',
    ],
    examples: [
      {
        line: 'baton import crontab --write /root/baton',
        text: 'write config.json and the new crontabs to /root/baton',
      },
      {
        line: 'baton import crontab /etc/cron.d/backup',
        text: 'convert all lines of one file, whatever they run',
      },
      {
        line: 'baton import systemd backup.timer --write /root/baton',
        text: 'write config.json and a drop-in for backup.service',
      },
      {
        line: 'baton import anacron --write /root/baton',
        text: 'write config.json and the new anacrontab',
      },
      {
        line: 'baton import resticprofile --write /root/baton',
        text: 'write config.json and a drop-in for each service',
      },
      {
        line: 'baton import borgmatic > /etc/baton/config.json',
        text: 'write a new config.json; the lines for cron appear on the terminal',
      },
      {
        line: 'baton import rsnapshot > /etc/baton/config.json',
        text: 'write a new config.json; the lines for cron appear on the terminal',
      },
      {
        line: 'baton import py9tor config.json',
        text: 'print the configuration of py9tor in the current format',
      },
    ],
  },
  {
    name: 'names',
    summary: 'list names for shell completion',
    operands: { show: LISTS.join('|'), least: 1, most: 1, completes: LISTS },
    options: [],
    text: [
      'Prints one name per line, followed by a tab and a short description. Prints nothing if ' +
        'no daemon answers.',
    ],
    examples: [{ line: 'baton names targets', text: 'used by shell completions' }],
    isHidden: true,
  },
  {
    name: 'help',
    summary: 'show the help of a command, with examples',
    operands: { show: 'COMMAND', least: 0, most: 1, completes: 'verb' },
    options: [],
    text: [
      'Prints the same as `baton COMMAND --help`; without COMMAND, the same as `baton --help`.',
    ],
    examples: [{ line: 'baton help run', text: 'show the help of `baton run`' }],
  },
] as const satisfies readonly Verb[];
