/** The manual of the verbs for whoever keeps the daemon, its configuration and the crontabs. */
import { FOR } from './questions.ts';
import type { Option, Verb } from './verb.ts';

const PAUSED = [
  {
    name: 'group',
    value: 'NAME',
    completes: 'group',
    text: 'all targets of the groups of this name',
  },
  { name: 'all', text: 'all targets' },
] as const satisfies readonly Option[];

const JSON_OPTION = {
  name: 'json',
  text: 'print one JSON object, as described above',
} as const satisfies Option;

export const LISTS = ['targets', 'groups', 'hosts', 'runs'] as const;
export type List = (typeof LISTS)[number];

/** What `import` takes from one program. */
export interface Source {
  readonly show: string;
  /** What it cannot go without. */
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
    summary: 'let no more runs start: of a target, of a group, or of all',
    overview: ['pause|resume TARGET', 'let no more runs start; let them start again'],
    operands: { show: 'TARGET', least: 0, most: 1, completes: 'target' },
    options: [...PAUSED, FOR],
    text: [
      'Requests are taken and wait; none starts until `baton resume` with the same TARGET, ' +
        '`--group` or `--all`, or until TIME is over. A run that runs is left alone. A restart ' +
        'of the daemon or of the machine changes nothing of it.',
      'A group is named as `baton status` shows it: the `group` of a policy, or the path of an ' +
        'rsnapshot.conf. Every target whose policies have a group of this name is paused, also ' +
        'one that a reload adds. A target is paused as long as any pause holds it up; `baton ' +
        'why` and `baton status` say which. To pause again changes how long it lasts.',
    ],
    examples: [
      { line: 'baton pause mirror-photos', text: 'while the disk is being replaced' },
      { line: 'baton pause --group disk1', text: 'all that uses the disk' },
      { line: 'baton pause --all --for 2h', text: 'while the machine is needed for other work' },
    ],
  },
  {
    name: 'resume',
    summary: 'let what was paused start again',
    operands: { show: 'TARGET', least: 0, most: 1, completes: 'target' },
    options: PAUSED,
    text: [
      'Ends what `baton pause` with the same TARGET, `--group` or `--all` began: what waits may ' +
        'start. It says so where another pause still holds something up.',
    ],
    examples: [
      { line: 'baton resume mirror-photos', text: 'the new disk is in' },
      { line: 'baton resume --all', text: 'before the time of `baton pause --all` is over' },
    ],
  },
  {
    name: 'probe',
    summary: 'connect as a run of a target would, and run nothing',
    overview: ['probe|forget TARGET', 'connect, run nothing; drop a removed one'],
    operands: { show: 'TARGET', least: 1, most: 1, completes: 'target' },
    options: [],
    text: [
      'For targets with a runner of type `ssh`: connects, checks the host key, logs in, and ' +
        'says what was seen. The command is not run. The status is 0 if a run could have ' +
        'started. The name of a fleet stands for all its hosts, and the highest status counts.',
    ],
    examples: [{ line: 'baton probe db-dump', text: 'after putting the key on the machine' }],
  },
  {
    name: 'forget',
    summary: 'drop the past of a target that is no longer configured',
    operands: { show: 'TARGET', least: 1, most: 1, completes: 'target' },
    options: [],
    text: [
      'A target that was removed or renamed stays in `baton status` as `removed`, with its last ' +
        'run; it counts as neither failed nor late, and `baton metrics` leaves it out. This ' +
        'drops its runs and their output for good. Refused while the target is configured, or ' +
        'while a run of it waits or runs.',
    ],
    examples: [{ line: 'baton forget old-mirror', text: 'after it became new-mirror' }],
  },
  {
    name: 'reload',
    summary: 'let the daemon read its configuration again',
    overview: ['reload|doctor', 'read the configuration again; what is wrong'],
    options: [],
    text: [
      'Does what SIGHUP to the daemon does, and says what came of it. A configuration with a ' +
        'mistake changes nothing: every mistake is named, and the status is 78.',
    ],
    examples: [
      { line: 'batond --check && baton reload', text: 'looks first, then takes it into use' },
    ],
  },
  {
    name: 'doctor',
    summary: 'look at the whole set-up, say what is wrong and what to do',
    elsewhere: ['diagnose', 'health', 'selftest', 'debug'],
    operands: { show: 'CRONTAB…', least: 0, most: Number.POSITIVE_INFINITY, completes: 'file' },
    options: [JSON_OPTION],
    text: [
      'Looks at the socket and who may use it, the daemon, the units of systemd and how the ' +
        'daemon last ended, the configuration, the state directory and the room on its disk, ' +
        'the programs and their versions, the crontabs (the CRONTABs, or all that this user may ' +
        'read) and cron, and the clock. It changes nothing and needs no daemon, and each look ' +
        'has its time limit.',
      'Each line is `wrong`, `note` or `ok`, what is wrong first; below it stands what was ' +
        'expected and what to do. The status is 1 if something is wrong, else 0. As root it ' +
        'sees more. It prints no command, no argument and no environment, so that its output ' +
        'can be put into a report; names of targets, users and files are in it.',
      'With `--json` it prints one object: `version`, `atMs`, `wrong` and `notes` (how many), ' +
        'and `findings`, each with its `look`, its `level`, what was `found` and, unless all is ' +
        'well, what was `expected` and what `todo`.',
    ],
    examples: [
      { line: 'baton doctor', text: 'when something does not work (as root)' },
      { line: 'crontab -l | baton doctor /dev/stdin', text: 'with your own crontab' },
    ],
  },
  {
    name: 'check-crontab',
    summary: 'say what crontabs would better say',
    overview: ['check-crontab [FILE…]', 'say what crontabs would better say'],
    operands: { show: 'FILE…', least: 0, most: Number.POSITIVE_INFINITY, completes: 'file' },
    options: [JSON_OPTION],
    text: [
      'Reads the FILEs, or without one all crontabs of the machine, and says line by line what ' +
        'could be better, such as a command that is a target or a target that ' +
        'is not configured. It changes no file. The status is 1 if something was found, and 66 ' +
        'if a file could not be read.',
      'With `--json` it prints one object: `findings`, each with its `file`, `line`, `text`, its ' +
        '`level` (`wrong`: cron does not run a call of baton as it is written; `better`: ' +
        'something to change; `remark`: to be known) and what to write `instead`; the files ' +
        '`unread`, and how many `crontabs`, `lines`, and `calls` of baton there are.',
    ],
    examples: [
      { line: 'baton check-crontab', text: 'all crontabs of the machine (as root)' },
      { line: 'crontab -l | baton check-crontab /dev/stdin', text: 'your own' },
    ],
  },
  {
    name: 'import',
    summary: 'make targets of crontabs, or of the files of other programs',
    overview: ['import crontab|… [FILE…]', 'make targets of crontabs, units and more'],
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
          'with `crontab`, `systemd`, `anacron` or `resticprofile`: put the new files there; ' +
          'nothing that exists is written over',
      },
    ],
    text: [
      'For crontab: makes targets of the lines of the FILEs, or without one of all lines of the ' +
        'machine that call rsnapshot, and prints config.json and the new crontabs as a unified ' +
        'diff. Times, comments and all other lines stay as they are; so does a line that cannot ' +
        'be imported safely, with the reason on stderr. What a line was besides its command ' +
        '(user, variables of the crontab, nice, ionice, timeout, flock) goes into its target.',
      'For systemd: makes a target of each service UNIT (or of the service of a timer UNIT), a ' +
        'name or the path of a file, and a drop-in by which the service asks baton for it. The ' +
        'timer stays, and so do conditions and `OnFailure=`. A service with settings that only ' +
        'systemd can keep, such as `EnvironmentFile=`, is not imported; what does not hold any more is ' +
        'said.',
      'For anacron: makes a target of the command of each line of FILE, or without one of the ' +
        'lines of /etc/anacrontab that do not call `run-parts`, as it does for crontab. The ' +
        'variables that FILE sets for the command are copied into `env` of its target. Period, ' +
        'delay, identifier and the time stamps stay with anacron, which goes on deciding when ' +
        'the command runs: baton itself cannot start a command every seven days, say, or make ' +
        'up for a day on which the machine was off. A line with a backslash stays as it is, ' +
        'since anacron drops it.',
      'For resticprofile: does what it does for systemd, for each UNIT, or without one for all ' +
        'services that `resticprofile schedule` has put into /etc/systemd/system. The commands ' +
        'of one profile have one group. With cron as its scheduler, import the crontab.',
      'For borgmatic: prints one target for each configuration FILE, or for each that borgmatic ' +
        'itself would take (in /etc and in `$XDG_CONFIG_HOME` or ~/.config), and the lines for ' +
        'cron on stderr. One that cannot be read is named there, and the status is then 78. All ' +
        'of them have one group, as borgmatic goes through its files one by one. Hooks, ' +
        'retention and monitoring stay with borgmatic.',
      'For rsnapshot: prints one target for each interval of each CONF (/etc/rsnapshot.conf), ' +
        'and the lines for cron on stderr. For py9tor: its config.json in the present form. It ' +
        'changes no file.',
    ],
    examples: [
      {
        line: 'baton import crontab --write /root/baton',
        text: 'config.json and the new crontabs, beside those that are there',
      },
      {
        line: 'baton import crontab /etc/cron.d/backup',
        text: 'all lines of that file, whatever they run',
      },
      {
        line: 'baton import systemd backup.timer --write /root/baton',
        text: 'config.json, and a drop-in for backup.service',
      },
      {
        line: 'baton import anacron --write /root/baton',
        text: 'config.json and the new anacrontab',
      },
      {
        line: 'baton import resticprofile --write /root/baton',
        text: 'config.json, and a drop-in for each service',
      },
      {
        line: 'baton import borgmatic > /etc/baton/config.json',
        text: 'the lines for cron appear on the terminal',
      },
      {
        line: 'baton import rsnapshot > /etc/baton/config.json',
        text: 'the lines for cron appear on the terminal',
      },
      { line: 'baton import py9tor config.json', text: 'what py9tor had, in the present form' },
    ],
  },
  {
    name: 'names',
    summary: 'list what a shell may complete',
    operands: { show: LISTS.join('|'), least: 1, most: 1, completes: LISTS },
    options: [],
    text: ['One name a line, with a tab and a word about it. Silent where no daemon answers.'],
    examples: [{ line: 'baton names targets', text: 'asked by the completions of the shells' }],
    isHidden: true,
  },
  {
    name: 'help',
    summary: 'explain a command, with examples',
    operands: { show: 'COMMAND', least: 0, most: 1, completes: 'verb' },
    options: [],
    text: ['Prints what `baton COMMAND --help` prints; without COMMAND, what `baton --help` does.'],
    examples: [{ line: 'baton help run', text: 'all about asking for a run' }],
  },
] as const satisfies readonly Verb[];
