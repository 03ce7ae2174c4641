/**
 * The index of what batond says to people when something is wrong: every such sentence stands in
 * one table for each role, and nowhere else.
 *
 *   daemon/system/boot-messages.ts        batond cannot start: flags, state, journal, sockets
 *   daemon/config/config-messages.ts      config.json has a mistake, or something odd
 *   daemon/protocol/refusal-text.ts       a request cannot be fulfilled
 *   daemon/protocol/outcome-text.ts       how a run ended, why it could not begin, what to do then
 *   daemon/protocol/slurm-text.ts         what a run meets as a job of Slurm
 *   daemon/system/condition-text.ts       what is found of the conditions of a run
 *   daemon/shared/errno.ts                what the system says (ENOSPC), and what to do about it
 *   client/client-errors.ts               what the client says of itself: connection, files
 *   client/command-line/usage-errors.ts   what is wrong with a command line
 *   policies/policy-messages.ts           what keeps a policy from working on this machine
 *   runners/ssh/ssh-messages.ts           what keeps a runner from reaching its machine
 *   runners/slurm-messages.ts             what a cluster of Slurm does not keep
 *
 * The style, which test/unit/project/messages.test.ts holds for every entry: one line, begun in
 * lower case and without a full stop, since it stands behind "baton: TARGET: " or another clause;
 * it names what was found; and it says what to do, mostly behind a semicolon.
 *
 * Not here: why a run waits or was refused by a policy (that is a reason and no mistake, and stands
 * with its policy); constants of log lines; "Internal error: …", which only a bug can show; what a
 * schema expects ("a list of exit codes"), which stands with the schema and is put behind
 * "expected"; the front door in Perl, which has its own few words (client/baton.pl).
 */

export * as config from './config/config-messages.ts';
export * as outcome from './protocol/outcome-text.ts';
export * as request from './protocol/refusal-text.ts';
export * as slurm from './protocol/slurm-text.ts';
export * as boot from './system/boot-messages.ts';
export * as condition from './system/condition-text.ts';
