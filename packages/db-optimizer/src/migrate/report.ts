import type { MigrationPhase } from "./phases.js";

/** Why a document of the new layout is not as the old one says. */
export type MismatchKind = "missing" | "differs" | "extra" | "conflict";

/** One document that is not as it should be. */
export interface Mismatch {
  readonly kind: MismatchKind;
  readonly collection: string;
  readonly id: unknown;
  /** `_id` of its document of the old layout. */
  readonly sourceId: unknown;
  /** Canonical SHA-256 that follows from the old layout, and that of what is stored. */
  readonly expected?: string;
  readonly actual?: string;
  /** For `conflict`: the unique index that refuses it. */
  readonly index?: string;
}

/** What a comparison of every document came to. */
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

/** Where a walk is. */
export interface MigrationProgress {
  readonly phase: MigrationPhase;
  /** Collection that is walked. */
  readonly collection: string;
  /** Documents of it that are done, and in all, as counted at the start. */
  readonly done: number;
  readonly total: number;
  /** Documents per second, pauses included. */
  readonly rate: number;
  /** Milliseconds left at that rate; `null` before there is one. */
  readonly etaMs: number | null;
}

/** What a command of a migration came to. */
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
