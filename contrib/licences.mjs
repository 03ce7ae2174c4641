/**
 * The licences of the modules that are in the bundles, as stanzas of a Debian copyright file (DEP
 * 5), which people can read as well.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** `inputs` are the files that went into the bundles, by their paths from the top of the tree. */
export function stanzasOf(inputs) {
  const places = new Map();
  for (const input of inputs) {
    const [module] = /^node_modules\/(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+/.exec(input) ?? [];
    if (module === undefined) continue;
    places.set(module, (places.get(module) ?? new Set([module])).add(dirname(input)));
  }
  const modules = [...places].sort(([a], [b]) => (a < b ? -1 : 1));
  return modules.map(([module, directories]) => stanzaOf(module, [...directories])).join('\n');
}

export function stanza({ files, holder, licence, text }) {
  const lines = text.trim().split(/\r?\n/);
  const body = lines.map((line) => (line.trim() === '' ? ' .' : ` ${line.trimEnd()}`)).join('\n');
  return `Files: ${files}\nCopyright: ${holder}\nLicense: ${licence}\n${body}\n`;
}

/** A module may have copies of others, and say so beside them. */
function stanzaOf(module, directories) {
  const about = JSON.parse(readFileSync(join(module, 'package.json'), 'utf8'));
  const { name, author, license, licenses } = about;
  const licence = license ?? licenses?.map(({ type }) => type).join(' or ') ?? 'unnamed';
  const texts = directories.flatMap((directory) =>
    readdirSync(directory)
      .filter((file) => /^(licen[cs]es?|copying)\b(?!.*\.[cm]?[jt]s$)/i.test(file))
      .map((file) => readFileSync(join(directory, file), 'utf8')),
  );
  const text =
    texts.join('\n') || `The module's package.json says "${licence}"; it brings no text of it.`;
  const holders = text.match(/^[^\w\n]*copyright\b.*\d.*$/gim)?.map((line) => line.trim());
  const holder = holders?.join('\n ') ?? author?.name ?? author ?? `the authors of ${name}`;
  // A short name is one word, and of two texts with the same name one would count for both.
  const short = `${licence}-${name}`.replace(/[^\w.-]+/g, '-');
  return stanza({ files: `${module}/*`, holder, licence: short, text });
}
