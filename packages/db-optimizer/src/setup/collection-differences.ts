// Differences of a collection's options that do no harm, for people to know.
import type { Document } from "../core/model.js";
import { stableText } from "../indexes/canonical.js";
import { canonicalCollation } from "../indexes/collation.js";
import { shellText } from "../indexes/command.js";
import type { PlanNote } from "../indexes/declared.js";

/**
 * Notes on options that a model declares in another way than the server has them, with the command where there is one. Nothing
 * of it is done by a plan: a smaller size removes documents at once. Pure.
 *
 * @see https://www.mongodb.com/docs/manual/reference/command/collMod/
 */
export function differenceNotes(collection: string, wanted: Document, found: Document): PlanNote[] {
  const messages = [
    ...("collation" in wanted && !sameCollation(wanted, found)
      ? ["its collation differs from its model's and cannot be changed: it is left alone"]
      : []),
    ...(["size", "max"] as const).flatMap((name) => cappedNote(collection, name, wanted[name], found[name])),
    ...seriesNotes(collection, wanted.timeseries, found.timeseries),
  ];
  return messages.map((message) => ({ collection, message }));
}

function sameCollation(a: Document, b: Document): boolean {
  const text = ({ collation }: Document) => stableText(canonicalCollation(collation as Document | undefined));
  return text(a) === text(b);
}

const resizing = { size: "cappedSize", max: "cappedMax" } as const;

function cappedNote(collection: string, name: "size" | "max", wanted: unknown, found: unknown): string[] {
  const [is, should] = [Number(found), Number(wanted)];
  if (wanted === undefined || is === should || (name === "size" && is === roundedSize(should))) return [];
  const command = `db.runCommand(${shellText({ collMod: collection, [resizing[name]]: should })})`;
  return [`${difference(name, found, should)}: ${command} changes it, and a lower one removes documents`];
}

// https://www.mongodb.com/docs/manual/reference/command/create/: what servers make of a size.
function roundedSize(bytes: number): number {
  return bytes <= 4_096 ? 4_096 : Math.ceil(bytes / 256) * 256;
}

const spans = ["granularity", "bucketMaxSpanSeconds", "bucketRoundingSeconds"] as const;

function seriesNotes(collection: string, wanted: unknown, found: unknown): string[] {
  if (!wanted || !found) return [];
  const [should, is] = [wanted as Document, { granularity: "seconds", ...(found as Document) } as Document];
  const differing = spans.filter((name) => should[name] !== undefined && should[name] !== is[name]);
  if (differing.length === 0) return [];
  const timeseries = Object.fromEntries(differing.map((name) => [name, should[name]]));
  const command = `db.runCommand(${shellText({ collMod: collection, timeseries })})`;
  const told = differing.map((name) => difference(name, is[name], should[name]));
  return [`${told.join("; ")}: ${command} changes it, to longer spans only`];
}

function difference(name: string, is: unknown, should: unknown): string {
  return `its ${name} is ${String(is ?? "not set")} on the server and ${String(should)} by its model`;
}
