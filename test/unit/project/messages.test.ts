/**
 * Checks the style of baton's messages for people, for every entry of the tables:
 * daemon/messages.ts lists them and the rules. EXCEPTIONS lists what breaks a rule, with the
 * reason.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { tellOutcome } from '../../../daemon/protocol/outcome-text.ts';
import { CLIENT } from '../../support/clientmessages.ts';
import { ROOT } from '../../support/config.ts';
import { DAEMON, OUTCOMES } from '../../support/daemonmessages.ts';
import { PLUGINS } from '../../support/pluginmessages.ts';

type Rule = 'line' | 'case' | 'names' | 'advice';

const FACT = 'a fact; what to do comes behind it, by adviseOutcome';
const PLACE = 'stands behind the place in the file, which names it';
const NEAR = 'a near name is enough where there is one';
const PART = 'a part of another one, which says what to do';
const SEEN = 'what was found; what is required stands in the configuration';
const HELP = 'seeHelp puts the page behind it that says more';

type Excepted = Readonly<Partial<Record<Rule, string>>>;

const EXCEPTIONS: Readonly<Record<string, Excepted>> = {
  'boot.writableByOthers': { names: 'the mode is shown in octal' },
  'boot.unknownOption': { advice: 'badUsage puts the help behind it' },
  'config.toolGives': { advice: 'a fact, and nothing is wrong' },
  'config.unknown': { names: PLACE },
  'config.unknownHook': { names: NEAR },
  'config.unknownPlaceholder': { names: NEAR },
  'request.unknownHost': { names: NEAR },
  'request.unknownKey': { names: NEAR },
  'request.unknownGroup': { names: NEAR },
  'request.unknownTarget': { names: 'the client puts the target in front' },
  'request.probedFleet': { advice: 'the lines of the hosts say what to do' },
  'request.wrongCount': { names: '"no arguments" are 0' },
  'outcome.noCommand': { advice: FACT, names: 'ENOENT and EACCES are told in words' },
  'trouble.forbidden': { names: 'the mode is shown in octal' },
  ...Object.fromEntries(
    ['noAnswer', 'silent', 'uncancelled'].map((name) => [
      `trouble.${name}`,
      { names: 'the time is shown in words' },
    ]),
  ),
  ...all(SEEN, 'condition', ['notMounted', 'onlyAutomount', 'isMounted', 'otherDevice']),
  ...all(SEEN, 'condition', ['noDevice', 'freeBytes', 'freeInodes', 'fewInodes', 'exists']),
  ...all(SEEN, 'condition', ['onAcPower', 'noAcPower', 'onBattery']),
  ...all(SEEN, 'condition', ['doesNotExist', 'notSeen', 'exitedWith', 'wasKilled', 'noSuchUser']),
  ...all(SEEN, 'condition', ['answers', 'notReached', 'unknownHost', 'busy', 'calm']),
  ...all(SEEN, 'condition', ['pressed', 'unpressed']),
  'condition.fewBytes': { advice: SEEN, names: 'sizes are shown with a unit' },
  'condition.noAnswer': { advice: SEEN, names: 'the time is shown in words' },
  'runner.badKey': { names: 'the fault is told in words' },
  'runner.changedHostKey': { names: 'they stand in one object' },
  'runner.noConnection': { advice: FACT },
  'runner.refusedUser': { advice: FACT, names: 'they stand in one object' },
  ...all(FACT, 'outcome', ['noUser', 'noGroup', 'noDirectory', 'cannotSwitchUser']),
  ...all(PART, 'outcome', ['sshEnded', 'inAttempt']),
  'outcome.retryFollows': { names: 'the end and the times are told in words' },
  'slurm.noSlurm': { names: 'ENOENT and ETIMEDOUT are told in words' },
  'slurm.slurmWaits': { advice: FACT, names: 'None is told in words' },
  'slurm.slurmSilent': { names: 'the time is shown in words' },
  'slurm.slurmLate': { advice: FACT, names: 'the time is shown in words' },
  'trouble.stillAway': { names: 'the time is shown in words' },
  'cluster.shortKillWait': { names: 'the times are shown in words' },
  'cluster.notAsked': { names: 'the time is shown in words' },
  ...all(FACT, 'slurm', ['slurmLost', 'slurmHeld', 'slurmTrouble', 'slurmGoesOn']),
  ...all(FACT, 'slurm', ['slurmSubmits']),
  ...all(PART, 'slurm', ['slurmRefused']),
  ...all(HELP, 'usage', ['unknownOption', 'unknownCommand', 'foreignOption', 'extraWord']),
  ...all(HELP, 'usage', ['noValue', 'noSwitch', 'needsWait', 'forOne', 'allAndReport']),
  ...all(PART, 'config', ['wrongPlugin', 'wrongExport', 'throwsError', 'lateAnswer']),
  ...all(PART, 'config', ['unshown', 'endsProcess', 'atLine']),
  ...all(PART, 'policy', ['differs', 'unreadConf', 'noRetain', 'remoteConf']),
  ...all(PART, 'policy', ['includesCommand', 'includesDeep', 'includesUnread']),
  ...all(PART, 'runner', [
    'unusableKey',
    'viaHop',
    'givenUp',
    'serverLeft',
    'noSign',
    'noStatus',
    'noAgentThere',
  ]),
  ...all(FACT, 'crontab', ['systemdCron']),
  ...all(PART, 'migration', [
    'unreadable',
    'deepShell',
    'bashOnly',
    'unknownProgram',
    'unknownWord',
  ]),
  ...all(PART, 'migration', ['unknownOption', 'unknownBefore', 'insideOf', 'startedBy']),
  ...all(PART, 'migration', ['escapedBackticks', 'splitQuotes', 'inputFromCron', 'inBackground']),
  ...all(PART, 'migration', ['runsDirectly', 'importsThem', 'batonAlready', 'noProgram']),
  ...all(PART, 'migration', ['leftAsItIs', 'differsFrom', 'byHand']),
  ...all(PART, 'migration', ['noHost', 'noRemoteCommand', 'keysOf', 'needsVariable', 'otherRoot']),
  ...all(FACT, 'migration', ['hostKeysChecked', 'staysLocal', 'becomesHook', 'pingStays']),
  ...all(PART, 'foreign', ['silentSystemctl', 'notAsked']),
  'foreign.saidNothing': { advice: PART, names: 'a status that is not there is told in words' },
  'crontab.refusedFile': { names: 'a file of one line has no others' },
  ...all(PART, 'runner', ['sshKilled']),
  ...all(FACT, 'runner', ['connectionBroke', 'remoteIgnoresSignals', 'foreignSignal']),
};

function all(advice: string, table: string, names: readonly string[]): Record<string, Excepted> {
  return Object.fromEntries(names.map((name) => [`${table}.${name}`, { advice }]));
}

/** A clause with one of these after a subject of one or two words is a statement. */
const AUXILIARIES = [
  ...['is', 'are', 'was', 'were', 'has', 'have', 'had', 'does', 'did', 'can', 'cannot'],
  ...['could', 'may', 'might', 'must', 'shall', 'should', 'will', 'would'],
];
/** These begin a statement, too: articles, pronouns, prepositions, conjunctions. */
const STATING = [
  ...['a', 'an', 'the', 'its', 'it', 'they', 'their', 'this', 'that', 'these', 'those', 'there'],
  ...['no', 'none', 'nothing', 'nobody', 'not', 'only', 'all', 'some', 'any', 'each', 'every'],
  ...['which', 'who', 'whose', 'what', 'where', 'when', 'while', 'because', 'as', 'so', 'but'],
  ...['at', 'by', 'for', 'from', 'in', 'of', 'on', 'with', 'without', 'until', 'after', 'before'],
  ...['you', 'both', 'neither', 'if', 'once', 'unless', 'to', 'or', 'and', 'then', 'run \\d'],
];
/** Before an instruction: a conjunction, a condition or a purpose. */
const LEAD = '(?:(?:or|and|then) )?(?:(?:if|once|unless|to) [^,;]*, )?';
/** A clause that begins with any other word tells the reader what to do. */
const TOLD = [
  LEAD,
  `(?!(?:${[...STATING, ...AUXILIARIES].join('|')})\\b)`,
  `(?!\\S+ (?:(?!(?:${STATING.join('|')})\\b)\\S+ )?(?:do|${AUXILIARIES.join('|')})\\b)`,
  '[a-z]+ [^\\s:]',
].join('');
const ADVICE = new RegExp(
  [
    '(?:^|[;:,] |\\()(?:expected|did you mean|known (?:here|types):)',
    `; ${TOLD}`,
    `^(?=(?:if|once|unless|to) )${TOLD}`,
  ].join('|'),
);

