/**
 * Crontab lines that call baton but that cron does not run as written: it cuts a command at a `%`,
 * and looks for programs in few places. Pure.
 */
import { basename, dirname } from 'node:path';
import { callsOf, contextOf } from './calls.ts';
import type { CronLine } from './crontab.ts';
import { cutAtPercent, notOnPath } from './crontab-messages.ts';
import type { Finding, Knowledge } from './findings.ts';
import { readCommand } from './percent.ts';
import { readShell } from './shell.ts';

/** Where baton may be without cron finding it. */
const PLACES = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const BATON = /(?:^|[\s/;&|("'`])baton["']?\s/;

export function findLostCalls(line: CronLine, known: Knowledge): readonly Finding[] {
  return [...findCut(line), ...findUnreached(line, known)];
}

/** What follows is the input of the command, which baton does not read. */
function findCut(line: CronLine): readonly Finding[] {
  if (!BATON.test(line.text.slice(line.commandAt))) return [];
  if (!readCommand(line.text.trimEnd(), line.commandAt).hasInput) return [];
  return [{ line, text: cutAtPercent(), isBroken: true }];
}

function findUnreached(line: CronLine, { program }: Knowledge): readonly Finding[] {
  const context = contextOf(line);
  const path = context.variables['PATH'] ?? '';
  // A command that sets PATH has its own.
  if (program === undefined || line.command.includes('PATH=')) return [];
  if (!callsOf(line).some(({ kind }) => kind === 'baton')) return [];
  const { commands } = readShell(line.command, context.isBash, context.variables);
  const words = commands.flatMap((command) => command.words.map(({ value = '' }) => value));
  const name = words.find((word) => basename(word) === 'baton');
  if (name === undefined || /\$/.test(path)) return [];
  const isPath = name.includes('/');
  if (isPath && !name.startsWith('/')) return [];
  if (program('baton', isPath ? dirname(name) : path) !== undefined) return [];
  const where = program('baton', PLACES);
  return [{ line, text: notOnPath(name, isPath ? undefined : path, where), isBroken: true }];
}
