// Line charts as SVG text: axes with round ticks, grid, legend and a tooltip on every point.

/** One line of a chart. */
export interface Line {
  readonly name: string;
  /** Place in the palette of the page, from 0. */
  readonly color: number;
  readonly dashed?: boolean;
  /** A reference, drawn thin and without points. */
  readonly reference?: boolean;
  /** x and y in the units of the axes; y undefined breaks the line. */
  readonly points: readonly (readonly [x: number, y: number | undefined])[];
}

/** One chart. */
export interface Chart {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly lines: readonly Line[];
  /** Decades instead of even steps. */
  readonly logarithmic?: boolean;
  /** Top of the y axis; default: the highest value. */
  readonly yMax?: number;
  /** Whether single points are marked; lines of many points are drawn without. */
  readonly marked?: boolean;
}

const width = 720;
const height = 300;
const margin = { left: 62, right: 16, top: 12, bottom: 44 };
const wantedTicks = 6;
/** Colours in the palette of the page. */
export const paletteSize = 8;

/** Text that is safe inside HTML and SVG. */
export function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

/** Round numbers that cover a range. */
export function ticks(from: number, to: number): readonly number[] {
  const raw = (to - from || 1) / wantedTicks;
  const magnitude = 10 ** Math.floor(Math.log10(raw));
  const step = ([1, 2, 2.5, 5, 10].find((factor) => factor * magnitude >= raw) ?? 10) * magnitude;
  const first = Math.ceil(from / step - 1e-9);
  return Array.from({ length: Math.floor(to / step + 1e-9) - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** Ones, twos and fives of each decade; of less than a decade round numbers. */
function logarithmicTicks(from: number, to: number): readonly number[] {
  if (to < 10 * from) return ticks(from, to);
  const all = [];
  for (let power = Math.floor(Math.log10(from)); 10 ** power <= to * 1.0001; power++) {
    for (const factor of [1, 2, 5]) if (factor * 10 ** power >= from && factor * 10 ** power <= to) all.push(factor * 10 ** power);
  }
  return all;
}

function number(value: number): string {
  return Math.abs(value) >= 1000 ? value.toLocaleString("en-US") : String(Number(value.toPrecision(4)));
}

interface Scale {
  readonly at: (value: number) => number;
  readonly ticks: readonly number[];
}

function xScale(values: readonly number[]): Scale {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const span = high - low || 1;
  const at = (value: number): number => margin.left + ((value - low) / span) * (width - margin.left - margin.right);
  return { at, ticks: ticks(low, high) };
}

function yScale(values: readonly number[], { logarithmic, yMax }: Chart): Scale {
  const highest = Math.max(...values, 0) || 1;
  const high = yMax ?? highest * (logarithmic === true ? 1.2 : 1.05);
  const low = logarithmic === true ? Math.max(high / 1e5, Math.min(...values.filter((value) => value > 0)) / 1.2) : 0;
  const inner = height - margin.top - margin.bottom;
  const share = (value: number): number =>
    logarithmic === true ? Math.log(Math.max(value, low) / low) / Math.log(high / low) : (value - low) / (high - low);
  return {
    at: (value) => margin.top + inner * (1 - Math.min(1, share(value))),
    ticks: logarithmic === true ? logarithmicTicks(low, high) : ticks(low, high),
  };
}

function pathOf({ points }: Line, x: Scale, y: Scale): string {
  let pen = "M";
  return points
    .map(([px, py]) => {
      if (py === undefined) {
        pen = "M";
        return "";
      }
      const step = `${pen}${x.at(px).toFixed(1)} ${y.at(py).toFixed(1)}`;
      pen = "L";
      return step;
    })
    .join("");
}

function axes({ xLabel, yLabel }: Chart, x: Scale, y: Scale): string {
  const bottom = height - margin.bottom;
  const right = width - margin.right;
  const horizontal = y.ticks.map((tick) => {
    const at = y.at(tick).toFixed(1);
    return `<line class="grid" x1="${margin.left}" x2="${right}" y1="${at}" y2="${at}"/><text class="tick" x="${margin.left - 8}" y="${at}" dy="0.32em" text-anchor="end">${number(tick)}</text>`;
  });
  const vertical = x.ticks.map((tick) => {
    const at = x.at(tick).toFixed(1);
    return `<line class="axis" x1="${at}" x2="${at}" y1="${bottom}" y2="${bottom + 4}"/><text class="tick" x="${at}" y="${bottom + 18}" text-anchor="middle">${number(tick)}</text>`;
  });
  const middle = (margin.top + bottom) / 2;
  return [
    ...horizontal,
    ...vertical,
    `<line class="axis" x1="${margin.left}" x2="${right}" y1="${bottom}" y2="${bottom}"/>`,
    `<text class="label" x="${(margin.left + right) / 2}" y="${height - 6}" text-anchor="middle">${escape(xLabel)}</text>`,
    `<text class="label" x="14" y="${middle}" text-anchor="middle" transform="rotate(-90 14 ${middle})">${escape(yLabel)}</text>`,
  ].join("");
}

function drawLine(line: Line, x: Scale, y: Scale, marked: boolean): string {
  const color = `c${line.color % paletteSize}`;
  const kind = `${line.reference === true ? "reference" : "line"}${line.dashed === true ? " dashed" : ""}`;
  const path = `<path class="${kind} ${color}" d="${pathOf(line, x, y)}"/>`;
  if (!marked || line.reference === true) return path;
  const points = line.points.flatMap(([px, py]) =>
    py === undefined
      ? []
      : [
          `<circle class="${color}" cx="${x.at(px).toFixed(1)}" cy="${y.at(py).toFixed(1)}" r="3.5"><title>${escape(line.name)}: ${number(py)} at ${number(px)}</title></circle>`,
        ],
  );
  return path + points.join("");
}

/** The chart as a figure of HTML; empty when it has no points. */
export function renderChart(chart: Chart): string {
  const xs = chart.lines.flatMap(({ points }) => points.map(([x]) => x));
  const ys = chart.lines.flatMap(({ points }) => points.flatMap(([, y]) => (y === undefined ? [] : [y])));
  if (ys.length === 0) return "";
  const [x, y] = [xScale(xs), yScale(ys, chart)];
  const legend = chart.lines.map(
    ({ name, color, dashed, reference }) =>
      `<span class="key"><svg width="26" height="10" aria-hidden="true"><path class="${reference === true ? "reference" : "line"}${dashed === true ? " dashed" : ""} c${color % paletteSize}" d="M1 5L25 5"/></svg>${escape(name)}</span>`,
  );
  const drawn = chart.lines.map((line) => drawLine(line, x, y, chart.marked === true)).join("");
  return `<figure><figcaption>${escape(chart.title)}</figcaption><div class="legend">${legend.join("")}</div><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(chart.title)}">${axes(chart, x, y)}${drawn}</svg></figure>`;
}