test('the rule of advice tells a clause that says what to do from one that states something', () => {
  const good = [
    'its queue is full (200000 runs); see what they wait for: baton why daily',
    'the key is encrypted; to change that, run ssh-keygen -p',
    'it would wait for itself; do not wait for it there',
    '/c.json: line 3: keep: expected an integer, found "x"',
  ];
  const bad = [
    'its queue is full (200000 runs)',
    'the daemon does not answer; its log is /var/log/batond.log',
    'the journal cannot be written; new requests are refused',
    'the daemon cannot start; and if it does, it ends',
    'the limit is 3; runs do not wait for it',
    'if the disk is full, the daemon ends',
  ];
  assert.deepEqual(
    [...good, ...bad].filter((text) => ADVICE.test(text)),
    good,
  );
});

for (const { name, say, lists } of [...DAEMON, ...CLIENT, ...PLUGINS]) {
  test(`${name} has the style of all messages`, () => {
    const excepted = Object.keys(EXCEPTIONS[name] ?? {});
    const found = lists.flatMap((args) => broken(say(...args), args));
    for (const args of lists) {
      const rules = broken(say(...args), args).filter((rule) => !excepted.includes(rule));
      assert.deepEqual(rules, [], say(...args));
    }
    assert.ok(
      excepted.every((rule) => found.includes(rule)),
      'an exception is not needed any more',
    );
  });
}

