/**
 * Compares the facts recorded by test/tools/rows.sh with the rows of daemon/config/tool-*.ts:
 * prints a line for every difference, and exits with 1 if any. `node tools-compare.js SUITE FACTS`
 */
import { readFileSync } from 'node:fs';
import { KNOWN_TOOLS } from '../daemon/config/known-tools.ts';
import type { KnownTool } from '../daemon/config/tool-shape.ts';

const SUITES: Readonly<Record<string, 12 | 13>> = { bookworm: 12, trixie: 13 };

/** Whether a fact agrees with its row; undefined if the row says nothing about it. */
function agrees(row: KnownTool, fact: string, value: string, debian: 12 | 13): boolean | undefined {
  const { warn = [], locked = [], stopped = [], ignores = [], seen } = row;
  const code = Number(value);
  const its = seen.filter((it) => it.debian === debian);
  switch (fact) {
    case 'version':
      return its.some(({ version }) => version === value);
    case 'ok':
      return code === 0;
    case 'warn':
    case 'modern-warn':
      return warn.includes(code);
    case 'failed':
      return code !== 0 && !warn.includes(code) && !locked.includes(code);
    case 'locked':
    case 'modern-locked':
      // A version without a code of its own says it in words.
      return locked.includes(code) || (row.lockedText !== undefined && code !== 0);
    case 'means':
      return row.failed !== undefined && value in row.failed;
    case 'silent':
    case 'silent-with-t':
      return code === 0 && row.caution !== undefined;
    case 'goes-on':
      return (value === 'yes') === (row.leavesOthers === true);
    case 'left':
      return code > 0 && row.leaves !== undefined;
    case 'clean':
      return code === 0;
    case 'caution-text':
      return value === 'yes';
    case 'percent':
      return row.percent?.includes(value) === true;
    case 'no-percent':
      return row.percent?.includes(value) !== true;
    case 'locked-text':
      return value === 'yes' || row.lockedText === undefined;
    case 'stopped':
      return seen.some((it, at) => its.includes(it) && stopped[at] === code);
    case 'ignores':
      return ignores.some((signal) => signal === value);
    case 'obeys':
      return !ignores.some((signal) => signal === value);
    default:
      return undefined;
  }
}

function main([suite = '', path = '']: readonly string[]): number {
  const debian = SUITES[suite];
  if (debian === undefined) throw new Error(`expected bookworm or trixie; found "${suite}"`);
  let [checked, differ] = [0, 0];
  for (const line of readFileSync(path, 'utf8').split('\n').filter(Boolean)) {
    const [tool = '', fact = '', value = ''] = line.split(' ');
    // A name of two words is one here.
    const row = KNOWN_TOOLS.get(tool.replace('_', ' ')) ?? KNOWN_TOOLS.get(tool);
    const isRight = row && agrees(row, fact, value, debian);
    if (isRight !== undefined) checked += 1;
    if (isRight !== false && row !== undefined) continue;
    differ += 1;
    console.log(`differs from its row: ${line}`);
  }
  console.log(`${checked} facts of Debian ${debian}, ${differ} differ`);
  return differ === 0 && checked > 0 ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));
