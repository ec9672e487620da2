import type { Finding, HealthReport, ScorePart } from "@org/db-optimizer";
import { groupedFindings } from "../output/findings.js";
import type { Group } from "../output/groups.js";
import { collectionRows, factLines, pointsText, weekRows } from "./text.js";

/** A report as one page that needs nothing else: no script, no font, no request. */
export function healthHtml(report: HealthReport): string {
  const { facts, score, parts, findings } = report;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Health of ${text(facts.database)}: ${score} of 100</title>
<style>${style}</style>
</head>
<body>
<header>
${ring(score)}
<div><h1>${text(facts.database)}</h1><p>${summary(findings)}</p><p class="dim">Checked at <time>${facts.at.toISOString()}</time></p></div>
</header>
<section><h2>Parts of the score</h2><div class="parts">${parts.map(partBar).join("")}</div></section>
<section><h2>Findings</h2>${findings.length === 0 ? "<p>Nothing to recommend.</p>" : groupedFindings(findings).map(cards).join("")}</section>
<section><h2>Seen</h2><dl>${factLines(report)
    .map(([name, value]) => `<dt>${text(name)}</dt><dd>${text(value)}</dd>`)
    .join("")}</dl></section>
${section("Against a week ago", weekRows(report))}${section("Collections", collectionRows(report))}
</body>
</html>
`;
}

function summary(findings: readonly Finding[]): string {
  const severities = ["critical", "warning", "info"] as const;
  return severities
    .map((severity) => {
      const count = findings.filter((finding) => finding.severity === severity).length;
      return `<span class="badge ${severity}">${count} ${severity}</span>`;
    })
    .join(" ");
}

function grade(points: number): string {
  return points >= 90 ? "good" : points >= 70 ? "fair" : "poor";
}

function ring(score: number): string {
  const length = 2 * Math.PI * 52;
  const filled = (length * score) / 100;
  return `<svg class="ring ${grade(score)}" viewBox="0 0 120 120" role="img" aria-label="${score} of 100">
<circle cx="60" cy="60" r="52"/><circle class="on" cx="60" cy="60" r="52" stroke-dasharray="${filled.toFixed(1)} ${length.toFixed(1)}" transform="rotate(-90 60 60)"/>
<text x="60" y="68">${score}</text></svg>`;
}

function partBar(part: ScorePart): string {
  const width = part.points ?? 0;
  const state = part.points === null ? "none" : grade(part.points);
  return `<div class="name">${part.part}</div><div class="bar ${state}"><i style="width:${width}%"></i></div><div class="points">${text(pointsText(part))}</div><div class="dim">weight ${part.weight} %</div>`;
}

function cards({ shown, rest }: Group<Finding>): string {
  const folded =
    rest.length > 0
      ? `<details><summary>and ${rest.length} more <span class="code">${text(rest[0]?.code ?? "")}</span></summary>${rest.map(card).join("")}</details>`
      : "";
  return `${shown.map(card).join("")}${folded}`;
}

function card({ severity, code, message, evidence, command }: Finding): string {
  return `<article class="${severity}"><h3>${text(message)} <span class="code">${text(code)}</span></h3><p>${text(evidence)}</p>${command ? `<pre>${text(command)}</pre>` : ""}</article>`;
}

function section(
  title: string,
  { titles, rows }: { titles: readonly string[]; rows: readonly (readonly string[])[] },
): string {
  return rows.length === 0 ? "" : `<section><h2>${title}</h2>${grid(titles, rows)}</section>`;
}

function grid(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[], tag: string) =>
    `<tr>${cells.map((cell) => `<${tag}>${text(cell)}</${tag}>`).join("")}</tr>`;
  return `<div class="wide"><table><thead>${row(titles, "th")}</thead><tbody>${rows.map((cells) => row(cells, "td")).join("")}</tbody></table></div>`;
}

// Names and errors come from the server: none of it may be markup.
function text(value: string): string {
  return value.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

const style = `
:root{color-scheme:light dark;--back:#f6f7f9;--card:#fff;--ink:#1b1f27;--dim:#5d6879;--line:#e3e6eb;--good:#0f7351;--fair:#8a5a10;--poor:#b3261e;--info:#2f5bb7}
@media(prefers-color-scheme:dark){:root{--back:#12151b;--card:#1b2029;--ink:#e8ebf0;--dim:#98a2b3;--line:#2b323e;--good:#3ecf9b;--fair:#e8b04c;--poor:#f2776b;--info:#7aa7ff}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:60rem;padding:2rem 1.25rem 4rem;background:var(--back);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
header{display:flex;gap:1.5rem;align-items:center}
h1{margin:0;font-size:1.75rem;overflow-wrap:anywhere}
h2{margin:2.25rem 0 .75rem;font-size:1.1rem}
h3{margin:0;font-size:1rem}
p{margin:.25rem 0}
.dim{color:var(--dim)}
.ring{width:8rem;flex:none;fill:none;stroke:var(--line);stroke-width:10}
.ring .on{stroke:currentColor;stroke-linecap:round}
.ring text{fill:var(--ink);stroke:none;font-size:34px;font-weight:650;text-anchor:middle}
.good{color:var(--good)}.fair{color:var(--fair)}.poor{color:var(--poor)}
.badge{white-space:nowrap;padding:.1rem .6rem;border-radius:1rem;border:1px solid currentColor;font-size:.85rem}
.critical{--tone:var(--poor)}.warning{--tone:var(--fair)}.info{--tone:var(--info)}
.badge{color:var(--tone)}
.parts{display:grid;grid-template-columns:auto 1fr auto auto;gap:.5rem 1rem;align-items:center}
.points{text-align:right;font-variant-numeric:tabular-nums}
.bar{height:.6rem;border-radius:.3rem;background:var(--line);overflow:hidden}
.bar i{display:block;height:100%;background:currentColor}
article{margin:.6rem 0;padding:.8rem 1rem;border:1px solid var(--line);border-left:4px solid var(--tone);border-radius:.5rem;background:var(--card)}
.code{color:var(--dim);font:.75rem ui-monospace,monospace}
pre{margin:.5rem 0 0;padding:.5rem .75rem;border-radius:.4rem;background:var(--back);overflow-x:auto;font:.85rem ui-monospace,monospace}
dl{display:grid;grid-template-columns:auto 1fr;gap:.25rem 1.25rem;margin:0}
dt{color:var(--dim)}dd{margin:0;overflow-wrap:anywhere}
.wide{overflow-x:auto}
table{width:100%;border-collapse:collapse;background:var(--card);font-variant-numeric:tabular-nums}
th,td{padding:.45rem .7rem;border-bottom:1px solid var(--line);text-align:right}
th:first-child,td:first-child{text-align:left}
th{color:var(--dim);font-weight:500}
th,td{white-space:nowrap}
@media(max-width:30rem){body{padding:1.25rem 1rem 3rem}header{gap:1rem}h1{font-size:1.3rem}.ring{width:6rem}}
`;
