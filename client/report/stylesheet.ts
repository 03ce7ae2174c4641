/**
 * The style of a report, on a light or dark screen and on paper. One style sheet in the page: it
 * fetches nothing. Colours are defined once; tests check their contrast with the background.
 */
import { type Markup, raw } from './markup.ts';

const LIGHT = `
  --ground: #ffffff; --panel: #f6f7f8; --text: #1d2226; --soft: #59636c; --line: #dde2e6;
  --ok: #5b87ab; --run: #2f6f4f; --warning: #8f5f00; --failed: #b3261e; --wait: #8a949d;
  --warning-ground: #fdf3dc; --failed-ground: #fdecea;`;

const DARK = `
  --ground: #14181b; --panel: #1d2226; --text: #e3e7ea; --soft: #9ba6af; --line: #30373d;
  --ok: #6d9dc5; --run: #6fc096; --warning: #e3b453; --failed: #ff8f85; --wait: #7c8790;
  --warning-ground: #33290f; --failed-ground: #3a1b19;`;

export function style(): Markup {
  return raw(`
:root { color-scheme: light dark; ${LIGHT} }
@media screen and (prefers-color-scheme: dark) { :root { ${DARK} } }
* { box-sizing: border-box; }
html { background: var(--ground); }
body { color: var(--text); font: 1rem/1.5 system-ui, "DejaVu Sans", sans-serif; margin: 0 auto;
  max-width: 72rem; overflow-wrap: anywhere; padding: 2.5rem 1.5rem 4rem; font-variant-numeric: tabular-nums; }
h1, h2, h3 { line-height: 1.25; text-wrap: balance; }
h1 { font-size: 1.75rem; font-weight: 650; letter-spacing: -.01em; margin: 0; }
h2 { font-size: 1.2rem; font-weight: 650; margin: 3rem 0 .75rem; }
h3 { font-size: 1rem; font-weight: 650; margin: 0; }
p { margin: .4rem 0; max-width: 60rem; }
a { color: inherit; text-decoration-color: var(--wait); text-underline-offset: .15em; }
.soft, caption, figcaption, footer, .none { color: var(--soft); }
.verdict { border-left: .3rem solid var(--run); font-size: 1.2rem; font-weight: 600;
  margin: 1.5rem 0 1rem; max-width: none; padding: .3rem 0 .3rem .9rem; }
.verdict.warning { border-color: var(--warning); }
.verdict.failed { border-color: var(--failed); color: var(--failed); }
.news { list-style: none; margin: 0; padding: 0; }
.news li { border-top: 1px solid var(--line); display: grid; gap: 0 1rem;
  grid-template-columns: 9rem minmax(0, 1fr); padding: .45rem 0; }
.news li:last-child { border-bottom: 1px solid var(--line); }
.word { font-weight: 600; }
.word.failed, td.failed { color: var(--failed); }
.word.warning, td.warning { color: var(--warning); }
table { border-collapse: collapse; font-size: .875rem; width: 100%; }
caption { caption-side: top; padding-bottom: .4rem; text-align: left; }
th { font-weight: 600; text-align: left; }
th, td { border-bottom: 1px solid var(--line); overflow-wrap: anywhere; padding: .35rem .75rem .35rem 0;
  vertical-align: top; }
thead th { color: var(--soft); font-weight: 500; vertical-align: bottom; }
.runs td, .runs thead th { white-space: nowrap; }
.runs th[scope=row] { font-weight: 500; min-width: 9rem; }
.runs th:first-child, .runs td:first-child { padding-right: 1.25rem; text-align: right; }
.runs thead th:nth-child(4), .runs thead th:nth-child(5) { padding-right: 1.25rem; text-align: right; }
.runs td.how { min-width: 12rem; white-space: normal; }
td.how { min-width: 12rem; }
.list td:not(.how), .list thead th, .list th[scope=row] { white-space: nowrap; }
.list th[scope=row] { font-weight: 500; max-width: 14rem; min-width: 7rem; white-space: normal; }
.remarks { margin: 0; padding-left: 1.2rem; }
.remarks li { margin: .4rem 0; max-width: 60rem; }
.number { padding-right: 1.25rem; text-align: right; white-space: nowrap; }
.scroll { overflow-x: auto; }
.scroll:focus-visible { outline: 2px solid var(--ok); outline-offset: 2px; }
.night { table-layout: fixed; }
.night th, .night td { padding-bottom: 0; padding-top: 0; vertical-align: middle; }
.night thead th { border-bottom: 1px solid var(--line); }
.night th:first-child { width: 12rem; }
.night th[scope=row] { font-weight: 500; line-height: 1.3; padding-block: .3rem; }
.night .number { padding-right: 0; width: 4.5rem; }
.night .drawn { padding-right: 0; }
svg { display: block; overflow: visible; }
svg.signs { position: absolute; }
svg text { fill: var(--soft); font-size: 12px; }
.axis text { text-anchor: middle; }
.grid, .base { stroke: var(--line); }
.bar { fill: var(--ok); stroke: var(--ok); stroke-width: 2; }
.wait { fill: var(--wait); }
.running .bar { fill: var(--run); stroke: var(--run); }
.warning .bar { fill: var(--warning); stroke: var(--warning); }
.failed .bar { fill: var(--failed); stroke: var(--failed); }
.sign circle, .sign { fill: var(--failed); stroke: var(--ground); stroke-width: 1.5; stroke-linecap: round; }
.sign.warning { fill: var(--warning); }
.legend { display: flex; flex-wrap: wrap; font-size: .875rem; gap: .2rem 1.4rem; list-style: none;
  margin: .8rem 0 0; padding: 0; }
.legend li { align-items: center; color: var(--soft); display: flex; gap: .5rem; }
.cards { display: grid; gap: 1.5rem 2rem; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); }
figure { border-top: 1px solid var(--line); margin: 0; min-width: 0; padding-top: .6rem; }
figcaption { font-size: .875rem; min-height: 3em; }
.times line { stroke: var(--ok); stroke-width: 1.5; }
.times circle { fill: var(--ok); }
.dense g line { display: none; }
.times .warning line { stroke: var(--warning); }
.times .failed line { stroke: var(--failed); }
.times .base { stroke: var(--line); }
.times .usual { stroke: var(--soft); stroke-dasharray: 3 4; stroke-width: 1; }
.end { border-top: 1px solid var(--line); margin-top: 1rem; padding-top: .8rem; }
.end + .end { margin-top: 1.6rem; }
pre { background: var(--panel); border-left: .2rem solid var(--line); border-radius: .2rem;
  font: .8125rem/1.5 ui-monospace, "DejaVu Sans Mono", monospace; margin: .5rem 0 0;
  max-height: 24rem; overflow: auto; overflow-wrap: anywhere; padding: .7rem .9rem; white-space: pre-wrap; }
footer { border-top: 1px solid var(--line); font-size: .875rem; margin-top: 4rem; padding-top: .8rem; }
@media (max-width: 40rem) {
  .news li { grid-template-columns: minmax(0, 1fr); }
  .night th:first-child { width: 7rem; }
  .night .number { width: 3.4rem; }
  .axis text:not(:nth-child(3n + 1)) { display: none; }
}
@media (max-width: 25rem) {
  body { padding-inline: 1rem; }
  .axis text:not(:nth-child(6n + 1)) { display: none; }
}
@page { margin: 15mm; }
@media print {
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  body { font-size: 9.5pt; max-width: none; padding: 0; }
  h2 { margin-top: 1.8rem; }
  h2, h3, .end > p { break-after: avoid; }
  tr, figure, .news li { break-inside: avoid; }
  table { font-size: 8.5pt; }
  pre { font-size: 7.5pt; max-height: none; }
  a { text-decoration: none; }
  .scroll { overflow: visible; }
}
`);
}
