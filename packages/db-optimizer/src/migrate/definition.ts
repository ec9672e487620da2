// Definition of a migration: two layouts, and how a document of one follows from the other.
import type { Connection } from "mongoose";
import { OptimizerError } from "../core/errors.js";
import type { Document } from "../core/model.js";

/** A document of the new layout, as it follows from one of the old. */
export interface TargetDocument {
  readonly collection: string;
  /** The migrated fields, `_id` among them. Whatever else the stored document has is left alone. */
  readonly document: Document;
  /**
   * Condition on a stored document that this one is newer than; nothing else is overwritten. Operators only: an upsert
   * would take a plain value over into a new document.
   */
  readonly supersedes: Document;
  /** Migrated dates and numbers that only ever rise: the higher one stays. Default none. */
  readonly raise?: readonly string[];
  /** Migrated dates and numbers that only ever fall: the lower one stays. Default none. */
  readonly lower?: readonly string[];
  /** Fields that a new document gets besides. Default none. */
  readonly onInsert?: Document;
  /** Like `onInsert`, but given up when a unique index refuses them; `settle` then decides. Default none. */
  readonly claim?: Document;
  /** Fields that a stored document loses. Default none. */
  readonly unset?: readonly string[];
}

/** A change to one document of the old layout; it must bear repetition. */
export interface SourceWrite {
  readonly filter: Document;
  readonly update: Document;
  readonly upsert?: boolean;
}

/** Documents of the new layout, by collection. */
export type TargetsByCollection = ReadonlyMap<string, readonly Document[]>;

/** How data goes from one layout to another, and back. All but `settle` are pure. */
export interface Migration {
  /** 1 to 64 letters, digits, `_ . : -`. */
  readonly name: string;
  /** Collection of the old layout. */
  readonly source: string;
  /** Collections of the new layout; a document of the first has the `_id` of its document of the old layout. */
  readonly targets: readonly string[];
  /** The new layout's documents for a document of the old layout. */
  expand(source: Document, now: Date): readonly TargetDocument[];
  /** Condition on the documents of a target collection that belong to these documents of the old layout. */
  belongTo(collection: string, sourceIds: readonly unknown[], now: Date): Document;
  /** The `_id` of the document of the old layout that a stored one belongs to. */
  ownerOf(collection: string, document: Document): unknown;
  /** The content that is hashed, of an expanded or a stored document: equal meanings must give equal content. */
  canonical(collection: string, document: Document): Document;
  /** The way back: brings a document of the old layout up to what the new one says, in this order. */
  collapse(targets: TargetsByCollection, source: Document | undefined): readonly SourceWrite[];
  /** Restores invariants between the documents of one owner, after some of them were not simply inserted. */
  settle?(connection: Connection, sourceIds: readonly unknown[], now: Date): Promise<void>;
  /** Fields that contract takes from the old layout. */
  readonly contract: { readonly unset: readonly string[] };
  /** Milliseconds that a process may go by a phase that it has read; a change waits for so long. Default 5,000. */
  readonly phaseLeaseMs?: number;
  /** Milliseconds from the switch of reads to the earliest contract. Default 7 days. */
  readonly retentionMs?: number;
}

/** Default of {@link Migration.phaseLeaseMs}. */
export const defaultPhaseLeaseMs = 5_000;
/** Default of {@link Migration.retentionMs}. */
export const defaultRetentionMs = 7 * 86_400_000;

const functions = ["expand", "belongTo", "ownerOf", "canonical", "collapse"] as const;

/**
 * Returns its argument if it is a migration.
 *
 * @throws {OptimizerError} `INVALID_MIGRATION`
 */
export function assertMigration(given: unknown): Migration {
  const migration = (given ?? {}) as Partial<Migration>;
  const { name, source, targets, contract, settle } = migration;
  const wrong = (what: string) =>
    new OptimizerError(
      "INVALID_MIGRATION",
      `Migration ${typeof name === "string" ? `"${name}"` : ""}: ${what}`,
    );
  if (typeof name !== "string" || !/^[\w.:-]{1,64}$/.test(name))
    throw wrong("name must be 1 to 64 letters, digits, _ . : -");
  if (typeof source !== "string" || source === "") throw wrong("source must name a collection");
  if (!Array.isArray(targets) || targets.length === 0 || targets.some((one) => typeof one !== "string"))
    throw wrong("targets must name collections");
  if (targets.includes(source)) throw wrong("a collection cannot be source and target");
  for (const part of functions)
    if (typeof migration[part] !== "function") throw wrong(`${part} must be a function`);
  if (settle !== undefined && typeof settle !== "function") throw wrong("settle must be a function");
  if (!Array.isArray(contract?.unset) || contract.unset.length === 0)
    throw wrong("contract.unset must name fields");
  for (const part of ["phaseLeaseMs", "retentionMs"] as const) {
    const value = migration[part];
    if (value !== undefined && !(Number.isFinite(value) && value >= 0))
      throw wrong(`${part} must be milliseconds`);
  }
  return migration as Migration;
}
