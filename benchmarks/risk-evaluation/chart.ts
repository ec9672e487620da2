/** A line of a chart. */
export interface Line {
  readonly name: string;
  readonly points: ReadonlyArray<readonly [x: number, y: number]>;
}

/** A chart's frame: names of the axes, their ends, and whether both are logarithmic. */
export interface Frame {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly xRange: readonly [number, number];
  readonly yRange: readonly [number, number];
  readonly xTicks: readonly number[];
  readonly yTicks: readonly number[];
  readonly logarithmic?: boolean;
}

const colours = ["#b3261e", "#b26a00", "#6b6b6b", "#1f6feb", "#7aa7f0", "#2e7d32"];
const box = { left: 64, top: 40, width: 520, height: 300 };

/** A line chart as SVG that needs nothing else; light and dark pages both show it. */
export function chart(frame: Frame, lines: readonly Line[]): string {
  const { left, top, width, height } = box;
  const x = (value: number) => left + width * place(value, frame.xRange, frame.logarithmic);
  const y = (value: number) => top + height * (1 - place(value, frame.yRange, frame.logarithmic));
  const text = (at: string, content: string, rest = "") => `<text ${at} ${rest}>${content}</text>`;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 780 400" font-family="sans-serif" font-size="12">`,
    `<title>${frame.title}</title>`,
    `<rect width="780" height="400" fill="#ffffff"/>`,
    text(`x="${left}" y="24"`, frame.title, `font-size="15" font-weight="bold"`),
    ...frame.yTicks.map(
      (tick) =>
        `<path d="M${left} ${y(tick).toFixed(1)}h${width}" stroke="#dddddd"/>` +
        text(`x="${left - 8}" y="${(y(tick) + 4).toFixed(1)}"`, `${tick}`, `text-anchor="end"`),
    ),
    ...frame.xTicks.map((tick) =>
      text(`x="${x(tick).toFixed(1)}" y="${top + height + 18}"`, `${tick}`, `text-anchor="middle"`),
    ),
    text(`x="${left + width / 2}" y="${top + height + 40}"`, frame.x, `text-anchor="middle"`),
    text(`transform="translate(18 ${top + height / 2}) rotate(-90)"`, frame.y, `text-anchor="middle"`),
    ...lines.map(({ points }, index) => {
      const path = points.map(([px, py]) => `${x(px).toFixed(1)} ${y(py).toFixed(1)}`).join("L");
      return `<path d="M${path}" fill="none" stroke="${colours[index % colours.length]}" stroke-width="2"/>`;
    }),
    ...lines.map(
      ({ name }, index) =>
        `<path d="M${left + width + 16} ${top + 12 + index * 20}h22" stroke="${colours[index % colours.length]}" stroke-width="3"/>` +
        text(`x="${left + width + 44}" y="${top + 16 + index * 20}"`, name),
    ),
    "</svg>",
  ];
  return `${parts.join("\n")}\n`;
}

function place(value: number, [low, high]: readonly [number, number], logarithmic = false): number {
  const scale = (one: number) => (logarithmic ? Math.log10(Math.max(one, low)) : one);
  const share = (scale(value) - scale(low)) / (scale(high) - scale(low));
  return Math.min(1, Math.max(0, share));
}
