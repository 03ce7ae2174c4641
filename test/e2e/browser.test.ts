/**
 * `baton report` and `baton plan --html` as people see them: in a real Chromium, light and dark, on
 * narrow screens and on paper.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { endsToTell, type RunTail, showReport } from '../../client/report/page.ts';
import { changesOf } from '../../client/report/plan-changes.ts';
import { showPlanPage } from '../../client/report/plan-page.ts';
import { timespanOf } from '../../client/report/timespan.ts';
import type { PlannedRun } from '../../daemon/protocol/planned.ts';
import { violations } from '../support/axe.ts';
import { Browser } from '../support/browser.ts';
import { directory } from '../support/config.ts';
import { HOUR_MS, past, sampleNight, status, view } from '../support/nights.ts';
import { CHANCES, MIDNIGHT_MS, NIGHT, NO_LINES } from '../support/plans.ts';
import { skipWithout } from '../support/tools.ts';

process.env['TZ'] = 'UTC';

const SCRIPT = '</pre></title></style><script>document.title = "broken"</script>';
const IMAGE = '"\'><img src="file:///x" onerror="document.title = `broken`"><b>';
const NAMES = [SCRIPT, IMAGE, 'x'.repeat(100), 'データベース-バックアップ'];
const ENDED = 16 + NAMES.length;
const FAILED = 2 + NAMES.length;

/** A week of a small machine, and some targets with names that try to break out of the markup. */
function page(): string {
  const sample = sampleNight();
  const extra = NAMES.map((target, at) =>
    past(100 + at, target, [40, 40, 30 + at], { verdict: 'failed', text: `${SCRIPT} ${IMAGE}` }),
  );
  const said = status([...sample.status.targets, ...NAMES.map((target) => view({ target }))]);
  const timespan = timespanOf(said, [...sample.history, ...extra], 7 * 24 * HOUR_MS, 10_000);
  const nothing = { bytes: new Uint8Array(), isCut: false };
  const long = `half\n${SCRIPT}\n${'\0\x1b\xff'.repeat(9)}\n${'long'.repeat(500)}\n`;
  const tail: RunTail = { out: { bytes: Buffer.from(long, 'latin1'), isCut: true }, err: nothing };
  const tails = new Map(endsToTell(timespan).map(({ run }) => [run.run, tail]));
  return showReport({ timespan, host: 'backup01', version: '0.1.0', tails });
}

/** The page in a browser, if there is one. */
async function open(t: TestContext, text = page()): Promise<Browser | undefined> {
  if (skipWithout(t, 'chromium')) return undefined;
  const file = join(directory(t), 'night.html');
  writeFileSync(file, text);
  const browser = await Browser.open();
  t.after(() => browser.close());
  await browser.show({});
  await browser.load(pathToFileURL(file).href);
  return browser;
}

/** The lowest contrast of any text with its background, by WCAG 2, and that text. */
const LEAST_CONTRAST = `(() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const parse = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor);
      if (color[3] > 0) return color;
    }
    return [255, 255, 255, 255];
  };
  let least = [99, ''];
  for (const element of document.body.querySelectorAll('*')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || element.tagName === 'title' || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const a = light(parse(element instanceof SVGElement ? style.fill : style.color));
    const b = light(behind(element));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < least[0]) least = [ratio, element.outerHTML.slice(0, 80)];
  }
  return least;
})()`;

test('the page shows every run, asks for nothing else, and nothing in it runs', async (t) => {
  const browser = await open(t);
  if (browser === undefined) return;
  const seen = await browser.evaluate<Record<string, unknown>>(`(() => {
    const count = (what) => document.querySelectorAll(what).length;
    const boxes = [...document.querySelectorAll('.lane')].map((it) => it.getBoundingClientRect());
    return {
      title: document.title,
      rows: count('.runs tbody tr'),
      lanes: boxes.length,
      narrowest: Math.min(...boxes.map(({ width }) => width)),
      strangers: count('script, img, b > *, body b:not(.news b)'),
      ends: count('article pre'),
    };
  })()`);
  assert.equal(seen['rows'], ENDED);
  assert.equal(seen['lanes'], 2 * (6 + NAMES.length));
  assert.ok(Number(seen['narrowest']) > 500, `${seen['narrowest']}`);
  assert.equal(seen['strangers'], 0);
  assert.equal(seen['ends'], FAILED + 1);
  assert.match(String(seen['title']), new RegExp(`^${FAILED} of ${ENDED} runs failed`));
  assert.deepEqual(browser.told('Runtime.exceptionThrown'), []);
  assert.deepEqual(browser.told('Log.entryAdded'), []);
  assert.equal(browser.told('Network.requestWillBeSent').length, 1);
});

test('should a name ever break out, the policy of the page still stops it', async (t) => {
  const browser = await open(t);
  if (browser === undefined) return;
  const file = join(directory(t), 'broken.html');
  writeFileSync(file, page().replace('</main>', `${SCRIPT}${IMAGE}</main>`));
  await browser.load(pathToFileURL(file).href);
  assert.doesNotMatch(await browser.evaluate<string>('document.title'), /broken/);
  assert.ok(browser.told('Log.entryAdded').length >= 2, 'and says so');
});

