#!/usr/bin/env node
/**
 * batond: reads its flags, and does what they ask for: check a configuration, replay a journal, or
 * serve.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import meow, { type AnyFlags } from 'meow';
import { describeConfig } from './config/describe.ts';
import type { Config } from './config/load.ts';
import { replayFile } from './journal/replay-file.ts';
import { FLAGS, helpText } from './options.ts';
import { DURATION_EXPECTED, EXIT, parseDuration, suggest } from './protocol/request.ts';
import { findTwice } from './shared/given-twice.ts';
import { ConfigSource } from './startup/config-source.ts';
import { PLACES, serve } from './startup/serve.ts';
import * as say from './system/boot-messages.ts';
import { LOG_FORMATS, LOG_LEVELS } from './system/log.ts';
import { STDERR, STDOUT, writeAll } from './system/print.ts';

/** Thrown by whatever judges the command line. */
class Mistake extends Error {}

// Not awaited here: a bundle in CommonJS knows no await at the top. What it throws ends the
// process.
void main();

async function main(): Promise<void> {
  process.umask(0o077);
  const { version } = JSON.parse(
    readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'),
  ) as { version: string };
  const cli = parseFlags(version);
  if (cli === undefined) return;
  const { flags, input } = cli;
  const source = new ConfigSource(flags.check ? (input[0] ?? flags.config) : flags.config, PLACES);
  const { check: isCheck, replay: journal } = flags;
  if (!isCheck && journal === undefined) {
    return await serve(source, { version, flags, complain });
  }
  const read = await source.read();
  if (!read.ok) complain(read.text, EXIT.config);
  else if (isCheck) check(read.value);
  else if (journal !== undefined) replay(read.value, journal, flags.only);
  // A plugin may have set a timer, which would go on for ever.
  process.exit();
}

/** meow's own checks print in its own style and exit with 2: all is let through, to be judged. */
function cut<F extends AnyFlags>(version: string, flags: F) {
  return meow(helpText(), {
    importMeta: import.meta,
    pkg: { name: 'batond', version },
    description: false,
    autoHelp: false,
    autoVersion: false,
    flags,
  });
}

function parseFlags(version: string) {
  try {
    const cli = cut(version, FLAGS);
    // meow would print these itself, and not see a full disk.
    const about = { help: cli.help, version };
    for (const [name, text] of Object.entries(about)) {
      if (!Object.hasOwn(cli.flags, name)) continue;
      print(`${text}\n`, 0);
      return undefined;
    }
    const unknown = Object.keys(cli.flags).find((name) => !Object.hasOwn(FLAGS, name));
    if (unknown !== undefined) {
      const near = suggest(unknown, Object.keys(FLAGS));
      throw new Mistake(say.unknownOption(dashed(unknown), near && dashed(near)));
    }
    const empty = Object.entries(cli.flags).find(([, value]) => value === '');
    if (empty !== undefined) throw new Mistake(say.noValue(dashed(empty[0])));
    const extra = cli.input[cli.flags.check ? 1 : 0];
    if (extra !== undefined) throw new Mistake(say.extraWord(extra));
    const { idleExit, logLevel, logFormat } = cli.flags;
    if (cli.flags.only !== undefined && cli.flags.replay === undefined) {
      throw new Mistake(say.onlyAlone());
    }
    checkWord('--log-level', logLevel, LOG_LEVELS);
    checkWord('--log-format', logFormat, LOG_FORMATS);
    if (idleExit !== undefined && !parseDuration(idleExit)) {
      throw new Mistake(say.wrongDuration('--idle-exit', DURATION_EXPECTED, idleExit));
    }
    return cli;
  } catch (error) {
    complain(say.badUsage(mistakeOf(error)), EXIT.usage);
    return undefined;
  }
}

/** meow throws for one mistake only: a flag that is given twice. */
function mistakeOf(error: unknown): string {
  if (error instanceof Mistake) return error.message;
  const twice = findTwice(Object.keys(FLAGS), (single) => {
    const flags = Object.entries(FLAGS).map(([name, { type }]) => {
      return [name, { type, isMultiple: name !== single }] as const;
    });
    cut('', Object.fromEntries(flags));
  });
  if (twice !== undefined) return say.twice(dashed(twice));
  return error instanceof Error ? error.message : String(error);
}

function checkWord(flag: string, word: string | undefined, known: readonly string[]): void {
  if (word === undefined || known.includes(word)) return;
  throw new Mistake(say.wrongWord(flag, known, word));
}

function dashed(name: string): string {
  const words = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return name.length === 1 ? `-${words}` : `--${words}`;
}

function check(config: Config): void {
  const broken = [...config.catalog.targets.values()].some((target) => target.broken !== undefined);
  print(describeConfig(config), broken ? EXIT.config : 0);
}

function replay({ catalog }: Config, file: string, word: string | undefined): void {
  const only = word !== undefined && /^\d+$/.test(word) ? Number(word) : word;
  const told = replayFile(file, { catalog, ...(only === undefined ? {} : { only }) });
  if (!told.ok) return complain(told.error, told.isUnwritten ? EXIT.unwritten : EXIT.unavailable);
  if (told.value.length > 0) complain(told.value.join('\n'), 0);
}

/** Nobody reading is no error; a full disk is, whatever the status was to be. */
function print(text: string, status: number): void {
  const code = writeAll(STDOUT, text);
  if (code === undefined || code === 'EPIPE') process.exitCode = status;
  else complain(say.unprinted(code), EXIT.unwritten);
}

function complain(message: string, status: number): void {
  for (const line of message.trimEnd().split('\n')) writeAll(STDERR, `batond: ${line}\n`);
  process.exitCode = status;
}
