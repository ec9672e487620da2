import { type CollectionStorage, type StorageReport, storageReport } from "@org/db-optimizer";
import { type StorageScan, scanStorage, storageJob } from "@org/db-optimizer/storage";

import type { Command, Context, Outcome } from "../command.js";
import { exitCodes } from "../errors.js";
import { findingsText } from "../output/findings.js";
import { bytes, count, plural } from "../output/format.js";
import { counting } from "../output/progress.js";
import type { Paint } from "../output/style.js";
import { table } from "../output/table.js";
import { lowersPriority, type PacingOptions, pacingOf, progressLine } from "../pacing.js";
import { type Steering, steered } from "./runs.js";

/** Options of `org-db storage`. */
export interface StorageOptions extends PacingOptions, Omit<Steering, "run"> {
  /** Documents of each collection to sample. */
  readonly sample: number;
  /** Looks at every document instead of a sample: a run in batches. */
  readonly everyDocument?: boolean;
  /** Seconds to wait for another process. */
  readonly wait: number;
}

/**
 * `org-db storage`: sizes, bytes free for reuse, and what the schema shows in a sample or in every document. Writes nothing
 * but the record of a run.
 */
export const storage: Command<StorageOptions> = async (context, options) => {
  const { connection, paint, progress } = context;
  const { everyDocument, sample } = options;
  const answer = await steered(context, storageJob, options);
  if (answer) return answer;
  if (everyDocument) return scanned(context, options);
  const sampled = counting(progress, context.now);
  const report = await storageReport(connection, { sample }, ({ subject, done, total }) =>
    sampled(`sampling collections, ${subject}`, done, total),
  );
  return { exitCode: exitCodes.ok, data: report, text: storageText(report, paint) };
};

async function scanned(context: Context, options: StorageOptions): Promise<Outcome> {
  const { connection, paint, progress, signal } = context;
  if (lowersPriority(options)) context.lowerPriority();
  const scan = await scanStorage(connection, {
    storage: { sample: options.sample },
    ...pacingOf(options),
    waitMs: options.wait * 1_000,
    clock: () => context.now(),
    signal,
    onProgress: (event) => progress.update(progressLine(event)),
  });
  return {
    exitCode: scan.stopReason === "signal" ? exitCodes.interrupted : exitCodes.ok,
    data: scan,
    text: `${storageText(scan, paint)}${leftText(scan, paint)}`,
  };
}

function leftText({ setAside, stopReason }: StorageScan, paint: Paint): string {
  const unread = Object.entries(setAside).map(([collection, { documents, first }]) =>
    paint(
      "yellow",
      `${plural(documents, "document")} of ${collection} cannot be read: ${first[0]?.reason}\n`,
    ),
  );
  const stopped =
    stopReason === null
      ? ""
      : "It was stopped before it was through: what it has not reached is from a sample. The same command continues it.\n";
  return unread.join("") + stopped;
}

function storageText({ collections, findings, leftOut }: StorageReport, paint: Paint): string {
  if (collections.length + leftOut.length === 0) return "The database has no collections.\n";
  const unsampled = collections.flatMap(({ collection, unsampled: reason }) =>
    reason === undefined
      ? []
      : [paint("dim", `note    no document of ${collection} was sampled: ${reason}\n`)],
  );
  const missing = [
    ...leftOut.map(({ collection, reason }) =>
      paint("dim", `note    ${collection} is left out: ${reason}\n`),
    ),
    ...unsampled,
  ];
  const isSeen = collections.some(({ unsampled }) => unsampled === undefined);
  const found = isSeen || findings.length > 0 ? findingsText(findings, paint) : "";
  return `${sizesTable(collections)}\n${missing.join("")}${found}`;
}

function sizesTable(collections: readonly CollectionStorage[]): string {
  const figures = [
    "documents",
    "data",
    "storage",
    "reusable",
    "indexes",
    "median",
    "largest",
    "longest array",
  ];
  return table(
    [{ title: "collection" }, ...figures.map((title) => ({ title, align: "right" as const }))],
    collections.map((one) => [
      one.timeSeries ? `${one.collection} (time series)` : one.collection,
      count(one.documents),
      bytes(one.dataBytes),
      bytes(one.storageBytes),
      one.reusableBytes === null ? "unknown" : bytes(one.reusableBytes),
      bytes(one.indexBytes),
      one.unsampled === undefined ? bytes(one.medianBytes) : "unknown",
      one.unsampled === undefined ? bytes(one.largestBytes) : "unknown",
      one.arrays[0] ? `${one.arrays[0].path} ${count(one.arrays[0].longest)}` : "",
    ]),
  );
}
