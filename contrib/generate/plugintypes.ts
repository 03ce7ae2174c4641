/**
 * contrib/plugin.d.ts, for `import type { Policy } from 'batond/plugin'`: the declarations of the
 * core that a plugin needs, in one file without imports.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The files with the declarations, in the order of the output. */
const SOURCES = [
  ...['core/policy.ts', 'core/world.ts', 'core/plugin.ts'],
  ...['core/standard-schema.ts', 'shared/run.ts'],
];
/** The types of a plugin; what they need is added. */
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

/** Any library may provide the schema of a plugin's options. */
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
