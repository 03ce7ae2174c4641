/**
 * The options of a slurm target. Anything that sbatch(1) would interpret in another way is refused
 * here, and so is anything that would break what baton relies on: which job it is, that it starts
 * only once, and where its output goes.
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
const MEM_EXPECTED = 'an integer with K, M, G or T, such as "4G"; without a letter, MiB';

const Word = v.pipe(v.string(WORD_EXPECTED), v.regex(/^[^\s\p{Cc}]+$/u, WORD_EXPECTED));

/** Allowed in `extra`: what a job needs, and services for its user. */
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
  type: 'Run a command as a job of a Slurm cluster.',
  directory:
    'Directory on a file system that this machine and all nodes share under the same path. It ' +
    'must exist and be writable by the user of the daemon. baton and the keeper in the job ' +
    'communicate through it.',
  partition: 'Partition (`--partition` of sbatch(1)).',
  time:
    'Time limit of the job in Slurm, rounded up to minutes. Use the `timeout` of the target ' +
    'to stop a command in time, and leave room for `killAfter` here.',
  cpus: 'Number of CPUs (`--cpus-per-task` of sbatch(1)).',
  mem:
    'Memory (`--mem` of sbatch(1)), such as "4G". Without it, a job may get all memory of its ' +
    'node, so that no other job fits there.',
  gres: 'Generic resources (`--gres` of sbatch(1)), such as "gpu:1".',
  licenses: 'Licenses (`--licenses` of sbatch(1)): resources shared with jobs outside baton.',
  constraint: 'Required node features (`--constraint` of sbatch(1)).',
  nodelist: 'Nodes to run on (`--nodelist` of sbatch(1)).',
  account: 'Account to charge (`--account` of sbatch(1)).',
  qos: 'Quality of service (`--qos` of sbatch(1)).',
  ...commandKeys,
  cwd:
    'Working directory on the node, an absolute path. Default: the home directory of the user ' +
    'of the daemon.',
  env:
    'Environment variables for the command, in addition to `SHELL`, `PATH=/usr/bin:/bin`, ' +
    '`HOME`, `LOGNAME`, `USER`, `BATON_TARGET`, `BATON_RUN`, `BATON_RUN_DIR`, `BATON_RUN_ID` ' +
    'and the variables that Slurm sets (`SLURM_*`). Nothing else is inherited.',
  conf: 'Path of the slurm.conf of the cluster (`SLURM_CONF`), if it is not the default one.',
  extra: 'Further long options of sbatch(1) for what the job needs, such as "--exclusive".',
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
