import type { HealthReport, Severity } from "@org/db-optimizer";

import { printable } from "../output/printable.js";

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number];

/**
 * A report in the text format of Prometheus, for a textfile collector or an endpoint of your own.
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function healthPrometheus(report: HealthReport): string {
  const { database } = report.facts;
  const gauge = (name: string, help: string, samples: readonly Sample[]): string => {
    if (samples.length === 0) return "";
    const lines = samples.map(
      ([labels, value]) => `${name}${labelText({ database, ...labels })} ${numberText(value)}`,
    );
    return [`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, ...lines, ""].join("\n");
  };
  return [
    ...scoreMetrics(report),
    ...collectionMetrics(report),
    ...serverMetrics(report),
    ...weekMetrics(report),
  ]
    .map(([name, help, samples]) => gauge(`org_db_${name}`, help, samples))
    .join("");
}

type Metric = readonly [name: string, help: string, samples: readonly Sample[]];

const severities: readonly Severity[] = ["info", "warning", "critical"];

function scoreMetrics({ facts, score, parts, findings, undecided }: HealthReport): Metric[] {
  const codes = new Map<string, { labels: Labels; count: number }>();
  for (const { code, part, severity } of findings) {
    const key = `${code} ${part} ${severity}`;
    codes.set(key, { labels: { code, part, severity }, count: (codes.get(key)?.count ?? 0) + 1 });
  }
  const ofSeverity = (severity: Severity) =>
    findings.filter((finding) => finding.severity === severity).length;
  return [
    ["health_score", "Health of the database, 0 to 100.", [[{}, score]]],
    [
      "health_part_points",
      "Points of a part of the score, 0 to 100; absent where it was not judged.",
      parts.flatMap(({ part, points }): Sample[] => (points === null ? [] : [[{ part }, points]])),
    ],
    [
      "health_part_weight",
      "Weight of a part of the score.",
      parts.map(({ part, weight }) => [{ part }, weight]),
    ],
    [
      "health_findings",
      "Findings by severity.",
      severities.map((severity) => [{ severity }, ofSeverity(severity)]),
    ],
    ["health_finding", "Findings by code.", [...codes.values()].map(({ labels, count }) => [labels, count])],
    ["health_undecided", "1 if something could not be checked.", [[{}, undecided ? 1 : 0]]],
    ["health_checked_timestamp_seconds", "When it was checked.", [[{}, facts.at.getTime() / 1_000]]],
  ];
}

function collectionMetrics({ facts, projections }: HealthReport): Metric[] {
  const collections = facts.collections.known ? facts.collections.value : [];
  const growth = facts.deep.growth.known ? facts.deep.growth.value : [];
  const each = (value: (facts: (typeof collections)[number]) => number): Sample[] =>
    collections.map((one) => [{ collection: one.collection }, value(one)]);
  return [
    ["collection_documents", "Documents of a collection.", each(({ documents }) => documents)],
    ["collection_data_bytes", "Bytes of data of a collection.", each(({ dataBytes }) => dataBytes)],
    [
      "collection_storage_bytes",
      "Bytes of storage of a collection.",
      each(({ storageBytes }) => storageBytes),
    ],
    ["collection_index_bytes", "Bytes of indexes of a collection.", each(({ indexBytes }) => indexBytes)],
    [
      "collection_new_documents_per_day",
      "Documents made per day that are still there.",
      growth.flatMap(({ collection, perDay }): Sample[] =>
        perDay === null ? [] : [[{ collection }, perDay]],
      ),
    ],
    [
      "limit_days",
      "Days until a configured limit is reached; +Inf where that is not foreseen.",
      projections.map(({ subject, measure, days }) => [
        { subject, measure },
        days ?? Number.POSITIVE_INFINITY,
      ]),
    ],
  ];
}

function weekMetrics({ comparisons }: HealthReport): Metric[] {
  const labels = ({ figure, collection }: HealthReport["comparisons"][number]) => ({
    figure,
    ...(collection !== undefined && { collection }),
  });
  return [
    [
      "week_ago_figure",
      "A figure as it was at this hour a week ago: milliseconds, bytes, per second, or a share.",
      comparisons.map((one) => [labels(one), one.weekAgo]),
    ],
    [
      "week_ago_ratio",
      "A figure now by what it was at this hour a week ago; absent where it was 0.",
      comparisons.filter(({ weekAgo }) => weekAgo > 0).map((one) => [labels(one), one.now / one.weekAgo]),
    ],
  ];
}

function serverMetrics({ facts }: HealthReport): Metric[] {
  const { connection, server, processor, replication, slowInHour } = facts;
  const one = (value: number | undefined): Sample[] => (value === undefined ? [] : [[{}, value]]);
  const load = server.known ? server.value : undefined;
  const members = replication.known ? replication.value.members : [];
  return [
    [
      "ping_seconds",
      "Round trip to the server.",
      connection.known
        ? [
            [{ quantile: "0.5" }, connection.value.pingP50Ms / 1_000],
            [{ quantile: "0.95" }, connection.value.pingP95Ms / 1_000],
          ]
        : [],
    ],
    ["connections", "Connections in use.", one(load?.connections)],
    ["queued_operations", "Operations that wait for a ticket or a lock.", one(load?.queued)],
    [
      "operations_per_second",
      "Inserts, queries, updates and deletes per second since the check before.",
      one(load?.operationsPerSecond),
    ],
    ["slow_operations_in_hour", "Slow operations that the profiler recorded in an hour.", one(slowInHour)],
    ["cache_used_ratio", "Share of the cache in use, 0 to 1.", one(load?.cacheUsedRatio)],
    ["cache_dirty_ratio", "Share of the cache that waits to be written, 0 to 1.", one(load?.cacheDirtyRatio)],
    [
      "processor_used_ratio",
      "Share of its processors that the server process uses, 0 to 1.",
      one(processor.known ? processor.value.usedRatio : undefined),
    ],
    [
      "replication_lag_seconds",
      "How far a secondary is behind the primary.",
      members.flatMap(({ name, lagMs }): Sample[] =>
        lagMs === undefined ? [] : [[{ member: name }, lagMs / 1_000]],
      ),
    ],
  ];
}

function labelText(labels: Labels): string {
  // The format knows three escapes; control characters are shown as in any other output.
  const escaped = (value: string) =>
    value
      .split("\n")
      .map((line) => printable(line).replaceAll("\\", "\\\\").replaceAll('"', '\\"'))
      .join("\\n");
  return `{${Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(",")}}`;
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  return String(value);
}
