import type { PageFrame } from "../look/frame.js";

const [width, height] = [640, 160];

interface ChartProps {
  frame: PageFrame;
  label: string;
  bars: ReadonlyArray<{ readonly day: Date; readonly requests: number; readonly failures: number }>;
}

/** Requests by day as bars, the failed ones in another colour; the numbers are in its label. */
export function DayChart({ frame, label, bars }: ChartProps) {
  const peak = Math.max(1, ...bars.map(({ requests }) => requests));
  const floor = height - 1;
  const scale = (floor - 8) / peak;
  const step = width / Math.max(1, bars.length);
  const shown = new Intl.DateTimeFormat(frame.lang, { month: "short", day: "numeric", timeZone: "UTC" });
  const ends = [bars[0], bars.at(-1)].map((bar) => (bar ? shown.format(bar.day) : ""));
  return (
    <figure class="stack-s">
      <svg
        class="chart"
        viewBox={`0 0 ${width} ${height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={label}
      >
        {bars.map(({ day, requests, failures }, at) => {
          const x = at * step + 2;
          const tall = requests * scale;
          const red = Math.min(failures, requests) * scale;
          return (
            <g key={day.getTime()}>
              <rect class="bar" x={x} y={floor - tall} width={step - 4} height={tall - red} rx={2} />
              <rect class="failed" x={x} y={floor - red} width={step - 4} height={red} rx={2} />
            </g>
          );
        })}
        <line class="axis" x1={0} x2={width} y1={floor} y2={floor} />
      </svg>
      <p class="chart-ends muted small">
        <span>{ends[0]}</span>
        <span>{ends[1]}</span>
      </p>
    </figure>
  );
}

interface EndpointProps {
  frame: PageFrame;
  endpoints: ReadonlyArray<{
    readonly endpoint: string;
    readonly requests: number;
    readonly failures: number;
  }>;
}

/** Requests by endpoint, as a table. */
export function EndpointTable({ frame, endpoints }: EndpointProps) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">{frame.say("usage.endpoint")}</th>
          <th scope="col" class="number">
            {frame.say("usage.requests")}
          </th>
          <th scope="col" class="number">
            {frame.say("usage.failures")}
          </th>
        </tr>
      </thead>
      <tbody>
        {endpoints.map(({ endpoint, requests, failures }) => (
          <tr key={endpoint}>
            <td>
              <code dir="ltr">{breakable(endpoint)}</code>
            </td>
            <td class="number">{frame.number(requests)}</td>
            <td class="number">{frame.number(failures)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A path that breaks before its slashes, where a line is too short for it. */
const breakable = (path: string) =>
  path.split(/(?=\/)/).map((part) => (
    <>
      <wbr />
      {part}
    </>
  ));

/** A QR code, from rows of `0` and `1`; always dark on light, or scanners fail. */
export function QrCode({ rows, label }: { rows: readonly string[]; label: string }) {
  const path = rows
    .flatMap((row, y) => [...row].map((dark, x) => (dark === "1" ? `M${x} ${y}h1v1h-1z` : "")))
    .join("");
  return (
    <svg
      class="qr"
      viewBox={`0 0 ${rows.length} ${rows.length}`}
      role="img"
      aria-label={label}
      shape-rendering="crispEdges"
    >
      <rect width={rows.length} height={rows.length} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  );
}
