import type { HealthReport, ScorePart } from "@org/db-optimizer";
import { figureText } from "@org/db-optimizer/health";
import { findingsText } from "../output/findings.js";
import { bytes, count, duration, plural } from "../output/format.js";
import type { Paint } from "../output/style.js";
import { table } from "../output/table.js";

/** A report for the terminal. */
export function healthText(report: HealthReport, paint: Paint): string {
  const { parts, findings } = report;
  return [
    `${scoreText(report, paint)}\n`,
    table(
      [
        { title: "part" },
        { title: "points", align: "right" },
        { title: "weight", align: "right" },
        { title: "findings", align: "right" },
      ],
      parts.map((part) => [part.part, pointsText(part), `${part.weight} %`, String(part.findings)]),
    ),
    "\n",
    factsText(report),
    tableText(collectionRows(report)),
    tableText(weekRows(report)),
    findingsText(findings, paint),
  ].join("");
}

/** A report for a screen that may show 24 lines: the findings come before the tables, and the parts stand in a line. */
export function healthScreen(report: HealthReport, paint: Paint): string {
  const { parts, findings } = report;
  return [
    scoreText(report, paint),
    `${parts.map((part) => `${part.part} ${pointsText(part)}`).join(", ")}\n\n`,
    findingsText(findings, paint, 1),
    "\n",
    factsText(report),
    tableText(collectionRows(report)),
    tableText(weekRows(report)),
  ].join("");
}

function scoreText({ score, facts }: HealthReport, paint: Paint): string {
  const colour = score >= 90 ? "green" : score >= 70 ? "yellow" : "red";
  return `${paint("bold", "Health")} of ${facts.database}: ${paint(colour, `${score} of 100`)}\n`;
}

/** The points of a part; why there are none. */
export function pointsText({ points, state }: ScorePart): string {
  if (points !== null) return String(points);
  return state === "unknown" ? "unknown" : "none to judge";
}

/** Facts as names and texts. Unknown ones are findings, and left out here. */
export function factLines({ facts, projections }: HealthReport): [name: string, text: string][] {
  const { topology, connection, indexes, slow, replication, security } = facts;
  const lines: ([string, string] | false)[] = [
    topology.known && ["server", `${topology.value.version}, ${topology.value.kind.replace("_", " ")}`],
    replication.known &&
      replication.value.members.length > 0 && ["members", membersText(replication.value.members)],
    connection.known && [
      "latency",
      `p50 ${duration(connection.value.pingP50Ms)}, p95 ${duration(connection.value.pingP95Ms)}`,
    ],
    security.user.known && [
      "login",
      `${security.user.value.name ?? "nobody"}, ${security.transport.tls ? "TLS" : "no TLS"}`,
    ],
    indexes.known && [
      "indexes",
      `${indexes.value.drift.missing.length} missing, ${indexes.value.drift.changed.length} changed, ${indexes.value.shardKeysUnread === undefined ? indexes.value.redundant.length : "unknown which"} redundant`,
    ],
    slow.known && [
      "slow",
      slow.profiling || slow.shapes.length > 0
        ? plural(slow.shapes.length, "shape")
        : "unknown: the profiler is off",
    ],
    ...projections.map(({ subject, measure, days }): [string, string] => [
      "limit",
      `${subject} ${measure === "documents" ? "documents" : "bytes"}: ${days === null ? "not foreseen" : days === 0 ? "reached" : `in ${plural(Math.ceil(days), "day")}`}`,
    ]),
  ];
  return lines.filter((line) => line !== false);
}

function membersText(members: readonly { name: string; state: string; lagMs?: number }[]): string {
  return members
    .map(
      ({ name, state, lagMs }) =>
        `${name} ${state.toLowerCase()}${lagMs ? ` (${duration(lagMs)} behind)` : ""}`,
    )
    .join(", ");
}

function factsText(report: HealthReport): string {
  return `${factLines(report)
    .map(([name, text]) => `${name.padEnd(12)} ${text}`)
    .join("\n")}\n\n`;
}

/** Sizes and growth of the collections: titles, then a row for each. */
export function collectionRows({ facts }: HealthReport): { titles: string[]; rows: string[][] } {
  const growth = new Map(
    (facts.deep.growth.known ? facts.deep.growth.value : []).map(({ collection, perDay }) => [
      collection,
      perDay,
    ]),
  );
  const perDay = (collection: string) => {
    const value = growth.get(collection);
    return value === undefined || value === null ? "-" : count(value);
  };
  return {
    titles: ["collection", "documents", "new per day", "data", "storage", "indexes"],
    rows: (facts.collections.known ? facts.collections.value : []).map(
      ({ collection, documents, dataBytes, storageBytes, indexBytes }) => [
        collection,
        count(documents),
        perDay(collection),
        bytes(dataBytes),
        bytes(storageBytes),
        bytes(indexBytes),
      ],
    ),
  };
}

/** Figures of the server now and at this hour a week ago: titles, then a row for each. */
export function weekRows({ comparisons }: HealthReport): { titles: string[]; rows: string[][] } {
  const ofServer = comparisons.filter(({ collection }) => collection === undefined);
  return {
    titles: ["this hour", "now", "a week ago"],
    rows: ofServer.map(({ label, unit, now, weekAgo }) => [
      label,
      figureText(now, unit),
      figureText(weekAgo, unit),
    ]),
  };
}

function tableText({ titles, rows }: { titles: readonly string[]; rows: readonly string[][] }): string {
  if (rows.length === 0) return "";
  const columns = titles.map((title, at) => ({ title, ...(at > 0 && { align: "right" as const }) }));
  return `${table(columns, rows)}\n`;
}
