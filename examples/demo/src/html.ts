import type { DemoResult, QueryComparison } from "./demo.js";
import {
  bytesNotes,
  megabytes,
  milliseconds,
  openNote,
  operationHead,
  operationNote,
  operationRows,
  percent,
  ratio,
  times,
  totalBytes,
  untold,
  whole,
} from "./table.js";

/** The result as one HTML page that needs nothing else. */
export function renderHtml(result: DemoResult, madeAt: Date): string {
  const { options, engine } = result;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Identity database: before and after setup</title>
<style>${styles}</style>
<main>
<header>
  <h1>Identity database, before and after setup</h1>
  <p>${whole(options.users)} users, ${whole(options.sessions)} sessions, seed ${options.seed} ·
  ${escapeHtml(engine)} · ${madeAt.toISOString().slice(0, 16).replace("T", " ")} UTC</p>
</header>
${cards(result)}
${section("Latency of every named query", "Median as the application sees it, on a logarithmic scale.", latencyChart(result.queries))}
${section("What cleanup freed", "Data and index bytes by collection, as the server accounts for them.", bytesChart(result))}
${section("Embedded sessions, migrated", migrationNote(result), migrationTable(result))}
${section("Health", "The parts of the score and their weights.", healthChart(result))}
${section("Figures", "", figuresTable(result.queries))}
${findings(result)}
</main>
</html>
`;
}

function migrationNote({ migration }: DemoResult): string {
  const { users, sessions, elapsedMs, verification, traffic } = migration;
  return `${whole(sessions)} sessions of ${whole(users)} users in ${(elapsedMs / 1_000).toFixed(1)} s under live traffic: ${whole(verification.expected)} documents compared, ${verification.mismatched} mismatches; ${whole(traffic.calls)} calls meanwhile, ${traffic.failed} with a wrong answer. Below: ${operationNote(migration)}`;
}

function migrationTable({ migration }: DemoResult): string {
  const cells = (tag: string, row: readonly string[]) =>
    row.map((cell, column) => `<${tag}${column > 0 ? ' class="number"' : ""}>${cell}</${tag}>`).join("");
  const rows = operationRows(migration).map((row) => `<tr>${cells("td", row)}</tr>`);
  const notes = [openNote, ...bytesNotes(migration)].map((note) => `<li>${note}</li>`);
  return `<div class="scroll"><table><thead><tr>${cells("th", operationHead)}</tr></thead><tbody>${rows.join("")}</tbody></table></div><ul class="note">${notes.join("")}</ul>`;
}

const styles = `
:root { color-scheme: light dark; --ink: #1a2233; --soft: #5b6577; --line: #d9dee7; --card: #f5f7fa; --page: #fff;
  --before: #d1603d; --after: #1f7a8c; --good: #2e8b57; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf2; --soft: #9aa5b8; --line: #2c3546; --card: #171e2b; --page: #0f141d;
  --before: #e58a6a; --after: #4fb3c6; --good: #58b889; } }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1040px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 28px; margin: 0 0 4px; } h2 { font-size: 19px; margin: 40px 0 2px; }
header p, .note { color: var(--soft); margin: 0 0 16px; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(280px, 1fr)); gap: 12px; margin-top: 20px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px; }
.card b { display: block; font-size: 26px; line-height: 1.2; } .card span { color: var(--soft); font-size: 13px; }
svg { width: 100%; height: auto; display: block; } svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
svg .soft { fill: var(--soft); } .grid { stroke: var(--line); } .before { fill: var(--before); } .after { fill: var(--after); }
.good { fill: var(--good); } .track { fill: var(--line); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: 13px; }
th, td { text-align: left; padding: 5px 10px; border-bottom: 1px solid var(--line); white-space: nowrap; }
.wrap td { white-space: normal; } td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
code { font-size: 12px; }`;

function section(title: string, note: string, body: string): string {
  return `<section><h2>${title}</h2>${note ? `<p class="note">${note}</p>` : ""}${body}</section>`;
}

function cards({
  latencyReduction,
  indexHitRatio,
  cleanup,
  removed,
  health,
  setup,
  load,
}: DemoResult): string {
  const before = totalBytes(cleanup, "before");
  const freed = before > 0 ? `, ${percent(1 - totalBytes(cleanup, "after") / before)} of the bytes` : "";
  const facts: ReadonlyArray<readonly [figure: string, meaning: string]> = [
    [percent(latencyReduction.total), "lower latency over all named queries"],
    [
      `${percent(indexHitRatio.before)} → ${percent(indexHitRatio.after)}`,
      "of the named queries served by an index",
    ],
    [
      `${setup.indexes} in ${(setup.elapsedMs / 1_000).toFixed(1)} s`,
      "indexes built; a second run changed nothing",
    ],
    [whole(removed.byCleanup), `documents cleaned up${freed}`],
    [`${health.before.score} → ${health.after.score}`, "health, of 100"],
    [whole(load.written), `documents loaded, ${whole(Math.round(load.rate))} a second`],
  ];
  return `<div class="cards">${facts.map(([figure, meaning]) => `<div class="card"><b>${figure}</b><span>${meaning}</span></div>`).join("")}</div>`;
}

const chart = { width: 1_000, label: 210, row: 26 } as const;

function latencyChart(queries: readonly QueryComparison[]): string {
  const sorted = [...queries].sort((a, b) => b.speedup - a.speedup);
  const values = sorted.flatMap(({ before, after }) => [before.p50, after.p50]);
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.ceil(Math.log10(Math.max(...values)));
  const scale = (value: number) =>
    chart.label + ((Math.log10(value) - low) / Math.max(high - low, 1)) * (chart.width - chart.label - 70);
  const height = sorted.length * chart.row + 40;
  const ticks = Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index));
  const grid = ticks.map(
    (tick) =>
      `<line class="grid" x1="${scale(tick)}" x2="${scale(tick)}" y1="20" y2="${height - 14}"/><text class="soft" x="${scale(tick)}" y="12" text-anchor="middle">${tick} ms</text>`,
  );
  const rows = sorted.map((query, index) => latencyRow(query, 24 + index * chart.row, scale));
  return `${legend()}<svg viewBox="0 0 ${chart.width} ${height}" role="img" aria-label="Latency before and after">${grid.join("")}${rows.join("")}</svg>`;
}

function latencyRow(
  { name, before, after, speedup }: QueryComparison,
  y: number,
  scale: (value: number) => number,
): string {
  const bar = (kind: string, value: number, top: number) =>
    `<rect class="${kind}" x="${chart.label}" y="${top}" width="${Math.max(scale(value) - chart.label, 2)}" height="9" rx="2"><title>${name} ${kind}: ${milliseconds(value)}</title></rect>`;
  return `<text x="${chart.label - 8}" y="${y + 13}" text-anchor="end">${name}</text>${bar("before", before.p50, y)}${bar("after", after.p50, y + 10)}<text class="soft" x="${scale(Math.max(before.p50, after.p50)) + 6}" y="${y + 13}">${times(speedup)}</text>`;
}

function legend(): string {
  return `<p class="note"><svg viewBox="0 0 12 12" style="display:inline;width:12px"><rect class="before" width="12" height="12" rx="2"/></svg> only _id indexes
  &nbsp; <svg viewBox="0 0 12 12" style="display:inline;width:12px"><rect class="after" width="12" height="12" rx="2"/></svg> after setup</p>`;
}

function bytesChart({ cleanup }: DemoResult): string {
  if (totalBytes(cleanup, "before") === 0) return `<p class="note">${untold}</p>`;
  const sizes = cleanup.collections.map(({ collection, before, after }) => ({
    collection,
    before: before.dataBytes + before.indexBytes,
    after: after.dataBytes + after.indexBytes,
  }));
  const largest = Math.max(...sizes.map(({ before }) => before), 1);
  const scale = (value: number) => (value / largest) * (chart.width - chart.label - 190);
  const rows = sizes.map(({ collection, before, after }, index) => {
    const y = 4 + index * chart.row;
    return `<text x="${chart.label - 8}" y="${y + 13}" text-anchor="end">${collection}</text>
<rect class="before" x="${chart.label}" y="${y}" width="${Math.max(scale(before), 1)}" height="9" rx="2"/>
<rect class="after" x="${chart.label}" y="${y + 10}" width="${Math.max(scale(after), 1)}" height="9" rx="2"/>
<text class="soft" x="${chart.label + scale(before) + 6}" y="${y + 13}">${megabytes(before)} → ${megabytes(after)}</text>`;
  });
  return `<svg viewBox="0 0 ${chart.width} ${sizes.length * chart.row + 8}" role="img" aria-label="Bytes before and after cleanup">${rows.join("")}</svg>`;
}

function healthChart({ health }: DemoResult): string {
  const width = chart.width - chart.label - 120;
  const rows = health.after.parts.map(({ part, weight, points }, index) => {
    const y = 4 + index * chart.row;
    return `<text x="${chart.label - 8}" y="${y + 13}" text-anchor="end">${part} (weight ${weight})</text>
<rect class="track" x="${chart.label}" y="${y + 3}" width="${width}" height="13" rx="3"/>
<rect class="good" x="${chart.label}" y="${y + 3}" width="${((points ?? 0) / 100) * width}" height="13" rx="3"/>
<text class="soft" x="${chart.label + width + 8}" y="${y + 14}">${points ?? "unknown"}</text>`;
  });
  return `<svg viewBox="0 0 ${chart.width} ${rows.length * chart.row + 8}" role="img" aria-label="Health by part">${rows.join("")}</svg>`;
}

function figuresTable(queries: readonly QueryComparison[]): string {
  const rows = queries.map(
    ({ name, collection, before, after, speedup }) =>
      `<tr><td>${name}</td><td>${collection}</td><td class="number">${milliseconds(before.p50)}</td><td class="number">${milliseconds(after.p50)}</td><td class="number">${times(speedup)}</td><td class="number">${ratio(before.examinedPerReturned)}</td><td class="number">${ratio(after.examinedPerReturned)}</td><td><code>${escapeHtml(after.index)}</code></td></tr>`,
  );
  return `<div class="scroll"><table><thead><tr><th>Query</th><th>Collection</th><th class="number">Before</th><th class="number">After</th><th class="number">Faster</th><th class="number">Examined/returned before</th><th class="number">after</th><th>Index</th></tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
}

function findings({ health }: DemoResult): string {
  if (health.after.findings.length === 0) return section("Findings left", "", "<p>None.</p>");
  const rows = health.after.findings.map(
    ({ severity, message, evidence, command }) =>
      `<tr><td>${severity}</td><td>${escapeHtml(message)}</td><td>${escapeHtml(evidence)}</td><td><code>${escapeHtml(command ?? "")}</code></td></tr>`,
  );
  return section(
    "Findings left",
    "",
    `<div class="scroll"><table class="wrap"><tbody>${rows.join("")}</tbody></table></div>`,
  );
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