test('the signs of failures stand where the runs ended, in their colour', async (t) => {
  const browser = await open(t);
  if (browser === undefined) return;
  const signs = await browser.evaluate<{ part: number; fill: string; width: number }[]>(`
    [...document.querySelectorAll('.night')][0].querySelectorAll('use.failed').values().map((it) => {
      const lane = it.closest('svg').getBoundingClientRect();
      const { x, width } = it.getBoundingClientRect();
      return { part: (x + width / 2 - lane.x) / lane.width, fill: getComputedStyle(it).fill, width };
    }).toArray()`);
  // Two ended within the last day, 8.9 and 5 hours ago.
  assert.deepEqual(
    signs.map(({ part }) => part.toFixed(2)).sort(),
    [1 - 8.9 / 24, 1 - 5 / 24].map((part) => part.toFixed(2)),
  );
  for (const { fill, width } of signs) {
    assert.equal(fill, 'rgb(179, 38, 30)');
    assert.ok(width > 10, `${width}`);
  }
});

/** Light and dark. */
async function assertReadable(browser: Browser): Promise<void> {
  for (const scheme of ['light', 'dark'] as const) {
    await browser.show({ scheme });
    const [ratio, text] = await browser.evaluate<[number, string]>(LEAST_CONTRAST);
    assert.ok(ratio >= 4.5, `${scheme}: ${ratio.toFixed(2)} of ${text}`);
    const ground = 'getComputedStyle(document.documentElement).backgroundColor';
    const expected = scheme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(20, 24, 27)';
    assert.equal(await browser.evaluate(ground), expected);
  }
}

/** From a phone to a desktop. */
async function assertFits(browser: Browser): Promise<void> {
  for (const width of [1600, 1200, 800, 360]) {
    await browser.show({ width });
    const needed = await browser.evaluate<number>('document.documentElement.scrollWidth');
    assert.ok(needed <= width, `${needed} of ${width}`);
    const overlaps: string[] = await browser.evaluate<string[]>(`
      [...document.querySelectorAll('.axis')].flatMap((axis) => {
        const boxes = [...axis.querySelectorAll('text')].filter((it) => it.checkVisibility())
          .map((it) => it.getBoundingClientRect());
        return boxes.slice(1).flatMap((box, at) => (box.left < boxes[at].right ? [at] : []));
      })`);
    assert.deepEqual(overlaps, [], `labels of the axes at ${width}`);
  }
}

/** The accessible names of everything with this role. */
async function names(browser: Browser): Promise<(role: string) => readonly string[]> {
  const { nodes } = (await browser.ask('Accessibility.getFullAXTree')) as {
    nodes: { ignored: boolean; role: { value: string }; name?: { value: string } }[];
  };
  return (role) =>
    nodes.flatMap((it) => (!it.ignored && it.role.value === role ? [it.name?.value ?? ''] : []));
}

test('all text can be read, by day and by night', async (t) => {
  const browser = await open(t);
  if (browser === undefined) return;
  await assertReadable(browser);
  // Paper is white, whatever the reader's screen is.
  await browser.show({ scheme: 'dark', media: 'print' });
  const ink = await browser.evaluate('getComputedStyle(document.body).color');
  assert.equal(ink, 'rgb(29, 34, 38)');
});

test('nothing is wider than the screen, from a telephone to a desk', async (t) => {
  const browser = await open(t);
  if (browser === undefined) return;
  await assertFits(browser);
});

test('who cannot see the page is told the same', async (t) => {
  const browser = await open(t);
  if (browser === undefined) return;
  const named = await names(browser);
  const headings = named('heading');
  assert.equal(headings[0], 'Runs on backup01');
  for (const name of [
    'The last 24 hours',
    'Failures and warnings',
    'How long runs took',
    'All runs',
  ]) {
    assert.ok(headings.includes(name), name);
  }
  assert.ok(named('image').length >= 2 * (6 + NAMES.length));
  assert.ok(
    named('image').every((name) => /^\d+ runs?\b/.test(name)),
    `${named('image')}`,
  );
  assert.ok(named('image').includes('12 runs, 1 failed'));
  const columns = ['Run', 'Target', 'Requested', 'Waited', 'Took', 'Ended', 'How it ended'];
  assert.deepEqual(named('columnheader').slice(-columns.length), columns);
  assert.ok(named('rowheader').includes('rsnap-gamma'));
  for (const landmark of ['main', 'banner', 'contentinfo']) {
    assert.equal(named(landmark).length, 1, landmark);
  }
});

test('axe-core finds nothing against the report and the plan, in any form', async (t) => {
  for (const text of [page(), planPage(false), planPage(true)]) {
    const browser = await open(t, text);
    if (browser === undefined) return;
    for (const look of [{}, { scheme: 'dark' }, { width: 390 }] as const) {
      await browser.show(look);
      assert.deepEqual(await violations(browser), [], JSON.stringify(look));
    }
  }
});

