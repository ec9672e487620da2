import { type CollectionStorage, type StorageReport, storageReport } from "@org/db-optimizer";

import type { Command } from "../command.js";
import { exitCodes } from "../errors.js";
import { findingsText } from "../output/findings.js";
import { bytes, count } from "../output/format.js";
import type { Paint } from "../output/style.js";
import { table } from "../output/table.js";

/** Options of `org-db storage`. */
export interface StorageOptions {
  /** Documents of each collection to sample. */
  readonly sample: number;
}

/** `org-db storage`: sizes, bytes free for reuse, and what a sample shows of the schema. Writes nothing. */
export const storage: Command<StorageOptions> = async ({ connection, paint, progress }, { sample }) => {
  progress.update("sampling the collections ...");
  const report = await storageReport(connection, { sample });
  return { exitCode: exitCodes.ok, data: report, text: storageText(report, paint) };
};

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
