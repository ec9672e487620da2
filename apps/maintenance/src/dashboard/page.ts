import { figureText } from "@org/db-optimizer/health";
import { progressText, type RunRecord } from "@org/db-optimizer/jobs";
import type { DashboardFacts, Found, KeptDrift, KeptHealth } from "./read.js";
import { style } from "./style.js";

const refreshSeconds = 15;

/** The dashboard as one page that needs nothing else: no script, no font, no request. Pure. */
export function dashboardPage(facts: DashboardFacts): string {
  const { database, at, health, drift, scores, runs, upcoming } = facts;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="${refreshSeconds}">
<link rel="icon" href="data:,">
<title>Maintenance of ${text(database)}</title>
<style>${style}</style>
</head>
<body>
<header><h1>${text(database)}</h1><p class="dim">Maintenance at ${time(at)}; refreshes every ${refreshSeconds} s</p></header>
<div class="tiles">${scoreTile(health, scores)}${driftTile(drift)}${storageTile(health)}${nextTile(upcoming, at)}</div>
<section><h2>Runs</h2>${runs.length === 0 ? `<p class="dim">None yet.</p>` : runTable(runs)}</section>
${health ? healthSections(health.value) : ""}
${drift && drift.value.steps > 0 ? driftSection(drift.value) : ""}
</body>
</html>
`;
}

function tile(title: string, big: string, tone: string, rest: string): string {
  return `<section class="tile"><h2>${title}</h2><p class="big ${tone}">${big}</p>${rest}</section>`;
}

function scoreTile(health: Found<KeptHealth> | undefined, scores: readonly Found<number>[]): string {
  if (!health) return tile("Health", "–", "", `<p class="dim">No check has been made.</p>`);
  const { score } = health.value;
  return tile(
    "Health",
    `${score}<small> of 100</small>`,
    tone(score),
    `${history(scores)}<p class="dim">${time(health.at)}</p>`,
  );
}

function driftTile(drift: Found<KeptDrift> | undefined): string {
  if (!drift) return tile("Indexes", "–", "", `<p class="dim">Not checked yet.</p>`);
  const { inSync, steps } = drift.value;
  const [big, how] = inSync && steps === 0 ? ["In sync", "good"] : [`${steps} to do`, "fair"];
  return tile("Indexes", big, how, `<p class="dim">${time(drift.at)}</p>`);
}

function storageTile(health: Found<KeptHealth> | undefined): string {
  const collections = health?.value.collections ?? [];
  const sum = (of: "storageBytes" | "indexBytes") => collections.reduce((total, one) => total + one[of], 0);
  if (collections.length === 0) return tile("Storage", "–", "", `<p class="dim">Not checked yet.</p>`);
  const [data, indexes] = [sum("storageBytes"), sum("indexBytes")];
  return tile(
    "Storage",
    bytes(data + indexes),
    "",
    `<p class="dim">${bytes(data)} data, ${bytes(indexes)} indexes</p>`,
  );
}

function nextTile(upcoming: DashboardFacts["upcoming"], at: Date): string {
  const due = upcoming.flatMap(({ job, next }) => (next ? [{ job, next }] : []));
  due.sort((one, other) => one.next.getTime() - other.next.getTime());
  const [first, ...rest] = due;
  if (!first) return tile("Next", "–", "", `<p class="dim">Nothing is scheduled here.</p>`);
  const lines = rest.map(
    ({ job, next }) =>
      `<li>${text(job)} <span class="dim">in ${duration(next.getTime() - at.getTime())}</span></li>`,
  );
  return tile(
    "Next",
    text(first.job),
    "",
    `<p class="dim">in ${duration(first.next.getTime() - at.getTime())}</p><ul>${lines.join("")}</ul>`,
  );
}

const [width, height] = [240, 48];

/** Scores over time, oldest first, on a scale from 0 to 100. */
function history(scores: readonly Found<number>[]): string {
  if (scores.length < 2) return "";
  const points = scores.map(({ value }, at) => {
    const x = (at / (scores.length - 1)) * width;
    return `${x.toFixed(1)},${(height - (value / 100) * height).toFixed(1)}`;
  });
  const label = `Scores of the last ${scores.length} checks: ${scores.map(({ value }) => value).join(", ")}`;
  return `<svg class="history" viewBox="0 -2 ${width} ${height + 4}" role="img" aria-label="${label}" preserveAspectRatio="none"><polyline points="${points.join(" ")}"/></svg>`;
}

function runTable(runs: readonly RunRecord[]): string {
  const rows = runs.map((run) => {
    const why = run.detail ?? run.reason ?? run.error?.message ?? "";
    const asked = run.wanted ? `<p class="dim">${run.wanted} asked for</p>` : "";
    const cells = [
      `${text(run.job)}<p class="code">${run._id}</p>`,
      `<span class="badge ${run.state}">${run.state}</span>${asked}`,
      time(run.startedAt),
      taken(run),
      `${progress(run)}${why ? `<p>${text(why)}</p>` : ""}`,
    ];
    return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
  });
  const titles = ["job", "state", "started", "took", "where it is"].map((title) => `<th>${title}</th>`);
  return `<div class="wide"><table><thead><tr>${titles.join("")}</tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
}

