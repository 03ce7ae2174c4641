/** Draws curves as SVG, with both axes logarithmic, and panels side by side. Pure. */

export interface Curve {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Panel {
  readonly title: string;
  readonly curves: readonly Curve[];
}

const WIDTH = 380;
const HEIGHT = 280;
const MARGIN = { left: 55, right: 15, top: 40, bottom: 45 };
const COLOURS = ['#1a66cc', '#cc5500', '#338833', '#884499'];

export function plot(panels: readonly Panel[]): string {
  const drawn = panels.map((panel, at) => {
    return `<g transform="translate(${at * WIDTH} 0)">${draw(panel)}</g>`;
  });
  const size = `width="${panels.length * WIDTH}" height="${HEIGHT}"`;
  const style = 'font-family="sans-serif" font-size="11"';
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} ${style}><rect width="100%" height="100%" fill="#fff"/>\n${drawn.join('\n')}\n</svg>\n`;
}

function draw({ title, curves }: Panel): string {
  const points = curves.flatMap((curve) => curve.points);
  const x = scale(
    points.map(([at]) => at),
    MARGIN.left,
    WIDTH - MARGIN.right,
  );
  const y = scale(
    points.map(([, at]) => at),
    HEIGHT - MARGIN.bottom,
    MARGIN.top,
  );
  const text = (at: string, of: string, more = ''): string => `<text ${at} ${more}>${of}</text>`;
  const [bottom, left] = [HEIGHT - MARGIN.bottom, MARGIN.left];
  const grid = [
    ...x.ticks.map((tick) => rule(x.place(tick), MARGIN.top, x.place(tick), bottom)),
    ...y.ticks.map((tick) => rule(left, y.place(tick), WIDTH - MARGIN.right, y.place(tick))),
  ];
  const labels = [
    text(`x="${WIDTH / 2}" y="18"`, title, 'text-anchor="middle" font-weight="bold"'),
    text(`x="${WIDTH / 2}" y="${HEIGHT - 8}"`, 'queued', 'text-anchor="middle"'),
    ...x.ticks.map((tick) =>
      text(`x="${x.place(tick)}" y="${bottom + 15}"`, name(tick), 'text-anchor="middle"'),
    ),
    ...y.ticks.map((tick) =>
      text(`x="${left - 5}" y="${y.place(tick) + 4}"`, name(tick), 'text-anchor="end"'),
    ),
  ];
  const lines = curves.map((curve, at) => {
    const colour = COLOURS[at % COLOURS.length];
    const path = curve.points.map(([px, py]) => `${x.place(px)},${y.place(py)}`).join(' ');
    const dots = curve.points.map(
      ([px, py]) => `<circle cx="${x.place(px)}" cy="${y.place(py)}" r="2.5" fill="${colour}"/>`,
    );
    const key = text(`x="${left + 8 + at * 60}" y="33"`, curve.name, `fill="${colour}"`);
    return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="1.5"/>${dots.join('')}${key}`;
  });
  return [...grid, ...labels, ...lines].join('\n');
}

function rule(x1: number, y1: number, x2: number, y2: number): string {
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="#ddd"/>`;
}

/** Whole powers of ten around the values, from one edge to the other. */
function scale(values: readonly number[], from: number, to: number) {
  const logs = values.filter((value) => value > 0).map(Math.log10);
  const least = Math.floor(Math.min(...logs, 0));
  const most = Math.max(Math.ceil(Math.max(...logs, 0)), least + 1);
  const ticks = Array.from({ length: most - least + 1 }, (_, at) => 10 ** (least + at));
  const place = (value: number): number => {
    const share = (Math.log10(Math.max(value, 10 ** least)) - least) / (most - least);
    return Math.round((from + share * (to - from)) * 10) / 10;
  };
  return { ticks, place };
}

function name(value: number): string {
  return value >= 1 ? value.toLocaleString('en') : String(Number(value.toPrecision(1)));
}
