/**
 * The options of a slurm target. What sbatch(1) would read in another way than it is meant is
 * refused here, and so is what would take from baton what it relies on: which job it is, that it
 * starts once, where its output goes.
 */
import * as v from 'valibot';
import { Limit, whole } from '../policies/option-types.ts';
import { checkCommand, commandEntries, commandKeys, commandRules } from './command-options.ts';

const CPUS_MAX = 100_000;
const EXTRA_MAX = 50;

const DIRECTORY_EXPECTED =
  'an absolute path without "%", which Slurm replaces, and without control characters';
const CONF_EXPECTED = 'the absolute path of a slurm.conf';
const WORD_EXPECTED = 'a word as sbatch(1) takes it: no spaces, no control characters, not empty';
const MEM_EXPECTED = 'a whole number with K, M, G or T, such as "4G"; MiB without a letter';

const Word = v.pipe(v.string(WORD_EXPECTED), v.regex(/^[^\s\p{Cc}]+$/u, WORD_EXPECTED));

/** What `extra` may name: what a job needs, and what is done for its user. */
const EXTRA = [
  ...['acctg-freq', 'batch', 'bb', 'begin', 'cluster-constraint', 'comment', 'contiguous'],
  ...['core-spec', 'cores-per-socket', 'cpu-freq', 'cpus-per-gpu', 'deadline', 'delay-boot'],
  ...['dependency', 'distribution', 'exclude', 'exclusive', 'gpu-bind', 'gpu-freq', 'gpus'],
  ...['gpus-per-node', 'gpus-per-socket', 'gpus-per-task', 'gres-flags', 'hint'],
  ...['kill-on-invalid-dep', 'mail-type', 'mail-user', 'mcs-label', 'mem-bind', 'mem-per-cpu'],
  ...['mem-per-gpu', 'mincpus', 'network', 'nice', 'nodes', 'ntasks', 'ntasks-per-core'],
  ...['ntasks-per-gpu', 'ntasks-per-node', 'ntasks-per-socket', 'overcommit', 'oversubscribe'],
  ...['power', 'prefer', 'priority', 'profile', 'reboot', 'reservation', 'sockets-per-node'],
  ...['spread-job', 'switches', 'thread-spec', 'threads-per-core', 'time-min', 'tmp'],
  ...['use-min-nodes', 'wckey'],
] as const;
const EXTRA_NAMES = new Set<string>(EXTRA);
const EXTRA_EXPECTED =
  'a long option of sbatch(1) that says what the job needs, as "--name" or "--name=value"; none ' +
  'that baton sets itself, and none by which a job would run more than once';

const Extra = v.pipe(
  v.string(EXTRA_EXPECTED),
  v.check((text) => {
    const [, name = ''] = /^--([a-z][a-z-]*)(?:=[^\s\p{Cc}]+)?$/u.exec(text) ?? [];
    return EXTRA_NAMES.has(name);
  }, EXTRA_EXPECTED),
);

const KEYS = {
  type: 'Runs a command as a job of a Slurm cluster.',
  directory:
    'A directory on a file system that this machine and all nodes share, by the same path. It ' +
    "has to exist and to be writable for the daemon's user. baton and the keeper in the job talk " +
    'there.',
  partition: 'As `--partition` of sbatch(1).',
  time:
    'The most that Slurm gives the job, rounded up to minutes. Use `timeout` of the target to ' +
    'end a command in time, and leave room for `killAfter` here.',
  cpus: 'As `--cpus-per-task` of sbatch(1).',
  mem:
    'As `--mem` of sbatch(1), such as "4G". Without it a job may get all memory of its node, and ' +
    'the node no other job.',
  gres: 'As `--gres` of sbatch(1), such as "gpu:1".',
  licenses: 'As `--licenses` of sbatch(1): what is shared with jobs that are not of baton.',
  constraint: 'As `--constraint` of sbatch(1).',
  nodelist: 'As `--nodelist` of sbatch(1).',
  account: 'As `--account` of sbatch(1).',
  qos: 'As `--qos` of sbatch(1).',
  ...commandKeys,
  cwd: "Where it runs on its node, an absolute path; the home of the daemon's user by default.",
  env:
    'Variables for its environment, beside `SHELL`, `PATH=/usr/bin:/bin`, `HOME`, `LOGNAME`, ' +
    '`USER`, `BATON_TARGET`, `BATON_RUN`, `BATON_RUN_DIR`, `BATON_RUN_ID` and what Slurm says of ' +
    'the job (`SLURM_*`). Nothing else gets there.',
  conf: 'The slurm.conf of the cluster (`SLURM_CONF`), where it is not the usual one.',
  extra: 'Further long options of sbatch(1) that say what the job needs, such as "--exclusive".',
};

export const Options = v.pipe(
  v.strictObject({
    type: v.literal('slurm'),
    directory: v.pipe(
      v.string(DIRECTORY_EXPECTED),
      v.regex(/^\/[^%\p{Cc}]*$/u, DIRECTORY_EXPECTED),
    ),
    partition: v.exactOptional(Word),
    time: v.exactOptional(Limit),
    cpus: v.exactOptional(whole(1, CPUS_MAX)),
    mem: v.exactOptional(v.pipe(v.string(MEM_EXPECTED), v.regex(/^\d+[KMGT]?$/, MEM_EXPECTED))),
    gres: v.exactOptional(Word),
    licenses: v.exactOptional(Word),
    constraint: v.exactOptional(Word),
    nodelist: v.exactOptional(Word),
    account: v.exactOptional(Word),
    qos: v.exactOptional(Word),
    ...commandEntries,
    conf: v.exactOptional(
      v.pipe(v.string(CONF_EXPECTED), v.regex(/^\/[^\p{Cc}]*$/u, CONF_EXPECTED)),
    ),
    extra: v.exactOptional(v.pipe(v.array(Extra), v.maxLength(EXTRA_MAX))),
  }),
  v.metadata({ ...commandRules, keys: KEYS }),
  v.rawCheck(checkCommand),
  v.transform(({ time, ...rest }) => ({
    ...rest,
    ...(time === undefined ? {} : { timeMs: time }),
  })),
);
export type SlurmOptions = v.InferOutput<typeof Options>;
