/**
 * The index of error messages for people: every such message is in one table for each role, and
 * nowhere else. Those of the daemon:
 *
 *   daemon/system/boot-messages.ts        batond cannot start: flags, state, journal, sockets
 *   daemon/config/config-messages.ts      config.json has a mistake, or something odd
 *   daemon/protocol/refusal-text.ts       a request cannot be fulfilled
 *   daemon/protocol/outcome-text.ts       how a run ended, why it could not start, what to do
 *   daemon/protocol/slurm-text.ts         problems of a run as a Slurm job
 *   daemon/system/condition-text.ts       the results of a run's conditions
 *   daemon/shared/errno.ts                errors of the system (ENOSPC), and what to do about them
 *   policies/policy-messages.ts           a policy cannot work on this machine
 *   runners/*-messages.ts, runners/ssh/   a runner cannot work here, or cannot reach its machine
 *
 * Those of the client are in client/client-errors.ts, client/command-line/usage-errors.ts, and the
 * file `*-messages.ts` of each room.
 *
 * test/unit/project/messages.test.ts checks the style of every entry: one line, in lower case and
 * without a full stop, because it follows "baton: TARGET: " or another clause; it names what was
 * found; and it says what to do, usually after a semicolon.
 *
 * Not in these tables: why a policy makes a run wait or refuses it (a reason, not an error; in the
 * policy); constants of log lines; "Internal error: …", which only a bug can show; what a schema
 * expects ("a list of exit codes"; in the schema, printed after "expected"); and the few messages
 * of the front end in Perl (client/baton.pl).
 */

export * as config from './config/config-messages.ts';
export * as outcome from './protocol/outcome-text.ts';
export * as request from './protocol/refusal-text.ts';
export * as slurm from './protocol/slurm-text.ts';
export * as boot from './system/boot-messages.ts';
export * as condition from './system/condition-text.ts';
