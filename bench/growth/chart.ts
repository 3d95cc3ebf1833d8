/**
 * Line charts as SVG text: panels side by side, each line with its name at its end, readable on light and dark pages.
 *
 * By hand: the libraries that draw without a browser are 60 MB (echarts) or dozens of packages (vega), and need this style sheet all the same.
 *
 * @module
 */

/** How values lie along an axis. */
export interface Axis {
  /** With its unit, where the ticks do not say it. */
  readonly title: string;
  readonly scale: 'linear' | 'log';
  /** What to mark; chosen from the values when absent. */
  readonly ticks?: readonly number[];
  format(value: number): string;
}

export interface Line {
  readonly name: string;
  readonly of: 'narkit' | 'peer';
  readonly dashed?: boolean;
  /** At least one, from left to right. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Panel {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly lines: readonly Line[];
}

const plot = { left: 64, top: 46, width: 230, height: 200, right: 106, bottom: 48 };
const panelWidth = plot.left + plot.width + plot.right;
const height = plot.top + plot.height + plot.bottom;
const lineHeight = 13;

const style = `
text { font: 11px system-ui, sans-serif; fill: #1f2328; }
.title { font-weight: 600; font-size: 13px; }
.page { fill: #fff; }
.grid { stroke: #d1d9e0; }
.line { fill: none; stroke-width: 2; }
.narkit { stroke: #0550ae; } circle.narkit, text.narkit { fill: #0550ae; stroke: none; }
.peer { stroke: #bc4c00; } circle.peer, text.peer { fill: #bc4c00; stroke: none; }
.dashed { stroke-dasharray: 5 3; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.page { fill: #0d1117; }
.grid { stroke: #3d444d; }
.narkit { stroke: #79c0ff; } circle.narkit, text.narkit { fill: #79c0ff; }
.peer { stroke: #ffa657; } circle.peer, text.peer { fill: #ffa657; }
}`;

/** The SVG of panels; `description` is for who cannot see it. */
export function drawChart(description: string, panels: readonly Panel[]): string {
  const width = panelWidth * panels.length;
  const drawn = panels.map(
    (panel, index) => `<g transform="translate(${index * panelWidth} 0)">${drawPanel(panel)}</g>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
<title>${escapeText(description)}</title>
<style>${style}
</style>
<rect class="page" width="${width}" height="${height}"/>
${drawn.join('\n')}
</svg>
`;
}

/** Whole values for an axis from `minimum` to `maximum`: 1, 2 and 5 of each power of ten on a logarithmic one, if they are not too many. */
export function chooseTicks(scale: Axis['scale'], minimum: number, maximum: number): number[] {
  if (scale === 'linear') {
    const power = 10 ** Math.floor(Math.log10(maximum / 4));
    const step = [power, 2 * power, 5 * power].find((size) => maximum / size <= 5) ?? 10 * power;
    return Array.from({ length: Math.ceil(maximum / step - 1e-9) + 1 }, (_, index) => index * step);
  }
  const [first, last] = [Math.floor(Math.log10(minimum)), Math.ceil(Math.log10(maximum))];
  const powers = Array.from({ length: last - first + 1 }, (_, index) => 10 ** (first + index));
  const all = last - first > 2 ? powers : powers.flatMap((power) => [power, 2 * power, 5 * power]);
  const from = all.findLastIndex((tick) => tick <= minimum * (1 + 1e-9));
  const to = all.findIndex((tick) => tick >= maximum * (1 - 1e-9));
  return all.slice(Math.max(0, from), to < 0 ? undefined : to + 1);
}

/** Values in ascending order, those that lie too close to the one before moved up to `distance` behind it. */
export function spread(values: readonly number[], distance: number): number[] {
  const moved: number[] = [];
  for (const value of values) moved.push(Math.max(value, (moved.at(-1) ?? Number.NEGATIVE_INFINITY) + distance));
  return moved;
}

function drawPanel({ title, x, y, lines }: Panel): string {
  const xs = lines.flatMap(({ points }) => points.map(([value]) => value));
  const ys = lines.flatMap(({ points }) => points.map(([, value]) => value));
  const xTicks = x.ticks ?? chooseTicks(x.scale, Math.min(...xs), Math.max(...xs));
  const yTicks = y.ticks ?? chooseTicks(y.scale, Math.min(...ys), Math.max(...ys));
  const toX = createScale(x.scale, xTicks, plot.left, plot.left + plot.width);
  const toY = createScale(y.scale, yTicks, plot.top + plot.height, plot.top);
  const bottom = plot.top + plot.height;
  const right = plot.left + plot.width;
  return [
    text('title', plot.left, 18, 'start', title),
    text('', plot.left, plot.top - 12, 'start', y.title),
    text('', plot.left + plot.width / 2, height - 10, 'middle', x.title),
    ...yTicks.flatMap((tick) => [
      `<path class="grid" d="M${plot.left} ${toY(tick)}H${right}"/>`,
      text('', plot.left - 6, toY(tick) + 4, 'end', y.format(tick)),
    ]),
    ...xTicks.flatMap((tick) => [
      `<path class="grid" d="M${toX(tick)} ${plot.top}V${bottom}"/>`,
      text('', toX(tick), bottom + 16, 'middle', x.format(tick)),
    ]),
    ...lines.map((line) => drawLine(line, toX, toY)),
    ...drawNames(lines, toX, toY),
  ].join('\n');
}

function drawLine({ points, of, dashed }: Line, toX: ToPixels, toY: ToPixels): string {
  const path = points.map(([x, y]) => `${toX(x)} ${toY(y)}`).join('L');
  const dots = points.map(([x, y]) => `<circle class="${of}" r="2.5" cx="${toX(x)}" cy="${toY(y)}"/>`);
  return `<path class="line ${of}${dashed ? ' dashed' : ''}" d="M${path}"/>${dots.join('')}`;
}

function drawNames(lines: readonly Line[], toX: ToPixels, toY: ToPixels): string[] {
  const ends = lines
    .map(({ name, of, points }) => ({ name, of, x: toX(points.at(-1)![0]), y: toY(points.at(-1)![1]) }))
    .sort((left, right) => left.y - right.y);
  const places = spread(
    ends.map(({ y }) => y),
    lineHeight,
  );
  return ends.map(({ name, of, x }, index) => text(of, x + 8, round(places[index]! + 4), 'start', name));
}

type ToPixels = (value: number) => number;

/** The first tick lies at `from`, the last one at `to`. */
function createScale(scale: Axis['scale'], ticks: readonly number[], from: number, to: number): ToPixels {
  const on = scale === 'log' ? Math.log10 : (value: number) => value;
  const [first, last] = [on(ticks[0]!), on(ticks.at(-1)!)];
  return (value) => round(from + ((on(value) - first) / (last - first)) * (to - from));
}

function text(name: string, x: number, y: number, anchor: string, content: string): string {
  return `<text${name && ` class="${name}"`} x="${x}" y="${y}" text-anchor="${anchor}">${escapeText(content)}</text>`;
}

function escapeText(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function round(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}
