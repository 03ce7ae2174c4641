/**
 * The index of what batond says to people when something is wrong: every such sentence stands in
 * one table for each role, and nowhere else.
 *
 *   daemon/message/boot.ts      batond cannot start: flags, places, state, journal, sockets
 *   daemon/message/config.ts    config.json has a mistake, or something odd
 *   daemon/message/request.ts   a request cannot be fulfilled
 *   daemon/message/outcome.ts   how a run ended, why it could not begin, and what to do then
 *   daemon/errno.ts             what the system says (ENOSPC), and what to do about it
 *   client/message.ts           what the client says of itself: usage, connection, files
 *   policies/message.ts         what keeps a policy from working on this machine
 *   runners/message.ts          what keeps a runner from working, or from reaching its machine
 *
 * The style, which test/core/message.test.ts holds for every entry: one line, begun in lower case
 * and without a full stop, since it stands behind "baton: TARGET: " or another clause; it names
 * what was found; and it says what to do, mostly behind a semicolon.
 *
 * Not here: why a run waits or was refused by a policy (that is a reason and no mistake, and stands
 * with its policy); constants of log lines; "Internal error: …", which only a bug can show; what a
 * schema expects ("a list of exit codes"), which stands with the schema and is put behind
 * "expected"; the shell client, which has its own few words (contrib/baton.sh).
 */

export * as config from './config/config-messages.ts';
export * as outcome from './protocol/outcome-text.ts';
export * as request from './protocol/refusal-text.ts';
export * as boot from './system/boot-messages.ts';
