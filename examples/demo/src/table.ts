import type { DemoResult } from "./demo.js";

/** The result as text for a terminal: the table of queries, then what the whole came to. */
export function renderText(result: DemoResult): string {
  return [queryTable(result), "", ...summaryLines(result)].join("\n");
}

function queryTable({ queries }: DemoResult): string {
  const head = ["query", "before", "after", "ratio", "examined/returned", "index used"];
  const rows = queries.map(({ name, before, after, speedup }) => [
    name,
    milliseconds(before.p50),
    milliseconds(after.p50),
    `${speedup.toFixed(speedup < 10 ? 1 : 0)}×`,
    `${ratio(before.examinedPerReturned)} → ${ratio(after.examinedPerReturned)}`,
    after.index,
  ]);
  const numeric = new Set([1, 2, 3]);
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) =>
        numeric.has(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd();
  return [line(head), line(widths.map((width) => "─".repeat(width))), ...rows.map(line)].join("\n");
}

function summaryLines(result: DemoResult): string[] {
  const { indexHitRatio, latencyReduction, cleanup, health, setup, engine, options } = result;
  const deleted = cleanup.rules.reduce((sum, rule) => sum + rule.deleted, 0);
  const before = totalBytes(cleanup, "before");
  const after = totalBytes(cleanup, "after");
  const probe = cleanup.latency;
  return [
    `latency       ${percent(latencyReduction.total)} lower over all queries, ${percent(latencyReduction.median)} at the median query`,
    `index hits    ${percent(indexHitRatio.before)} → ${percent(indexHitRatio.after)} of the named queries`,
    `setup         ${setup.indexes} indexes in ${(setup.elapsedMs / 1_000).toFixed(1)} s; a second run changed ${setup.secondRunChanged ? "SOMETHING" : "nothing"}`,
    `cleanup       ${deleted.toLocaleString("en")} documents; data and indexes ${megabytes(before)} → ${megabytes(after)}`,
    probe
      ? `              latency of the hot queries: ${milliseconds(probe.before.p50)} before, ${milliseconds(probe.during.p50)} during, ${milliseconds(probe.after.p50)} after (median)`
      : "",
    `health        ${health.before.score} → ${health.after.score} of 100`,
    ...migrationLines(result),
    `measured on   ${engine}; ${options.users.toLocaleString("en")} users, ${options.sessions.toLocaleString("en")} sessions, seed ${options.seed}`,
  ].filter(Boolean);
}

function migrationLines({ migration }: DemoResult): string[] {
  const { users, sessions, sessionsOfUser, operations, elapsedMs, verification, traffic, bytes } = migration;
  const operationLines = operations.map(
    ({ operation, embedded, embeddedIndexed, migrated }) =>
      `              ${operation.padEnd(9)} ${milliseconds(embedded)} embedded, ${milliseconds(embeddedIndexed)} with an index on the token, ${milliseconds(migrated)} migrated: ${(embedded / migrated).toFixed(1)}× and ${(embeddedIndexed / migrated).toFixed(1)}×`,
  );
  return [
    `migration     ${sessions.toLocaleString("en")} embedded sessions of ${users.toLocaleString("en")} users in ${(elapsedMs / 1_000).toFixed(1)} s under live traffic: ${verification.expected.toLocaleString("en")} documents compared, ${verification.mismatched} amiss; ${traffic.calls} calls meanwhile, ${traffic.failed} with a wrong answer`,
    `              of a user with ${sessionsOfUser} sessions (99th percentile), medians:`,
    ...operationLines,
    `              data and indexes ${megabytes(bytes.before)} embedded → ${megabytes(bytes.after)} migrated, contracted and cleaned up`,
  ];
}

/** Data and index bytes of all collections, as the server accounts for them. */
export function totalBytes(cleanup: DemoResult["cleanup"], when: "before" | "after"): number {
  return cleanup.collections.reduce((sum, one) => sum + one[when].dataBytes + one[when].indexBytes, 0);
}

export function milliseconds(value: number | null): string {
  return value === null ? "–" : `${value.toFixed(value < 10 ? 2 : 0)} ms`;
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MB`;
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function ratio(value: number): string {
  return value >= 10 ? Math.round(value).toLocaleString("en") : Number(value.toFixed(1)).toString();
}
