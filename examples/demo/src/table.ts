import type { DemoResult, Removed } from "./demo.js";
import type { MigrationResult } from "./migration.js";
import { type OperationTimes, operations } from "./session-services.js";
import type { UsualGives } from "./usual-indexes.js";

/** The result as text for a terminal: the table of queries, then what the whole came to. */
export function renderText(result: DemoResult): string {
  return [queryTable(result), "", ...summaryLines(result)].join("\n");
}

/** What the columns of {@link queryTable} compare. */
const queryHead = [
  "query",
  "only _id",
  "usual",
  "ours",
  "× only _id",
  "× usual",
  "usual gives",
  "examined/returned",
  "index of ours",
];

function queryTable({ queries }: DemoResult): string {
  const rows = queries.map(({ name, before, usual, after, speedup, usualGives }) => [
    name,
    ...[before, usual, after].map(({ p50 }) => milliseconds(p50)),
    times(speedup.overBefore),
    times(speedup.overUsual),
    usualGives,
    [before, usual, after].map(({ examinedPerReturned }) => ratio(examinedPerReturned)).join(" → "),
    after.index,
  ]);
  return aligned(queryHead, rows, new Set([1, 2, 3, 4, 5])).join("\n");
}

/** How many queries the usual indexes give all, a part and nothing of what ours give. */
export function usualNote({ queries, usualIndexes }: DemoResult): string {
  const count = (gives: UsualGives) => queries.filter(({ usualGives }) => usualGives === gives).length;
  return `${usualIndexes} indexes on addresses, tokens and users give ${count("all")} of ${queries.length} queries as much as ours, ${count("part")} a part of it, and ${count("nothing")} nothing: those scan`;
}

function aligned(head: string[], rows: string[][], numeric: ReadonlySet<number>): string[] {
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
  return [line(head), line(widths.map((width) => "─".repeat(width))), ...rows.map(line)];
}

function summaryLines(result: DemoResult): string[] {
  const { indexHitRatio, latencyReduction, cleanup, removed, health, setup, engine, options } = result;
  const { overBefore, overUsual } = latencyReduction;
  const before = totalBytes(cleanup, "before");
  const after = totalBytes(cleanup, "after");
  const probe = cleanup.latency;
  return [
    `latency       ${percent(overBefore.total)} lower over all queries than with only _id, ${percent(overBefore.median)} at the median query`,
    `              ${percent(overUsual.total)} lower than with the usual indexes, ${percent(overUsual.median)} at the median query`,
    `index hits    ${percent(indexHitRatio.before)} with only _id, ${percent(indexHitRatio.usual)} with the usual indexes, ${percent(indexHitRatio.after)} with ours`,
    `usual         ${usualNote(result)}`,
    `setup         ${setup.indexes} indexes in ${(setup.elapsedMs / 1_000).toFixed(1)} s; a second run changed ${setup.secondRunChanged ? "SOMETHING" : "nothing"}`,
    `cleanup       ${removedText(removed)}; data and indexes ${before > 0 ? `${megabytes(before)} → ${megabytes(after)}` : untold}`,
    probe
      ? `              latency of the hot queries: ${milliseconds(probe.before.p50)} before, ${milliseconds(probe.during.p50)} during, ${milliseconds(probe.after.p50)} after (median)`
      : "",
    `health        ${health.before.score} → ${health.after.score} of 100`,
    ...migrationLines(result),
    `measured on   ${engine}; ${whole(options.users)} users, ${whole(options.sessions)} sessions, seed ${options.seed}`,
  ].filter(Boolean);
}

/** Documents removed by the cleanup and by the TTL monitor. */
function removedText({ byCleanup, byTtlMonitor }: Removed): string {
  const others = byTtlMonitor > 0 ? `, and ${whole(byTtlMonitor)} that the TTL monitor was quicker with` : "";
  return `${whole(byCleanup)} documents${others}`;
}

const indent = " ".repeat(14);
/** Of SecantusDB's Python server, whose collStats has no sizes. */
export const untold = "not measured, for this server does not tell sizes";

function migrationLines({ migration }: DemoResult): string[] {
  const { users, sessions, elapsedMs, verification, traffic } = migration;
  const table = aligned(operationHead, operationRows(migration), new Set([1, 2, 3, 4, 5, 6]));
  return [
    `migration     ${whole(sessions)} embedded sessions of ${whole(users)} users in ${(elapsedMs / 1_000).toFixed(1)} s under live traffic`,
    `${indent}${whole(verification.expected)} documents compared, ${verification.mismatched} mismatches; ${whole(traffic.calls)} calls meanwhile, ${traffic.failed} with a wrong answer`,
    `${indent}${operationNote(migration)}`,
    ...table.map((line) => indent + line),
    `${indent}${openNote}`,
    ...bytesNotes(migration).map((line) => indent + line),
  ];
}

/** Titles of {@link operationRows}. */
export const operationHead = [
  "operation",
  "embedded",
  "embedded, token indexed",
  "both written",
  "migrated",
  "× embedded",
  "× indexed",
];

/** A row for each session operation, and one for their sum. */
export function operationRows({ times: measured }: MigrationResult): string[][] {
  const { embedded, embeddedIndexed, bothWritten, migrated } = measured;
  const row = (name: string, of: (one: OperationTimes) => number) => [
    name,
    ...[embedded, embeddedIndexed, bothWritten, migrated].map((one) => milliseconds(of(one))),
    times(of(embedded) / of(migrated)),
    times(of(embeddedIndexed) / of(migrated)),
  ];
  const sum = (one: OperationTimes) => operations.reduce((total, name) => total + one[name], 0);
  return [...operations.map((name) => row(name, (one) => one[name])), row("one of each", sum)];
}

export function operationNote({ sessionsOfUser }: MigrationResult): string {
  return `session operations of a user with ${sessionsOfUser} sessions (99th percentile), from cookie or address to answer, medians:`;
}

/** Why the aim of a fivefold speed is not one that opening a session can reach. */
export const openNote =
  "open is the exception: it recognises the device and keeps the cap under parallel sign-ins, which the old application does not, in four or more round trips one after another instead of two";

/** Bytes of the sessions, and the share of expired ones that would save 30 %. */
export function bytesNotes({ sessions, bytes }: MigrationResult): string[] {
  const { embedded, tokenIndex, kept, data, indexes } = bytes;
  if (embedded <= 0 || data <= 0) return [`the bytes of sessions: ${untold}`];
  const each = { before: embedded / sessions, after: (data + indexes) / kept };
  const gone = 1 - kept / sessions;
  const needed = 1 - (0.7 * each.before) / each.after;
  return [
    `sessions take ${megabytes(embedded)} embedded (${megabytes(embedded + tokenIndex)} with the token indexed) → ${megabytes(data + indexes)} migrated and cleaned up: ${megabytes(data)} data, ${megabytes(indexes)} indexes`,
    `a session took ${Math.round(each.before)} bytes and takes ${Math.round(each.after)}, with its hashes, device, risk, use and indexes: 30 % fewer bytes in all if at least ${percent(needed)} have expired; here ${percent(gone)} had`,
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

export function whole(count: number): string {
  return count.toLocaleString("en");
}

/** How many times faster. */
export function times(speedup: number): string {
  return `${speedup.toFixed(speedup < 10 ? 1 : 0)}×`;
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

export function ratio(value: number): string {
  return value >= 10 ? Math.round(value).toLocaleString("en") : Number(value.toFixed(1)).toString();
}
