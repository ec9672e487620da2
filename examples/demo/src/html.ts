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
  usualNote,
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
${section("Latency of every named query", latencyNote(result), latencyChart(result.queries))}
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
  --before: #d1603d; --usual: #c9a227; --after: #1f7a8c; --good: #2e8b57; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf2; --soft: #9aa5b8; --line: #2c3546; --card: #171e2b; --page: #0f141d;
  --before: #e58a6a; --usual: #d9b84a; --after: #4fb3c6; --good: #58b889; } }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1040px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 28px; margin: 0 0 4px; } h2 { font-size: 19px; margin: 40px 0 2px; }
header p, .note { color: var(--soft); margin: 0 0 16px; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(280px, 1fr)); gap: 12px; margin-top: 20px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px; }
.card b { display: block; font-size: 26px; line-height: 1.2; } .card span { color: var(--soft); font-size: 13px; }
.row { display: grid; grid-template-columns: 210px 1fr 150px; gap: 2px 10px; align-items: center; margin: 4px 0; font-size: 13px; }
.row > :first-child { text-align: right; } .row > :last-child { color: var(--soft); }
.bars { background: repeating-linear-gradient(to right, var(--line) 0 1px, transparent 1px calc(100% / var(--steps, 1))); }
.bars i { display: block; height: 7px; margin: 1px 0; min-width: 2px; border-radius: 2px; }
.ticks { display: flex; justify-content: space-between; color: var(--soft); }
.key { display: inline-block; width: 11px; height: 11px; border-radius: 2px; margin-left: 12px; }
.before { background: var(--before); } .usual { background: var(--usual); } .after { background: var(--after); }
.good { background: var(--good); }
@media (max-width: 640px) { .row { grid-template-columns: 1fr auto; } .row > :first-child { text-align: left; }
  .row > :nth-child(2) { grid-row: 2; grid-column: 1 / -1; } }
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
    [
      percent(latencyReduction.overBefore.total),
      "lower latency over all named queries than with only _id indexes",
    ],
    [percent(latencyReduction.overUsual.total), "lower than with the indexes that applications usually have"],
    [
      [indexHitRatio.before, indexHitRatio.usual, indexHitRatio.after]
        .map((share) => percent(share))
        .join(" → "),
      "of the named queries served by an index: only _id, usual, ours",
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

/** A bar of a chart: what it stands for, and its length, 0 to 1. */
type Bar = readonly [kind: "before" | "usual" | "after" | "good", share: number, title: string];

/** Text and boxes, not a picture: on a narrow screen the text stays as large, and the bars go below it. */
function chart(label: string, rows: readonly string[]): string {
  return `<div role="group" aria-label="${label}">${rows.join("")}</div>`;
}

function chartRow(label: string, bars: readonly Bar[], note: string, steps = 1): string {
  const drawn = bars.map(
    ([kind, share, title]) =>
      `<i class="${kind}" style="width:${(share * 100).toFixed(1)}%" title="${title}"></i>`,
  );
  return `<div class="row"><span>${label}</span><div class="bars" style="--steps:${steps}">${drawn.join("")}</div><span>${note}</span></div>`;
}

const states = [
  ["before", "only _id indexes"],
  ["usual", "the usual indexes"],
  ["after", "ours"],
] as const;

function latencyNote(result: DemoResult): string {
  return `Median as the application sees it, on a logarithmic scale. The usual indexes: ${usualNote(result)}.`;
}

function latencyChart(queries: readonly QueryComparison[]): string {
  const sorted = [...queries].sort((a, b) => b.speedup.overBefore - a.speedup.overBefore);
  const values = sorted.flatMap((query) => states.map(([state]) => query[state].p50));
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(Math.ceil(Math.log10(Math.max(...values))), low + 1);
  const share = (value: number) => (Math.log10(value) - low) / (high - low);
  const rows = sorted.map((query) => {
    const bars = states.map(([state, meaning]): Bar => {
      const { p50 } = query[state];
      return [state, share(p50), `${query.name}, ${meaning}: ${milliseconds(p50)}`];
    });
    const { overBefore, overUsual } = query.speedup;
    return chartRow(query.name, bars, `${times(overBefore)}, over usual ${times(overUsual)}`, high - low);
  });
  const ticks = Array.from({ length: high - low + 1 }, (_, step) => `<span>${10 ** (low + step)} ms</span>`);
  const axis = `<div class="row"><span></span><div class="ticks">${ticks.join("")}</div><span></span></div>`;
  const keys = states.map(([state, meaning]) => `<span class="key ${state}"></span> ${meaning}`);
  return `<p class="note">${keys.join("")}</p>${chart("Latency with each set of indexes", [axis, ...rows])}`;
}

function bytesChart({ cleanup }: DemoResult): string {
  if (totalBytes(cleanup, "before") === 0) return `<p class="note">${untold}</p>`;
  const sizes = cleanup.collections.map(({ collection, before, after }) => ({
    collection,
    before: before.dataBytes + before.indexBytes,
    after: after.dataBytes + after.indexBytes,
  }));
  const largest = Math.max(...sizes.map(({ before }) => before), 1);
  const rows = sizes.map(({ collection, before, after }) => {
    const bars: Bar[] = [
      ["before", before / largest, `${collection} before: ${megabytes(before)}`],
      ["after", after / largest, `${collection} after: ${megabytes(after)}`],
    ];
    return chartRow(collection, bars, `${megabytes(before)} → ${megabytes(after)}`);
  });
  return chart("Bytes before and after cleanup", rows);
}

function healthChart({ health }: DemoResult): string {
  const rows = health.after.parts.map(({ part, weight, points }) =>
    chartRow(
      `${part} (weight ${weight})`,
      [["good", (points ?? 0) / 100, `${part}: ${points ?? "unknown"}`]],
      String(points ?? "unknown"),
    ),
  );
  return chart("Health by part", rows);
}

function figuresTable(queries: readonly QueryComparison[]): string {
  const rows = queries.map(({ name, collection, before, usual, after, speedup, usualGives }) => {
    const numbers = [
      ...[before, usual, after].map(({ p50 }) => milliseconds(p50)),
      times(speedup.overBefore),
      times(speedup.overUsual),
      ...[before, usual, after].map(({ examinedPerReturned }) => ratio(examinedPerReturned)),
    ];
    const cells = numbers.map((cell) => `<td class="number">${cell}</td>`).join("");
    return `<tr><td>${name}</td><td>${collection}</td><td>${usualGives}</td>${cells}<td><code>${escapeHtml(after.index)}</code></td></tr>`;
  });
  const titles = [
    ...["Only _id", "Usual", "Ours", "Times faster than only _id", "than usual"],
    ...["Examined/returned only _id", "usual", "ours"],
  ];
  const head = titles.map((title) => `<th class="number">${title}</th>`).join("");
  return `<div class="scroll"><table><thead><tr><th>Query</th><th>Collection</th><th>Usual gives</th>${head}<th>Index of ours</th></tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
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
