/**
 * The modules in the bundles, with their licences and right holders. The licence file, the notice
 * and the bill of materials in the packages are made from this.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MODULE = /^node_modules\/(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+/;
/** Licence texts for modules that name a licence but do not contain its text. */
const TEXTS = fileURLToPath(new URL('licences', import.meta.url));
/** For a licence that only requires its address. */
const ADDRESSES = {
  'CC-BY-3.0': 'https://creativecommons.org/licenses/by/3.0/',
  'CC0-1.0': 'https://creativecommons.org/publicdomain/zero/1.0/',
};

/**
 * `inputs` are the files in the bundles, by their paths relative to the top of the tree. Each
 * module has its `place`, `name`, `version`, `licence` (in SPDX form), `holders` (a list) and
 * `text`, and in `parts` the modules that it contains a copy of, which have no place of their own.
 */
export function bundledIn(inputs) {
  const places = new Map();
  for (const input of inputs) {
    const [place] = MODULE.exec(input) ?? [];
    if (place === undefined) continue;
    places.set(place, (places.get(place) ?? new Set([place])).add(dirname(input)));
  }
  const sorted = [...places].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([place, directories]) => {
    const { name, version, author, license, licenses } = readJson(join(place, 'package.json'));
    const licence = license ?? licenses?.map(({ type }) => type).join(' OR ') ?? 'NOASSERTION';
    const texts = [...directories].flatMap(textsIn);
    const own = texts.filter((text) => recordsIn(text).length === 0).join('\n');
    const about = { name, version, licence, author: author?.name ?? author, text: own };
    return { place, ...module(about), parts: texts.flatMap(recordsIn).map(module) };
  });
}

function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}

/** A module may contain copies of others, with their licences beside them. */
function textsIn(directory) {
  return readdirSync(directory)
    .filter((file) => /^(licen[cs]es?|copying)\b(?!.*\.[cm]?[jt]s$)/i.test(file))
    .map((file) => readFileSync(join(directory, file), 'utf8'));
}

/** What the list of modules in somebody else's bundle says about each. */
function recordsIn(text) {
  return text.split(/^---$/m).flatMap((record) => {
    const value = (key) => new RegExp(`^${key}: (.*)$`, 'm').exec(record)?.[1];
    const [name, version, licence] = ['Name', 'Version', 'License'].map(value);
    if (name === undefined || version === undefined || licence === undefined) return [];
    const [, own = ''] = record.split(/^===$/m);
    return { name, version, licence, author: value('Author'), text: own };
  });
}

function module({ name, version, licence, author, text }) {
  const holders = text.match(/^[^\w\n]*copyright (?:\(c\)|©|\d).*$/gim)?.map((line) => line.trim());
  return {
    name,
    version,
    licence,
    holders: [...new Set(holders ?? [author ?? `the authors of ${name}`])],
    text: text.trim() || textOf(licence, name),
  };
}

function textOf(licence, name) {
  const file = join(TEXTS, licence);
  if (existsSync(file)) return readFileSync(file, 'utf8');
  if (Object.hasOwn(ADDRESSES, licence)) return ADDRESSES[licence];
  throw new Error(
    `${name} brings no text of its licence "${licence}"; put the text into contrib/licences/${licence}`,
  );
}
