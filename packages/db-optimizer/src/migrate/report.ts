// Reports of a migration and of its comparison.
import { mongo } from "mongoose";
import { OptimizerError } from "../core/errors.js";
import type { MigrationPhase } from "./phases.js";

/**
 * Why a document of the new layout is not as the old one says: `conflict` when a unique index refuses it, `refused` when
 * the server does for another reason, and `unreadable` when the migration cannot make anything of a document, which is
 * then set aside.
 */
export type MismatchKind = "missing" | "differs" | "extra" | "conflict" | "refused" | "unreadable";

/** One document that is not as it should be. */
export interface Mismatch {
  readonly kind: MismatchKind;
  /** Collection of the document: of the new layout, or of the old one for an `unreadable` document there. */
  readonly collection: string;
  readonly id: unknown;
  /** `_id` of its document of the old layout. */
  readonly sourceId: unknown;
  /** Canonical SHA-256 that follows from the old layout, and that of what is stored. */
  readonly expected?: string;
  readonly actual?: string;
  /** For `conflict`: the unique index that refuses it. */
  readonly index?: string;
  /** For `refused` and `unreadable`: why, at most 300 characters. */
  readonly reason?: string;
}

/** Result of comparing every document. */
export interface VerifyReport {
  readonly at: Date;
  /** Documents of the old layout that were compared. */
  readonly sources: number;
  /** Documents of the new layout that follow from them, and that were found at first, before anything was `repaired`. */
  readonly expected: number;
  readonly found: number;
  /** Documents that were brought up to date on the way. */
  readonly repaired: number;
  /**
   * Documents of the old layout that were compared once more, because what was walked and what the collection has
   * afterwards were not the same: those that came or went meanwhile, and those that share a place with one. Default 0.
   */
  readonly rechecked: number;
  /**
   * Documents of the first target that belong to none of the source, where that target had documents before the
   * migration began: they are left alone. Elsewhere they are mismatches.
   */
  readonly unowned: number;
  readonly mismatched: number;
  /** The first 1,000 of them. */
  readonly mismatches: readonly Mismatch[];
  /** Nothing is mismatched. */
  readonly clean: boolean;
}

/** Result of a migration's command. */
export interface MigrationReport {
  readonly migration: string;
  readonly from: MigrationPhase;
  readonly phase: MigrationPhase;
  /** Phases that were reached, in order. */
  readonly changes: readonly MigrationPhase[];
  /** Documents of the walked collections, and documents written. */
  readonly walked: number;
  readonly written: number;
  readonly elapsedMs: number;
  readonly verification: VerifyReport | null;
}

/** How many mismatches a report lists. */
export const listedMismatches = 1_000;

const namedInMessage = 3;

/**
 * The error of documents that cannot be copied: the first of them are in its message, and more in `details`.
 *
 * @param what what they are, and how many
 */
export function mismatchError(what: string, mismatches: readonly Mismatch[]): OptimizerError {
  const named = mismatches.slice(0, namedInMessage).map(mismatchText);
  return new OptimizerError("MIGRATION_MISMATCH", `${what}. The first of them: ${named.join("; ")}`, {
    details: { mismatches: mismatches.slice(0, listedMismatches) },
  });
}

function mismatchText({ kind, collection, id, index, reason }: Mismatch): string {
  const why = reason ?? (index === undefined ? undefined : `index ${index}`);
  return `${collection} ${idText(id)} (${kind}${why === undefined ? "" : `: ${why}`})`;
}

/** An `_id` for people: whatever its type, no two that differ look the same. */
export function idText(id: unknown): string {
  if (id instanceof mongo.ObjectId) return id.toHexString();
  return typeof id === "string"
    ? JSON.stringify(id)
    : mongo.BSON.EJSON.stringify(id ?? null, { relaxed: true });
}

/** The parts of a report that the run's record keeps. */
export function resultOf(report: MigrationReport): Readonly<Record<string, unknown>> {
  const { migration, from, phase, changes, verification } = report;
  const { sources, expected, found, repaired, mismatched } = verification ?? {};
  return { migration, from, phase, changes, verified: { sources, expected, found, repaired, mismatched } };
}
