// Cleanup rules: their shape, and which are valid.
import { createHash } from "node:crypto";
import { mongo } from "mongoose";
import { z } from "zod";
import type { Document } from "../core/model.js";

const path = z.string().min(1).max(255);
const collectionName = z
  .string()
  .min(1)
  .max(255)
  .regex(/^(?!system\.|org_db_)/, "is the server's or this package's own");

/** A rule's action on the documents that it matches. */
export const cleanupActionSchema = z.union(
  [
    z.literal("delete"),
    z.strictObject({
      archiveToFile: z
        .string()
        .min(1)
        .describe(
          "NDJSON file, one document a line as canonical EJSON; synced to the disk before the delete",
        ),
    }),
    z.strictObject({
      archiveToCollection: collectionName.describe(
        "Collection of the same database; written, by upsert, before the delete",
      ),
    }),
    z.strictObject({
      anonymise: z
        .strictObject({
          set: z.record(path, z.unknown()).default({}).describe("Fields that get a fixed value"),
          unset: z.array(path).default([]).describe("Fields that are removed"),
          mark: path
            .default("anonymisedBy")
            .describe("Array field that takes the rule's name, so that it is not done again"),
        })
        .describe("Keeps the document and takes the person out of it"),
    }),
  ],
  'is "delete", { archiveToFile }, { archiveToCollection } or { anonymise: { set, unset, mark } }',
);

/** The action on expired documents, as data. */
export const cleanupRuleSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[\w.:-]{1,64}$/, "must be 1 to 64 letters, digits, _ . : -")
    .describe("Name in plans, reports and logs: 1 to 64 letters, digits, _ . : -"),
  collection: collectionName.describe("Collection that it works on"),
  field: path.describe("Date field that decides; it must lead an index"),
  retentionSeconds: z
    .number()
    .int()
    .min(0)
    .max(100 * 366 * 86_400)
    .describe("A document may go once its field is this many seconds in the past"),
  where: z
    .record(z.string(), z.unknown())
    .optional()
    .describe("Further condition; only documents that match it are touched"),
  action: cleanupActionSchema.default("delete").describe("What happens to the documents"),
});

/** A rule as people write it. */
export type CleanupRule = z.input<typeof cleanupRuleSchema>;
/** A rule's action, as users write it. */
export type CleanupAction = z.input<typeof cleanupActionSchema>;
/** A rule with its defaults. */
export type ParsedCleanupRule = z.output<typeof cleanupRuleSchema>;

/**
 * The filter of a rule at a moment. A comparison with a date matches dates only, so a missing or misspelt date never
 * makes a document old. A condition on the type would make the server read every document that the index returns.
 */
export function ruleFilter(rule: ParsedCleanupRule, now: Date): Document {
  const cutoff = new Date(now.getTime() - rule.retentionSeconds * 1_000);
  const old = { [rule.field]: { $lt: cutoff } };
  const further = [...(rule.where ? [rule.where] : []), ...notYetDone(rule)];
  return further.length > 0 ? { ...old, $and: further } : old;
}

function notYetDone({ action, name }: ParsedCleanupRule): Document[] {
  if (typeof action === "string" || !("anonymise" in action)) return [];
  return [{ [action.anonymise.mark]: { $ne: name } }];
}

/** Name of the job that cleanups are runs of, and of its lease. */
export const cleanupJob = "cleanup";

/** A text that changes when the rules do: what was begun under others is not continued. */
export function hashOf(...rules: readonly ParsedCleanupRule[]): string {
  return createHash("sha256").update(mongo.BSON.EJSON.stringify(rules)).digest("hex").slice(0, 16);
}
