/**
 * The frame of every page: no network, no scripts, one style sheet, light or dark as the reader
 * prefers. Pure.
 *
 * Invariant: all foreign text passes `html` (client/report/markup.ts), and if that ever fails, the
 * page's own policy still runs no script and loads nothing.
 */
import { showDuration } from '../../daemon/protocol/request.ts';
import { showDate, showMoment } from '../terminal/calendar.ts';
import { signs, type Window } from './chart.ts';
import { html, type Markup } from './markup.ts';
import { style } from './stylesheet.ts';

export interface Document {
  /** The summary in one sentence, for the title. */
  readonly verdict: string;
  readonly heading: string;
  readonly window: Window;
  readonly body: Markup;
  readonly version: string;
  readonly writtenAtMs: number;
}

export function documentOf(page: Document): string {
  const { verdict, heading, window, body, version, writtenAtMs } = page;
  const { fromMs, toMs } = window;
  const period = `${showMoment(fromMs)} to ${showDate(toMs)}, ${showMoment(toMs).slice(-5)}`;
  const whole = html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${verdict} ${heading}, ${period}</title>
<style>${style()}</style>
</head>
<body>
${signs()}
<header>
<h1>${heading}</h1>
<p class="soft">${period} (${showDuration(toMs - fromMs)})</p>
</header>
<main>
${body}
</main>
<footer><p>Written by baton ${version} at ${showMoment(writtenAtMs)}, all times in
${zone()}.</p></footer>
</body>
</html>
`;
  return whole.text;
}

/** A table that may be wider than a narrow screen: it can be scrolled with the keyboard, too. */
export function scrolled(label: string, table: Markup): Markup {
  return html`<div class="scroll" role="region" aria-label="${label}" tabindex="0">${table}</div>`;
}

/** The time zone of the text, such as "Europe/Berlin". */
function zone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}
