/** `baton plan --html`: the content of the page, and that nothing breaks out of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { changesOf } from '../../../client/report/plan-changes.ts';
import { type PlanPage, showPlanPage } from '../../../client/report/plan-page.ts';
import { amount } from '../../support/amount.ts';
import { skeleton } from '../../support/nights.ts';
import {
  CHANCES,
  DAY,
  HOUR_MS,
  MIDNIGHT_MS,
  NIGHT,
  NO_LINES,
  somePlanPage,
} from '../../support/plans.ts';

const ABOUT = { read: NO_LINES, host: 'backup01', version: '0.1.0', writtenAtMs: MIDNIGHT_MS };

/** The words of a part of the page, from a heading to the next one. */
function part(page: PlanPage, heading: string): string {
  const [, after = ''] = showPlanPage(page).split(`<h2>${heading}</h2>`);
  return words(after.split('<h2>')[0] ?? '');
}

function words(markup: string): string {
  return markup
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

test('the page begins with what goes wrong, the worst first', () => {
  const page = showPlanPage({ planned: NIGHT, ...ABOUT });
  const [, after = ''] = page.split('<section aria-label="Summary">');
  assert.equal(
    words(after.split('</section>')[0] ?? ''),
    '3 runs, 1 of them waits, 2 refused or ignored, the last one ends Mon 4 Jan 06:00. ' +
      'late weekly Mon 4 Jan 09:00: is late: no success for longer than its lateAfter ' +
      'never starts closed Mon 4 Jan 00:00: never starts: waits for its window ' +
      'fails weekly Mon 4 Jan 05:00: timed out ' +
      'refused daily Mon 4 Jan 04:00: is refused: it waits already, twice from then on',
  );
  assert.match(page, /<p class="verdict failed">/);
  assert.match(page, /<title>3 runs, [^<]*06:00\. Planned runs on backup01, Mon 4 Jan 00:00 to/);
});

test('it says who waits for whom, what becomes of each request, and what it takes for granted', () => {
  const page = { planned: NIGHT, ...ABOUT };
  assert.equal(
    part(page, 'Waiting runs'),
    'The longest wait first. Target Requested Waits Starts For whom ' +
      'daily Mon 4 Jan 03:00 2 h Mon 4 Jan 05:00 1 h 59 min for weekly',
  );
  assert.equal(
    part(page, 'All runs'),
    'In the order of the requests. ' +
      'Target Requested Waits Starts Takes Ends How it ends ' +
      'closed Mon 4 Jan 00:00 – – – – never starts: waits for its window ' +
      'daily Mon 4 Jan 03:00 2 h Mon 4 Jan 05:00 1 h Mon 4 Jan 06:00 exited with 0 ' +
      'weekly Mon 4 Jan 03:00 – Mon 4 Jan 03:00 2 h Mon 4 Jan 05:00 timed out ' +
      'daily Mon 4 Jan 04:00 – – – – is refused: it waits already ' +
      'daily Mon 4 Jan 04:06 – – – – is refused: it waits already',
  );
  const granted = part(page, 'What the plan takes for granted');
  assert.match(
    granted,
    /counted as 0 s: daily; .* assumed to be met: the mount point .* at boot, not/,
  );
  const text = showPlanPage(page);
  assert.match(text, /<title>daily waits 2 h, starts Mon 4 Jan 05:00 and ends Mon 4 Jan 06:00</);
  assert.match(text, /<title>weekly starts Mon 4 Jan 03:00 and ends Mon 4 Jan 05:00: timed out</);
  assert.match(text, /<title>closed is requested [^<]* and never starts: waits for its window</);
  assert.match(text, /<title>daily is refused Mon 4 Jan 04:00: it waits already</);
});

test('the chances are a table of their own, and are left out where nobody asked for them', () => {
  const said = part({ planned: { ...NIGHT, chances: CHANCES }, ...ABOUT }, 'Chances');
  assert.match(said, /^Simulated 1000 times with random durations, seed 7: the last run ends by/);
  assert.match(said, /Target Starts late Wait \(9 of 10\) Given up Waits at 08:00 Runs at 08:00/);
  assert.match(said, /daily 50% 1 h 30 min &lt;1% - &gt;99% Mon 4 Jan 07:30 closed 100%/);
  assert.doesNotMatch(showPlanPage({ planned: NIGHT, ...ABOUT }), /Chances/);
});

test('a changed configuration has its own chart above the present one, and its changes', () => {
  const [daily, ...others] = NIGHT.runs;
  assert.ok(daily?.startedAtMs !== undefined);
  const later = { ...daily, startedAtMs: daily.startedAtMs + HOUR_MS };
  const after = { ...NIGHT, runs: [later, ...others], late: [] };
  const changed = { changes: changesOf(NIGHT, after), config: '/etc/new.json' };
  const page = showPlanPage({ planned: NIGHT, changed, ...ABOUT });
  const headings = [...page.matchAll(/<h2>([^<]*)</g)].map(([, heading]) => heading);
  assert.deepEqual(headings, [
    ...['With /etc/new.json', 'When what runs, as it is now', 'Waiting runs', 'All runs'],
    'What the plan takes for granted',
  ]);
  assert.match(words(page), /With \/etc\/new\.json: 1 later, 1 no longer late; the last run ends/);
  assert.match(
    words(page),
    /later daily Mon 4 Jan 03:00: starts 1 h later, .* no longer late weekly/,
  );
});

test('of a long plan the first day has its own chart, in which nothing has an end that is later', () => {
  const runs = [
    { run: 1, target: 'long', askedAtMs: MIDNIGHT_MS, startedAtMs: MIDNIGHT_MS },
    { run: 2, target: 'next', askedAtMs: MIDNIGHT_MS + 30 * HOUR_MS },
  ].map((run) => ({ ...run, endedAtMs: MIDNIGHT_MS + 40 * HOUR_MS, verdict: 'failed' as const }));
  const planned = { ...NIGHT, ...DAY, untilMs: MIDNIGHT_MS + 48 * HOUR_MS, runs, refused: [] };
  const page = showPlanPage({ planned, ...ABOUT });
  const [, day = '', whole = ''] = page.split(/<h2>When what runs: [^<]*<\/h2>/);
  const failed = (chart: string) => chart.split('class="sign failed" x=').length - 1;
  // One of each is in the legend.
  assert.deepEqual([failed(day), failed(whole)], [1, 3]);
  assert.match(day, /<g class="running"><title>long starts/);
});

test('whatever names and reasons hold, the page has the tags that it has without', () => {
  fc.assert(
    fc.property(somePlanPage, (hostile) => {
      const page = showPlanPage(hostile);
      // The same with harmless, distinct words: equal texts stay equal.
      const harmless = new Map<string, string>();
      const tame = (text: string): string => {
        const word = harmless.get(text) ?? `w${harmless.size}`;
        harmless.set(text, word);
        return word;
      };
      const keys = ['target', 'text', 'reason', 'condition', 'config', 'host', 'why'];
      const tamed: PlanPage = JSON.parse(JSON.stringify(hostile), (key, value) => {
        const isWord = keys.includes(key) || /^\d+$/.test(key);
        return isWord && typeof value === 'string' ? tame(value) : value;
      });
      assert.deepEqual(skeleton(page), skeleton(showPlanPage(tamed)));
      assert.doesNotMatch(
        page,
        /(?![\n\t])[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}\p{Bidi_Control}]/u,
      );
      assert.match(page, /content="default-src 'none'; style-src 'unsafe-inline'"/);
    }),
    { numRuns: amount(80) },
  );
});

