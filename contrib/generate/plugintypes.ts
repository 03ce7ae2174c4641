/**
 * contrib/plugin.d.ts, which `import type { Policy } from 'batond/plugin'` finds: the declarations
 * of the core that a plugin is made of, in one file that imports nothing.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where the declarations stand, in the order in which they are given. */
const SOURCES = [
  ...['core/policy.ts', 'core/world.ts', 'core/plugin.ts'],
  ...['core/standard-schema.ts', 'shared/run.ts'],
];
/** What a plugin is made of; what these need comes along. */
const ROOTS = ['Policy', 'RunnerPlugin'];

const HEAD = `/**
 * The types of plugins for batond; see baton-plugin(7). Generated from the sources of baton.
 *
 *   import type { Policy } from 'batond/plugin';
 */
`;

export function pluginTypes(): string {
  const texts = new Map(SOURCES.flatMap(declarationsIn));
  const needed = new Set(ROOTS);
  for (const name of needed) {
    for (const [word] of (texts.get(name) ?? '').matchAll(/\b[A-Z]\w+/g)) {
      if (texts.has(word)) needed.add(word);
    }
  }
  const missing = ROOTS.filter((name) => !texts.has(name));
  if (missing.length > 0) throw new Error(`no declaration of ${missing.join(', ')}`);
  const all = [...texts].flatMap(([name, text]) => (needed.has(name) ? text : []));
  return [HEAD, ...all].join('\n').replace('RunnerPlugin', 'Runner');
}

const DECLARATION =
  /(?:^\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)?^(?:export )?(interface|type) (\w+)[\s\S]*?(?:^}$|;$(?=\n\n|\n(?:export|\/\*\*)|\n?(?![\s\S])))\n?/gm;

/** The schema of a plugin's options may be of any maker. */
function declarationsIn(source: string): readonly (readonly [string, string])[] {
  const path = join(import.meta.dirname, '../../../daemon', source);
  const text = readFileSync(path, 'utf8').replace(
    'v.GenericSchema<unknown, O>',
    'StandardSchema<O>',
  );
  return Array.from(text.matchAll(DECLARATION), ([all, , name = '']) => {
    return [name, all.replace(/^(?=(interface|type) )/m, 'export ')] as const;
  });
}
