/**
 * A terminal's text as a picture: coloured text (SGR of ECMA-48) becomes an SVG that looks the same
 * in any monospace font, on a light and on a dark page. Pure.
 */

/** Size of one character, in pixels. */
const [WIDTH, HEIGHT, SIZE] = [8, 19, 13.3];
const MARGIN = 16;
/** The height of the bar with the three dots. */
const BAR = 26;

/** Foreground colours by number, for the SGR parameters that the client uses. */
const COLOURS: Readonly<Record<string, readonly [light: string, dark: string]>> = {
  '31': ['#b3161b', '#ff8078'],
  '32': ['#17692c', '#6fd58a'],
  '33': ['#855300', '#e9b949'],
  '34': ['#0a58b0', '#79b8ff'],
  '36': ['#086a78', '#5cd3e2'],
};

interface Stretch {
  readonly column: number;
  readonly text: string;
  readonly sgr: readonly string[];
}

/** `title` describes the picture for those who cannot see it. */
export function drawTerminal(lines: readonly string[], title: string): string {
  const rows = lines.map(stretchesOf);
  const columns = Math.max(...rows.flat().map(({ column, text }) => column + text.length));
  const [width, height] = [columns * WIDTH + 2 * MARGIN, lines.length * HEIGHT + MARGIN + BAR + 6];
  const texts = rows.flatMap((row, at) => row.map((it) => draw(it, BAR + (at + 1) * HEIGHT)));
  const dots = [0, 1, 2].map((at) => `<circle cx="${MARGIN + 5 + at * 16}" cy="15" r="4.5"/>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${escaped(title)}</title>
<style>
${styles(0, '#f8f9fa', '#1d242c', '#c8ced6')}
@media (prefers-color-scheme: dark) {
${styles(1, '#161b22', '#dde3ea', '#3d4651')}
}
text { font: ${SIZE}px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre }
.b { font-weight: 600 } .d { opacity: .7 }
</style>
<rect x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="8"/>
<g>${dots.join('')}</g>
${texts.join('\n')}
</svg>
`;
}

function styles(scheme: 0 | 1, paper: string, ink: string, edge: string): string {
  const colours = Object.entries(COLOURS).map(
    ([name, pair]) => `.c${name} { fill: ${pair[scheme]} }`,
  );
  return `rect { fill: ${paper}; stroke: ${edge} } circle { fill: ${edge} } text { fill: ${ink} }\n${colours.join(' ')}`;
}

/** Text as wide as its characters in the grid, whatever the font. */
function draw({ column, text, sgr }: Stretch, y: number): string {
  const names = sgr.flatMap((code) => {
    if (code === '1') return 'b';
    if (code === '2') return 'd';
    if (COLOURS[code] === undefined) throw new Error(`no colour for SGR ${code}`);
    return `c${code}`;
  });
  const style = names.length === 0 ? '' : ` class="${names.join(' ')}"`;
  const place = `x="${MARGIN + column * WIDTH}" y="${y}" textLength="${text.length * WIDTH}"`;
  return `<text ${place}${style}>${escaped(text)}</text>`;
}

/** Parts with the same style, without the blanks around them. */
function stretchesOf(line: string): readonly Stretch[] {
  const stretches: Stretch[] = [];
  let column = 0;
  let sgr: readonly string[] = [];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: this is what a terminal is sent.
  for (const [, codes, text = ''] of line.matchAll(/\x1b\[([\d;]*)m|([^\x1b]+)/g)) {
    if (codes !== undefined) sgr = codes.split(';').filter((code) => Number(code) > 0);
    // Columns keep their positions: wide gaps are not text.
    for (const { 0: words, index } of text.matchAll(/\S+(?: \S+)*/g)) {
      stretches.push({ column: column + index, text: words, sgr });
    }
    column += text.length;
  }
  return stretches;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