function taken({ startedAt, finishedAt }: RunRecord): string {
  return finishedAt ? duration(finishedAt.getTime() - startedAt.getTime()) : "";
}

function progress({ progress: at, state }: RunRecord): string {
  if (!at || !["running", "paused", "cancelling"].includes(state)) return "";
  const share = at.total ? Math.min(100, Math.round((at.done / at.total) * 100)) : 0;
  return `<span class="bar"><i style="width:${share}%"></i></span> ${text(progressText(at))}`;
}

function healthSections({ parts, findings, collections, week = [] }: KeptHealth): string {
  const bars = parts.map(({ part, points, weight }) => {
    const bar =
      points === null
        ? `<span class="bar"></span>`
        : `<span class="bar ${tone(points)}"><i style="width:${points}%"></i></span>`;
    return `<li><span>${text(part)}</span>${bar}<span class="points">${points ?? "–"}</span><span class="dim">${weight} %</span></li>`;
  });
  const sizes = collections.map((one) => [
    text(one.collection),
    count(one.documents),
    bytes(one.dataBytes),
    bytes(one.storageBytes),
    bytes(one.indexBytes),
  ]);
  const hours = week.map((one) => [
    text(one.label),
    figureText(one.now, one.unit),
    figureText(one.weekAgo, one.unit),
  ]);
  return [
    `<section><h2>Parts of the health score</h2><ul class="parts">${bars.join("")}</ul></section>`,
    `<section><h2>Findings</h2>${findingList(findings)}</section>`,
    figureTable("Against this hour a week ago", ["", "now", "a week ago"], hours),
    figureTable("Storage", ["collection", "documents", "data", "storage", "indexes"], sizes),
  ].join("\n");
}

function figureTable(title: string, titles: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return "";
  const row = (cells: readonly string[], tag: string) =>
    `<tr>${cells.map((cell) => `<${tag}>${cell}</${tag}>`).join("")}</tr>`;
  const body = rows.map((cells) => row(cells, "td")).join("");
  return `<section><h2>${title}</h2><div class="wide"><table class="figures"><thead>${row(titles, "th")}</thead><tbody>${body}</tbody></table></div></section>`;
}

const order = ["critical", "warning", "info"] as const;

/** The gravest first; of many with one code, the first with the others folded away. */
function findingList(findings: KeptHealth["findings"]): string {
  if (findings.length === 0) return "<p>Nothing to recommend.</p>";
  const groups = new Map<string, KeptHealth["findings"][number][]>();
  for (const severity of order)
    for (const finding of findings.filter((one) => one.severity === severity)) {
      const key = `${severity} ${finding.code}`;
      groups.set(key, [...(groups.get(key) ?? []), finding]);
    }
  const items = [...groups.values()].map(([first, ...others]) => {
    if (!first) return "";
    const more = folded(
      `${others.length} more`,
      others.map(({ message }) => text(message)),
    );
    return `<li class="${first.severity}"><strong>${text(first.message)}</strong> <span class="code">${text(first.code)}</span>${more}</li>`;
  });
  return `<ul class="findings">${items.join("")}</ul>`;
}

function folded(title: string, lines: readonly string[]): string {
  if (lines.length === 0) return "";
  return `<details><summary>${title}</summary><ul>${lines.map((line) => `<li>${line}</li>`).join("")}</ul></details>`;
}

function driftSection({ first, steps }: KeptDrift): string {
  const lines = first.map(
    ({ kind, collection, index }) => `${text(kind)} <code>${text(`${collection}.${index}`)}</code>`,
  );
  const more = steps > first.length ? [`and ${steps - first.length} more`] : [];
  const title = steps === 1 ? "1 step" : `${steps} steps`;
  return `<section><h2>What would bring the indexes in line</h2>${folded(title, [...lines, ...more])}<p class="dim">Do it with <code>org-db apply</code>.</p></section>`;
}

function tone(points: number): string {
  return points >= 90 ? "good" : points >= 70 ? "fair" : "poor";
}

function time(at: Date): string {
  const iso = at.toISOString();
  return `<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC</time>`;
}

function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`;
}

function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const unit = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, value)) / 10));
  return `${unit === 0 ? value : (value / 1_024 ** unit).toFixed(1)} ${units[unit]}`;
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}

// Names and errors come from the server: none of it may be markup.
function text(value: string): string {
  return value.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
