/**
 * A strict parser for OpenMetrics 1.0 text, as far as `baton metrics` uses it: gauges, and counters
 * without a type. It throws at the first line that the specification does not permit.
 */
import assert from 'node:assert/strict';

export interface Metric {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const ABOUT = new RegExp(`^# (HELP|TYPE|UNIT) (${NAME}) (.+)$`, 's');
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (-?\\d+(?:\\.\\d+)?(?:e[+-]?\\d+)?)$`, 's');
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,(?!$)|$)/sy;

export function readMetrics(text: string): readonly Metric[] {
  assert.ok(text.endsWith('\n# EOF\n') || text === '# EOF\n', 'ends with EOF');
  const metrics: Metric[] = [];
  const seen = new Set<string>();
  const families = new Map<string, Map<string, string>>();
  let family = '';
  for (const line of text.slice(0, -'# EOF\n'.length).split('\n').slice(0, -1)) {
    const [, about, of = '', rest = ''] = ABOUT.exec(line) ?? [];
    if (about !== undefined) {
      if (of !== family) assert.ok(!families.has(of), `${of} is in one piece`);
      family = of;
      const known = families.get(of) ?? new Map<string, string>();
      assert.ok(!known.has(about), `${about} of ${of} once`);
      assert.ok(!metrics.some(({ name }) => name === of), `${about} of ${of} before its samples`);
      families.set(of, known.set(about, rest));
      if (about === 'TYPE') assert.equal(rest, 'gauge');
      if (about === 'UNIT') assert.ok(of.endsWith(`_${rest}`), `${of} ends with its unit`);
      continue;
    }
    const [, name = '', labels = '', value] = SAMPLE.exec(line) ?? [];
    assert.ok(value !== undefined, `not a sample: ${JSON.stringify(line)}`);
    assert.equal(name, family);
    assert.notEqual(families.get(name)?.has('TYPE'), name.endsWith('_total'));
    assert.ok(families.get(name)?.has('HELP'));
    const read = readLabels(labels);
    const key = `${name}${JSON.stringify(Object.entries(read).sort())}`;
    assert.ok(!seen.has(key), `${key} once`);
    seen.add(key);
    metrics.push({ name, labels: read, value: Number(value) });
  }
  return metrics;
}

function readLabels(text: string): Readonly<Record<string, string>> {
  const labels: [string, string][] = [];
  LABEL.lastIndex = 0;
  for (let at = 0; at < text.length; at = LABEL.lastIndex) {
    const [, name, value] = LABEL.exec(text) ?? assert.fail(`not labels: ${JSON.stringify(text)}`);
    labels.push([
      name ?? '',
      (value ?? '').replace(/\\(.)/gs, (_, sign) => (sign === 'n' ? '\n' : sign)),
    ]);
  }
  return Object.fromEntries(labels);
}