for (const end of OUTCOMES) {
  const said = tellOutcome(end, 17, 'web');
  test(`"run 17 ${said}" has the style of all messages`, () => {
    const isOver = end.kind === 'exited' || end.kind === 'cancelled';
    assert.equal(ADVICE.test(said), !isOver, 'only what somebody wished needs no advice');
    assert.match(said, /^[a-z][^\p{Cc}]*[^.\p{Cc}]$/u);
  });
}

/** As in `biome.json`. */
const COLUMNS = 100;

/** Where a message for people would be created, or passed on, with words of its own. */
const WORDS =
  /(?:\b(?:error|message|reason|detail|why|advice|hint)\s*[:=]\s*|\b(?:complain|Mistake|Error|NoWay|refuse|lost|fail|failWith)\((?:[\w.]+, )*)[`'"](?!Internal error)[^`'"]*[a-z] [a-z$]/g;
/** Files that may do that, because their texts are not messages. */
const FREE: Readonly<Record<string, string>> = {
  'daemon/core/ranking.ts': 'why a run waits',
  'daemon/core/target-state.ts': 'an internal error, begun elsewhere',
  'daemon/core/waiting.ts': 'why a run waits',
  'policies/cardinality.ts': 'why a run waits, or was refused',
  'policies/rsnapshot.ts': 'why a run waits',
  'policies/require.ts': 'why a run waits',
  'policies/spacing.ts': 'why a run waits',
  'policies/window.ts': 'why a run waits, or was ended',
  'runners/ssh/handshake.ts': 'an abort, whose words nobody is shown',
};

test('nobody writes a message elsewhere than in the tables', () => {
  const folders = ['daemon', 'client', 'policies', 'runners'];
  const files = folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map(
      (name) => `${folder}/${name}`,
    ),
  );
  const isTable = (file: string): boolean =>
    /(-messages|-errors|-text)\.ts$/.test(file) && !file.startsWith('client/terminal/');
  const sources = files.filter((file) => file.endsWith('.ts') && !isTable(file));
  const found = sources.flatMap((file) => {
    const code = readFileSync(join(ROOT, file), 'utf8')
      .replace(/\/\*[\s\S]*?\*\/|(?<=\s)\/\/.*$/gm, '')
      .replace(/\s*\n\s*/g, ' ');
    return Array.from(code.matchAll(WORDS), ([text]) => ({ file, text }));
  });
  assert.deepEqual(
    found.filter(({ file }) => !(file in FREE)),
    [],
  );
  const free = new Set(found.map(({ file }) => file));
  assert.deepEqual(
    [...free].sort(),
    Object.keys(FREE).sort(),
    'an exception is not needed any more',
  );
});

test('no comment is wider than code', () => {
  const folders = ['daemon', 'client', 'policies', 'runners', 'contrib', 'test'];
  const wide = folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(ts|mjs)$/.test(name))
      .flatMap((name) => {
        const lines = readFileSync(join(ROOT, folder, name), 'utf8').split('\n');
        return lines
          .filter((line) => /^\s*(?:\*|\/\/|\/\*\*)/.test(line) && [...line].length > COLUMNS)
          .map((line) => `${folder}/${name}: ${line.trim()}`);
      }),
  );
  assert.deepEqual(wide, []);
});

test('the daemon knows rsnapshot by no name: what is special of a policy, the policy says', () => {
  // py9tor's handlers have their own names, and the schema describes a default of the policy.
  const named = [
    'daemon/config/py9tor.ts',
    'daemon/config/target-keys.ts',
    'daemon/config/tool-backups.ts',
  ];
  const files = readdirSync(join(ROOT, 'daemon'), { recursive: true, encoding: 'utf8' })
    .map((name) => `daemon/${name}`)
    .filter((file) => file.endsWith('.ts'));
  const found = files.filter((file) => {
    const code = readFileSync(join(ROOT, file), 'utf8').replace(
      /\/\*[\s\S]*?\*\/|(?<=\s)\/\/.*$/gm,
      '',
    );
    return code.includes('rsnapshot');
  });
  assert.deepEqual(found.sort(), named);
});

/** The rules that a text breaks, except for the listed exceptions. */
function broken(text: string, args: readonly unknown[]): readonly string[] {
  const breaks: Readonly<Record<Rule, boolean>> = {
    line: /\p{Cc}|[.!,;:]$/u.test(text),
    case: /^[A-Z]/.test(text),
    names: !args.flat().every((arg) => text.includes(nameOf(arg))),
    advice: !ADVICE.test(text),
  };
  return Object.entries(breaks).flatMap(([rule, isBroken]) => (isBroken ? rule : []));
}

/** How a text shows an argument. */
function nameOf(arg: unknown): string {
  if (arg === undefined || typeof arg === 'boolean') return '';
  return arg instanceof Error && 'code' in arg ? String(arg.code) : String(arg);
}
