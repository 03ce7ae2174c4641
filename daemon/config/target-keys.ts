/**
 * What the keys of a target mean, for people: contrib/config.schema.json and baton.json(5) are made
 * from it.
 */
export const TARGET_KEYS = {
  each:
    'Makes a target for each value of a list, and of several lists for each combination: ' +
    '`{ "host": ["web1", "db2"] }` puts them in the place of `{host}` in the name and in ' +
    'every text of the definition.',
  hosts:
    'Makes a fleet: a target NAME@HOST for each host, with the host in place of `{host}`. ' +
    '`baton run NAME` asks for a run on each of them, all or none. See FLEETS.',
  description: 'For people: `baton status` shows it.',
  runner: 'What runs. Its `type` says how, and what else it takes.',
  tool:
    'Known tool that the command is, or that a script runs. It gives `warnExit`, `stopSignal`, ' +
    '`stopTo`, `progress`, and `on` of a `retry` without one, where the target does not set ' +
    'them. `batond --check` shows what it gives, and proposes a tool for commands that it knows.',
  policies: 'When it may run: all of them have to agree. Without any it starts at once.',
  timeout:
    'Ends a run that takes longer, with status 124: `stopSignal`, then KILL after ' +
    '`killAfter`. Time ' +
    'in which the machine sleeps does not count.',
  killAfter: 'Time from `stopSignal` to SIGKILL when a run is stopped.',
  stopSignal:
    'Signal that stops a run that is cancelled, takes too long, or runs when the machine ' +
    'goes down: `TERM` by default. Some programs clean up after another one. SIGCONT ' +
    'follows it, and SIGKILL after `killAfter`.',
  stopTo:
    'Processes that `stopSignal` goes to. `tree` (the default): all processes of the run. ' +
    '`main`: first the command itself, which ends its helpers; once it has ended, those that ' +
    'are left; not with `cmds`, whose command is a shell. SIGKILL goes to all of them. Over SSH with `verbatim` the server chooses.',
  maxWait:
    'Gives a run up whose command has not begun by then, with status 75, whatever it waits ' +
    'for. Time in which the machine sleeps counts.',
  lateAfter:
    'Calls the target late when its last success is longer ago, such as "26h" for a daily ' +
    'one. Time in which the machine sleeps counts.',
  onStart: 'Another target to run when a run starts. The run does not wait for it.',
  onSuccess: 'Another target, which runs after each run that ends well.',
  onWarning: 'The same for a run that ends with a warning.',
  onFailure:
    'The same for a run that fails, expires, is skipped or is lost; not for a cancelled one. ' +
    'The command finds what happened in BATON_EVENT, BATON_EVENT_TARGET, _RUN, _OUTCOME, ' +
    '_EXIT, _TEXT and _SECONDS, and reads the end of the output from its stdin.',
  onFailureAfter:
    'How many runs must fail in a row before `onFailure` is called. Each further failure ' +
    'calls it again. Cancelled runs do not count. Default: 1.',
  onLate: 'The same, once, when the target becomes late. Needs `lateAfter`.',
  okExit: 'Exit codes that count as success.',
  warnExit:
    'Exit codes that count as a warning: none by default, [2] with the rsnapshot policy. ' +
    "The client's status is always the command's own.",
  keep:
    'Which of its ended runs are remembered, with their output; each key is a limit of its ' +
    'own. The latest run always is, and so are those of the last five minutes.',
  onLost:
    'What becomes of a run whose keeper was killed, or whose machine was shut down or ' +
    'restarted: `leave` (the default) only says so, `retry` runs it again, in three attempts ' +
    'at most.',
  retry:
    'Run again after a failure. All attempts are one run: one outcome, that of the last ' +
    'attempt, one output, and one call of a hook. `timeout` applies to each attempt. Between ' +
    'two attempts the run is queued again: its place is free for other targets, its policies ' +
    'decide when it continues, and newer runs of its own target wait behind it. A cancelled ' +
    'run is not retried.',
  leftovers:
    'What becomes of processes that a run leaves behind: `leave` (the default) lets ' +
    '`baton status` name them, `kill` ends them.',
  logMaxBytes: 'Output beyond it is reported in the log; nothing is killed for it.',
  progress:
    '`true`: the last `NN%` of its output tells how far it has come, and foretells its end.',
  acceptArgs:
    'Regular expressions, one for each argument that `baton run TARGET -- ARG…` may ' +
    'add to the command. The whole argument has to match. Without it there may be none. ' +
    'No back-references, such as `\\1`: what is sent must not keep the daemon busy.',
} as const;