test('a plan of more runs than a browser can draw is cut and counted whole, and says so', () => {
  const runs = Array.from({ length: 10_200 }, (_, at) => {
    const askedAtMs = MIDNIGHT_MS + at * 1_000;
    return {
      run: at + 1,
      target: 'often',
      askedAtMs,
      startedAtMs: askedAtMs,
      endedAtMs: askedAtMs,
      verdict: at === 10_150 ? ('failed' as const) : ('ok' as const),
    };
  });
  const page = showPlanPage({ planned: { ...NIGHT, runs, refused: [] }, ...ABOUT });
  const drawn = page.split('<title>often starts').length - 1;
  assert.ok(drawn >= 10_000 && drawn < 10_100, `${drawn}`);
  assert.match(page, /Runs after Mon 4 Jan 02:46 are not shown, because there are too many\./);
  assert.match(page, /The first 1000 of 10200\. In the order/);
  // All are counted, and a note above the drawing says so.
  assert.match(page, /<td class="number">10200<\/td><td class="number failed">1<\/td>/);
  const [, chart = ''] = page.split('<h2>When what runs</h2>');
  assert.ok(chart.indexOf('because there are too many') < chart.indexOf('<table class="night">'));
  // A longer plan has a chart of the first day, which counts what it shows.
  const slow = runs.map((run) => {
    const askedAtMs = MIDNIGHT_MS + run.run * 15_000;
    return { ...run, askedAtMs, startedAtMs: askedAtMs, endedAtMs: askedAtMs };
  });
  const long = { ...NIGHT, untilMs: MIDNIGHT_MS + 48 * HOUR_MS, runs: slow, refused: [] };
  const [, day = '', rest = ''] = showPlanPage({ planned: long, ...ABOUT }).split(
    /<h2>When what runs: [^<]*<\/h2>/,
  );
  assert.match(day, /<td class="number">5760<\/td>/);
  assert.doesNotMatch(day, /too many/);
  assert.match(rest, /^\s*<p class="soft">Runs after .*<td class="number">10200<\/td>/s);
});
