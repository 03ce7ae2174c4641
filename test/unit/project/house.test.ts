/**
 * The rooms in CONTRIBUTING.md are complete, and in the order of their imports; each rule of
 * biome.json lists what it forbids, and might omit a room that is added later.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../../support/config.ts';

const LINES_MAX = 300;

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const ROOMS = Array.from(
  read('CONTRIBUTING.md').matchAll(/^\| `((?:daemon|policies|runners)\/(?:[\w-]+\/)?)` \|/gm),
  ([, room = '']) => room,
);
const SOURCES = ['daemon', 'policies', 'runners', 'client'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${folder}/${name}`),
);

/** The innermost one; files without a room belong to the client, which biome.json checks. */
function roomOf(file: string): string | undefined {
  const around = ROOMS.filter((room) => file.startsWith(room));
  return around.sort((a, b) => b.length - a.length)[0];
}

test('a file imports from its own room and from rooms above it in the list of CONTRIBUTING.md', () => {
  assert.equal(ROOMS.length, 13);
  let imports = 0;
  for (const file of SOURCES) {
    const room = roomOf(file);
    if (room === undefined) continue;
    for (const [, to = ''] of read(file).matchAll(/\bfrom '(\.[^']+)'/g)) {
      const other = roomOf(join(dirname(file), to)) ?? 'client/';
      assert.ok(ROOMS.slice(0, ROOMS.indexOf(room) + 1).includes(other), `${file} imports ${to}`);
      imports++;
    }
  }
  assert.ok(imports > 500);
});

test('every folder below daemon/ is a room, and loose in it are batond, its flags and messages', () => {
  const loose = SOURCES.filter((file) => roomOf(file) === 'daemon/');
  assert.deepEqual(loose.sort(), ['daemon/main.ts', 'daemon/messages.ts', 'daemon/options.ts']);
});

test(`no file of the programs has more than ${LINES_MAX} lines`, () => {
  const long = SOURCES.filter((file) => read(file).split('\n').length - 1 > LINES_MAX);
  assert.deepEqual(long, []);
});
