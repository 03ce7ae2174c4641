#!/usr/bin/env node
/**
 * batond: reads its flags, and checks a configuration, replays a journal, makes a plan, or serves.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeConfig } from './config/describe.ts';
import type { Config } from './config/load.ts';
import { replayFile } from './journal/replay-file.ts';
import { FLAGS, helpText } from './options.ts';
import { DURATION_EXPECTED, EXIT, parseDuration, suggest } from './protocol/request.ts';
import { ConfigSource } from './startup/config-source.ts';
import { answerPlan } from './startup/plan-command.ts';
import { describeRequirements } from './startup/requirements.ts';
import { PLACES, serve } from './startup/serve.ts';
import * as say from './system/boot-messages.ts';
import { LOG_FORMATS, LOG_LEVELS } from './system/log.ts';
import { machine } from './system/machine.ts';
import { STDERR, STDOUT, writeAll } from './system/print.ts';

const STDIN = 0;

/** Thrown for mistakes in the command line. */
class Mistake extends Error {}

// Not awaited: a CommonJS bundle has no top-level await. An exception ends the process.
void main();

async function main(): Promise<void> {
  process.umask(0o077);
  const { version } = JSON.parse(
    readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'),
  ) as { version: string };
  const cli = parseFlags(version);
  if (cli === undefined) return;
  const { flags, isCheck, input } = cli;
  const source = new ConfigSource(isCheck ? (input[0] ?? flags.config) : flags.config, PLACES);
  const { replay: journal } = flags;
  if (!isCheck && !flags.isPlan && journal === undefined) {
    return await serve(source, { version, flags, complain });
  }
  // The output of plugins must not be in the answer.
  if (flags.isPlan) process.stdout.write = process.stderr.write.bind(process.stderr);
  const read = await source.read();
  if (!read.ok) complain(read.text, EXIT.config);
  else if (isCheck) await check(read.value);
  else if (flags.isPlan) plan(read.value);
  else if (journal !== undefined) replay(read.value, journal, flags.only);
  // A plugin may have set a timer, which would keep the process alive.
  process.exit();
}

/** Not strict, because parseArgs would then throw errors in a style of its own. */
function cut() {
  return parseArgs({ options: FLAGS, strict: false, allowPositionals: true, tokens: true });
}

function parseFlags(version: string) {
  try {
    const { tokens, positionals: input } = cut();
    const options = tokens.filter((token) => token.kind === 'option');
    for (const [name, text] of Object.entries({ help: helpText(), version: `${version}\n` })) {
      if (!options.some((option) => option.name === name)) continue;
      print(text, 0);
      return undefined;
    }
    const given = new Map<string, string>();
    for (const option of options) given.set(option.name, takeValue(option, given));
    const isCheck = given.has('check');
    const extra = input[isCheck ? 1 : 0];
    if (extra !== undefined) throw new Mistake(say.extraWord(extra));
    return { flags: judge(given), isCheck, input };
  } catch (error) {
    if (!(error instanceof Mistake)) throw error;
    complain(say.badUsage(error.message), EXIT.usage);
    return undefined;
  }
}

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}

/** The value of an option; '' for a switch. */
function takeValue(option: OptionToken, before: ReadonlyMap<string, string>): string {
  const { name, rawName, value, inlineValue: isInline } = option;
  if (!isFlag(name)) {
    const near = suggest(name, Object.keys(FLAGS));
    throw new Mistake(say.unknownOption(rawName, near && `--${near}`));
  }
  if (before.has(name)) throw new Mistake(say.twice(rawName));
  if (FLAGS[name].type === 'boolean') {
    if (value !== undefined) throw new Mistake(say.noSwitch(rawName, value));
    return '';
  }
  // What looks like an option is one: a file with such a name must be written ./-x.
  if (!value || (isInline !== true && value.startsWith('-')))
    throw new Mistake(say.noValue(rawName));
  return value;
}

function isFlag(name: string): name is keyof typeof FLAGS {
  return Object.hasOwn(FLAGS, name);
}

function judge(given: ReadonlyMap<string, string>) {
  const flags = {
    config: given.get('config'),
    socket: given.get('socket'),
    state: given.get('state'),
    idleExit: given.get('idle-exit'),
    logLevel: given.get('log-level'),
    logFormat: given.get('log-format'),
    replay: given.get('replay'),
    only: given.get('only'),
    isPlan: given.has('plan'),
  };
  const { idleExit } = flags;
  if (flags.only !== undefined && flags.replay === undefined) throw new Mistake(say.onlyAlone());
  checkWord('--log-level', flags.logLevel, LOG_LEVELS);
  checkWord('--log-format', flags.logFormat, LOG_FORMATS);
  if (idleExit !== undefined && !parseDuration(idleExit)) {
    throw new Mistake(say.wrongDuration('--idle-exit', DURATION_EXPECTED, idleExit));
  }
  return flags;
}

function checkWord(flag: string, word: string | undefined, known: readonly string[]): void {
  if (word === undefined || known.includes(word)) return;
  throw new Mistake(say.wrongWord(flag, known, word));
}

async function check(config: Config): Promise<void> {
  const broken = [...config.catalog.targets.values()].some((target) => target.broken !== undefined);
  const now = await describeRequirements(config.catalog, machine);
  print(`${describeConfig(config)}${now}`, broken ? EXIT.config : 0);
}

function plan(config: Config): void {
  const answer = answerPlan(readFileSync(STDIN, 'utf8'), config);
  if (answer.ok) print(answer.text, 0);
  else complain(answer.text, answer.status);
}

function replay({ catalog }: Config, file: string, word: string | undefined): void {
  const only = word !== undefined && /^\d+$/.test(word) ? Number(word) : word;
  const told = replayFile(file, { catalog, ...(only === undefined ? {} : { only }) });
  if (!told.ok) return complain(told.error, told.isUnwritten ? EXIT.unwritten : EXIT.unavailable);
  if (told.value.length > 0) complain(told.value.join('\n'), 0);
}

/** A missing reader is not an error; a full disk is, whatever the status was to be. */
function print(text: string, status: number): void {
  const code = writeAll(STDOUT, text);
  if (code === undefined || code === 'EPIPE') process.exitCode = status;
  else complain(say.unprinted(code), EXIT.unwritten);
}

function complain(message: string, status: number): void {
  for (const line of message.trimEnd().split('\n')) writeAll(STDERR, `batond: ${line}\n`);
  process.exitCode = status;
}
