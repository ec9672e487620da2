import type { Document } from "../../core/model.js";
import type { Collation } from "../collation.js";
import type { ExpectedIndex } from "../declared.js";
import type { ActualIndex } from "../inspect.js";
import type { BuildEstimate } from "./estimate.js";

/** What a step does. */
export type StepKind =
  | "create"
  | "unhide"
  | "hide"
  | "setTtl"
  | "setPrepareUnique"
  | "makeUnique"
  | "rebuild"
  | "removeTwin"
  /** Hides an undeclared index and begins to observe who misses it. */
  | "startDrop"
  /** Drops an index that was hidden for long enough, or unhides one that is missed. */
  | "finishDrop"
  /** Of a rollback: drops an index that the run had made. */
  | "undoCreate";

/** How much can go wrong for those who use the database meanwhile. */
export type Risk = "low" | "medium" | "high";

/** One thing to do, with everything that a person needs for a decision. */
export interface PlanStep {
  readonly kind: StepKind;
  readonly collection: string;
  /** Name of the index as it is now, or will be. */
  readonly index: string;
  readonly reason: string;
  readonly risk: Risk;
  /** What the risk is. */
  readonly riskReason: string;
  /** Whether the former state can be had back without building an index or losing data. */
  readonly reversible: boolean;
  /** Replaces or drops an index, or deletes documents at once: runs only on demand. */
  readonly destructive: boolean;
  /** What mongosh would run, line by line. */
  readonly commands: readonly string[];
  readonly expected?: ExpectedIndex;
  readonly actual?: ActualIndex;
  /** Default collation of the collection. */
  readonly collectionCollation: Collation | null;
  /** What a build will cost, where the size of the collection is known. */
  readonly estimate?: BuildEstimate;
  /** Of a step that starts or shortens an expiry: what it deletes at once. */
  readonly expiring?: Expiring;
}

/** What an expiry deletes. */
export interface ExpiryTarget {
  readonly collection: string;
  /** Holds the date. */
  readonly field: string;
  readonly seconds: number;
  /** Of a partial index: only documents that match it go. */
  readonly filter?: Document | undefined;
}

/** What an expiry deletes as soon as it is set. */
export interface Expiring extends ExpiryTarget {
  /** Absent when they could not be counted. */
  readonly documents?: number;
}

/** What a step does to a collection itself. */
export type CollectionStepKind = "create" | "setValidator" | "setExpiry";

/** One thing that is to be done about a collection. */
export interface CollectionStep {
  readonly kind: CollectionStepKind;
  readonly collection: string;
  readonly reason: string;
  /** Options of `create` or `collMod`. */
  readonly options: Document;
  /** Weakens or replaces a validator, or deletes documents at once: runs only on demand. */
  readonly destructive: boolean;
  /** Of `setExpiry`: what goes at once. */
  readonly expiring?: Expiring;
  /** What mongosh would run. */
  readonly command: string;
}
