import { DatabaseOptimizer, type HealthFinding, type HealthReport } from "@org/db-optimizer";

import type { Command } from "../command.js";
import { type ExitCode, exitCodes } from "../errors.js";
import { bytes, count, duration, plural } from "../output/format.js";
import type { Paint } from "../output/style.js";
import { table } from "../output/table.js";

/** `org-db health`: how the database does, what is wrong with it, and what mends it. Writes nothing. */
export const health: Command = async ({ connection, models, config, paint, progress, now }) => {
  progress.update("looking at the database ...");
  const optimizer = new DatabaseOptimizer(connection, { models });
  const report = await optimizer.health({ now: now(), thresholds: config.thresholds });
  return { exitCode: exitCodeOf(report), data: report, text: healthText(report, paint) };
};

function exitCodeOf({ facts, parts }: HealthReport): ExitCode {
  if (facts.indexes.known && !facts.indexes.value.drift.inSync) return exitCodes.drift;
  return parts.some(({ points }) => points === null) ? exitCodes.undecidable : exitCodes.ok;
}

function healthText(report: HealthReport, paint: Paint): string {
  const { score, parts, findings } = report;
  const colour = score >= 90 ? "green" : score >= 70 ? "yellow" : "red";
  return [
    `${paint("bold", "Health")} of ${report.facts.database}: ${paint(colour, `${score} of 100`)}\n\n`,
    table(
      [
        { title: "part" },
        { title: "points", align: "right" },
        { title: "weight", align: "right" },
        { title: "findings", align: "right" },
      ],
      parts.map(({ part, points, weight, findings: number }) => [
        part,
        points === null ? "unknown" : String(points),
        `${weight} %`,
        String(number),
      ]),
    ),
    "\n",
    factsText(report),
    collectionsText(report),
    findings.length === 0 ? `${paint("green", "Nothing to recommend.")}\n` : findingsText(findings, paint),
  ].join("");
}

function factsText({ facts }: HealthReport): string {
  const { topology, connection, indexes, slow } = facts;
  const lines = [
    topology.known && `server       ${topology.value.version}, ${topology.value.kind.replace("_", " ")}`,
    connection.known &&
      `latency      p50 ${duration(connection.value.pingP50Ms)}, p95 ${duration(connection.value.pingP95Ms)}`,
    indexes.known &&
      `indexes      ${indexes.value.drift.missing.length} missing, ${indexes.value.drift.changed.length} changed, ` +
        `${indexes.value.redundant.length} redundant`,
    slow.known &&
      `slow         ${slow.profiling || slow.shapes.length > 0 ? plural(slow.shapes.length, "shape") : "unknown: the profiler is off"}`,
  ];
  return `${lines.filter(Boolean).join("\n")}\n\n`;
}

function collectionsText({ facts }: HealthReport): string {
  if (!facts.collections.known) return "";
  const rows = facts.collections.value.map(
    ({ collection, documents, dataBytes, storageBytes, indexBytes }) => [
      collection,
      count(documents),
      bytes(dataBytes),
      bytes(storageBytes),
      bytes(indexBytes),
    ],
  );
  const figures = ["documents", "data", "storage", "indexes"].map((title) => ({
    title,
    align: "right" as const,
  }));
  return `${table([{ title: "collection" }, ...figures], rows)}\n`;
}

const colours = { info: "dim", warning: "yellow", critical: "red" } as const;

function findingsText(findings: readonly HealthFinding[], paint: Paint): string {
  return findings
    .map(({ severity, code, message, evidence, command }) =>
      [
        `${paint(colours[severity], severity.padEnd(8))} ${message} ${paint("dim", code)}`,
        `         ${evidence}`,
        ...(command ? [`         ${paint("cyan", command)}`] : []),
        "",
      ].join("\n"),
    )
    .join("");
}
