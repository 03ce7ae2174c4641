/**
 * Descriptions of the keys of a target: contrib/config.schema.json and baton.json(5) are generated
 * from them.
 */
export const TARGET_KEYS = {
  each:
    'Create a target for each value of a list, or for each combination of several lists: `{ ' +
    '"host": ["web1", "db2"] }` replaces `{host}` in the name and in every string of the ' +
    'definition.',
  hosts:
    'Create a fleet: a target NAME@HOST for each host, with `{host}` replaced by the host. ' +
    '`baton run NAME` queues a run on every host, or on none. See FLEETS.',
  description: 'Free text, shown by `baton status`.',
  runner: 'What to run. Its `type` decides how, and which other keys it has.',
  tool:
    'Known tool that the command is, or that a script calls. Sets `warnExit`, `stopSignal`, ' +
    '`stopTo`, `progress`, and `on` of a `retry` that has none, unless the target sets them. ' +
    '`batond --check` shows what is set, and suggests a tool for commands that it recognizes.',
  policies:
    'When the target may run: all policies must agree. Without policies it starts immediately.',
  timeout:
    'Stop a run that takes longer than this, with status 124: `stopSignal`, then KILL after ' +
    '`killAfter`. Time while the machine sleeps does not count.',
  killAfter: 'Time from `stopSignal` to SIGKILL when a run is stopped.',
  stopSignal:
    'Signal that stops a run when it is cancelled, exceeds its `timeout`, or the machine ' +
    'shuts down. Default: `TERM`. Some programs clean up only after a different signal. It is ' +
    'followed by SIGCONT, and by SIGKILL after `killAfter`.',
  stopTo:
    'Processes that receive `stopSignal`. `tree` (default): all processes of the run. `main`: ' +
    'the command itself, which then stops its helpers; after it has ended, any that are left. ' +
    '`main` cannot be used with `cmds`, because the main process is then the shell that baton ' +
    'starts to run them in order. SIGKILL goes to all processes. Over SSH with `verbatim`, the ' +
    'server decides.',
  maxWait:
    'Give up a run, with status 75, if its command has not started within this time, whatever ' +
    'it waits for. Time while the machine sleeps counts.',
  lateAfter:
    'Report the target as late if its last success is longer ago than this, such as "26h" for ' +
    'a daily target. Time while the machine sleeps counts.',
  onStart: 'Target to run when a run of this target starts. The run does not wait for it.',
  onSuccess: 'Target to run after each run that succeeds.',
  onWarning: 'Target to run after each run that ends with a warning.',
  onFailure:
    'Target to run after each run that fails, expires, is skipped or is lost, but not after a ' +
    'cancelled run. The variables BATON_EVENT, BATON_EVENT_TARGET, _RUN, _OUTCOME, _EXIT, ' +
    '_TEXT and _SECONDS tell the command what happened, and its stdin is the end of the ' +
    'output.',
  onFailureAfter:
    'Number of runs that must fail in a row before `onFailure` runs. Each further failure ' +
    'runs it again. Cancelled runs do not count. Default: 1.',
  onLate: 'Target to run, once, when this target becomes late. Requires `lateAfter`.',
  okExit: 'Exit codes that count as success.',
  warnExit:
    'Exit codes that count as a warning. Default: none, or [2] with the rsnapshot policy. The ' +
    'client always exits with the status of the command.',
  keep:
    'Which ended runs of the target to keep, with their output. The limits apply ' +
    'independently of each other. The most recent run is always kept, and so are the runs of ' +
    'the last five minutes.',
  onLost:
    'What to do with a run whose keeper was killed, or whose machine was shut down or ' +
    'restarted: report it (`leave`, the default), or run it again, with at most three ' +
    'attempts in all (`retry`).',
  retry:
    'Run again after a failure. All attempts are one run: one outcome (that of the last ' +
    'attempt), one output, and one call of each hook. `timeout` applies to each attempt. ' +
    'Between attempts the run is queued again: other targets may start, its policies decide ' +
    'when it continues, and newer runs of its own target wait behind it. A cancelled run is ' +
    'not retried.',
  leftovers:
    'What to do with processes that a run leaves behind: let them run and list them in `baton ' +
    'status` (`leave`, the default), or kill them (`kill`).',
  logMaxBytes: 'Log a warning when a run writes more output than this. The run continues.',
  progress:
    'Show the last `NN%` in the output as progress, and use it to estimate when the run ends.',
  acceptArgs:
    'Regular expressions, one for each argument that `baton run TARGET -- ARG…` may add to ' +
    'the command. Each must match the whole argument. Without this key, no arguments are ' +
    'accepted. Back-references such as `\\1` are not allowed, because they would let a caller ' +
    'keep the daemon busy.',
} as const;