test('a picture of it has colours, and it prints on a few pages', async (t) => {
  const browser = await open(t);
  if (browser === undefined) return;
  const light = await browser.picture();
  await browser.show({ scheme: 'dark' });
  const pictures = { light, dark: await browser.picture() };
  const { data } = await browser.ask('Page.printToPDF', { preferCSSPageSize: true });
  const pdf = Buffer.from(String(data), 'base64').toString('latin1');
  assert.match(pdf, /^%PDF-1\./);
  const pages = pdf.match(/\/Type\s*\/Page\b/g)?.length ?? 0;
  assert.ok(pages >= 2 && pages <= 8, `${pages} pages`);
  // An empty page has no policy that would block the picture.
  await browser.load('about:blank');
  const share = async (png: Buffer, [r, g, b]: readonly number[]): Promise<number> =>
    await browser.evaluate<number>(`(async () => {
      const image = new Image();
      image.src = 'data:image/png;base64,${png.toString('base64')}';
      await image.decode();
      const canvas = new OffscreenCanvas(image.width, image.height).getContext('2d');
      canvas.drawImage(image, 0, 0);
      const { data } = canvas.getImageData(0, 0, image.width, image.height);
      let same = 0;
      for (let at = 0; at < data.length; at += 4) {
        same += data[at] === ${r} && data[at + 1] === ${g} && data[at + 2] === ${b};
      }
      return same / (data.length / 4);
    })()`);
  for (const [scheme, ground, failed] of [
    ['light', [255, 255, 255], [179, 38, 30]],
    ['dark', [20, 24, 27], [255, 143, 133]],
  ] as const) {
    const empty = await share(pictures[scheme], ground);
    assert.ok(empty > 0.5 && empty < 0.98, `${scheme}: ${empty} is empty`);
    assert.ok((await share(pictures[scheme], failed)) > 0.0005, `${scheme}: failures are seen`);
  }
});

/** Two nights of a plan, and the effects of a changed configuration. */
function planPage(isChanged: boolean): string {
  const extra = NAMES.map((target, at): PlannedRun => {
    const askedAtMs = MIDNIGHT_MS + at * HOUR_MS;
    const waits = [{ fromMs: askedAtMs, reason: `${SCRIPT} ${IMAGE}`, behind: [IMAGE, 'daily'] }];
    const ends = { startedAtMs: askedAtMs + HOUR_MS, endedAtMs: askedAtMs + 30 * HOUR_MS };
    return { run: 10 + at, target, askedAtMs, waits, ...ends, verdict: 'failed', text: SCRIPT };
  });
  const untilMs = MIDNIGHT_MS + 48 * HOUR_MS;
  const planned = { ...NIGHT, untilMs, runs: [...NIGHT.runs, ...extra], chances: CHANCES };
  const changes = changesOf(planned, { ...planned, runs: extra });
  const changed = isChanged ? { changed: { changes, config: `/etc/${IMAGE}` } } : {};
  const about = { host: 'backup01', version: '0.1.0', writtenAtMs: MIDNIGHT_MS };
  return showPlanPage({ planned, ...changed, read: NO_LINES, ...about });
}

test('a plan is as safe, as readable and as narrow a page', async (t) => {
  const browser = await open(t, planPage(false));
  if (browser === undefined) return;
  const count = (what: string) =>
    browser.evaluate<number>(`document.querySelectorAll(${JSON.stringify(what)}).length`);
  assert.equal(await count('.lane'), 2 * (3 + NAMES.length));
  assert.equal(await count('.list'), 3);
  assert.equal(await count('script, img, b > *, body b:not(.news b)'), 0);
  assert.match(await browser.evaluate<string>('document.title'), /^7 runs, 5 of them wait, 2 ref/);
  await assertReadable(browser);
  await assertFits(browser);
  for (const told of ['Runtime.exceptionThrown', 'Log.entryAdded']) {
    assert.deepEqual(browser.told(told), []);
  }
  assert.equal(browser.told('Network.requestWillBeSent').length, 1);
});

test('who cannot see a plan is told the same, and the keyboard reaches what is cut off', async (t) => {
  const browser = await open(t, planPage(true));
  if (browser === undefined) return;
  const named = await names(browser);
  assert.deepEqual(named('heading').slice(0, 3), [
    'Planned runs on backup01',
    `With /etc/${IMAGE}: the first 24 hours`,
    `With /etc/${IMAGE}: the whole 2 d`,
  ]);
  for (const heading of [
    'When what runs, as it is now: the first 24 hours',
    'Chances',
    'All runs',
  ]) {
    assert.ok(named('heading').includes(heading), heading);
  }
  assert.ok(named('image').includes('1 run, 1 failed'));
  assert.ok(named('columnheader').includes('Last end (9 of 10)'));
  assert.ok(named('rowheader').includes('weekly'));
  await browser.show({ width: 360 });
  const stops = await browser.evaluate<string[]>(`
    [...document.querySelectorAll('.scroll')].filter((it) => it.scrollWidth > it.clientWidth)
      .map((it) => (it.focus(), document.activeElement === it ? it.ariaLabel : ''))`);
  assert.deepEqual(stops, ['Chances', 'Waiting runs', 'All runs']);
});
