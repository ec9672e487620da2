// A kind of step: what its file defines, and what all steps have in common.
import type { Document } from "../../core/model.js";
import type { Collation } from "../collation.js";
import type { ExpectedIndex } from "../declared.js";
import type { ActualCollection, ActualIndex } from "../inspect.js";
import type { IndexOption, IndexSpec } from "../spec.js";
import type { StepContext } from "./context.js";
import type { BuildEstimate, IndexedSize } from "./estimate.js";
import type { Expiring, ExpiryTarget } from "./expiring.js";
import type { StepEnd } from "./outcome.js";

/** How much can go wrong for those who use the database meanwhile. */
export type Risk = "low" | "medium" | "high";

/** One thing to do, with everything that a person needs for a decision. */
interface Step<Kind extends string> {
  readonly kind: Kind;
  readonly collection: string;
  readonly reason: string;
  readonly risk: Risk;
  /** The risk in words; empty if there is none. */
  readonly riskReason: string;
  /** Whether the former state can be had back without building an index or losing data. */
  readonly reversible: boolean;
  /** Replaces, weakens or drops something, or deletes documents at once: runs only on demand. */
  readonly destructive: boolean;
  /** The equivalent mongosh commands, one per line. */
  readonly commands: readonly string[];
  /** Of a step that starts or shortens an expiry: what it deletes at once. */
  readonly expiring?: Expiring;
}

/** A step on an index. */
export interface OnIndex<Kind extends string> extends Step<Kind> {
  /** Name of the index as it is now, or will be. */
  readonly index: string;
  /** Default collation of the collection. */
  readonly collectionCollation: Collation | null;
  /** Estimated cost of a build, if the size of the collection is known. */
  readonly estimate?: BuildEstimate;
}

/** A step that makes an index as its model declares it, out of one that differs. */
export interface ToDeclared<Kind extends string> extends OnIndex<Kind> {
  readonly expected: ExpectedIndex;
  readonly actual: ActualIndex;
}

/** A step on an index that is to go. */
export interface OnExisting<Kind extends string> extends OnIndex<Kind> {
  readonly actual: ActualIndex;
}

/** A step on a collection itself. */
export interface OnCollection<Kind extends string> extends Step<Kind> {
  /** Options of `create` or `collMod`. */
  readonly options: Document;
}

/** Consents of the caller to steps that do more than add. */
export interface Consents {
  readonly rebuild?: boolean;
  readonly drop?: boolean;
  readonly allowExpiry?: boolean;
  readonly replaceValidators?: boolean;
}

/** Facts about a collection that its steps are planned with. */
export interface StepBasis {
  readonly collation: Collation | null;
  readonly size?: IndexedSize | undefined;
  /** Keys of the shard key, as text. */
  readonly shardKey?: string | undefined;
}

/** Definition of a kind of step, on an index or on a collection. */
export interface StepKind<S extends Step<string>, Input extends readonly unknown[] = readonly never[]> {
  /** The action as a verb, before the name of its object: in plans, progress lines and reports. */
  readonly progress: string;
  /** The consent that a destructive step of this kind needs; `none` if it asks by itself. */
  readonly consent: keyof Consents | "none";
  /** Effect of a rollback: restores the earlier state, or leaves the step alone. */
  readonly undo: "restore" | "nothing";
  /** The step, with its reason, its risk and its commands. Pure. */
  describe(...input: Input): S;
  /** The expiry that it starts or shortens. Pure. */
  expiry?(step: S, found: ActualCollection | undefined): ExpiryTarget | undefined;
  /**
   * The step as it reads now, or nothing when it is done already. Pure.
   *
   * @param planned the step of this kind that a plan of this moment would have
   * @throws {OptimizerError} when somebody else has changed what it is about
   */
  needed(step: S, found: ActualCollection | undefined, planned: () => S | undefined): S | undefined;
  /** Carries it out. */
  run(context: StepContext, step: S): Promise<StepEnd>;
}

/** A kind of step on an index. */
export interface IndexKind<S extends OnIndex<string>, Input extends readonly unknown[] = readonly never[]>
  extends StepKind<S, Input> {
  /** Part of a drop that a person asked for; `finish` waits for time to pass and is no drift. */
  readonly drop?: "start" | "finish";
  /** Whether it goes on with an observation that is open. */
  readonly observed?: boolean;
  /** The index that it is to come to. Pure. */
  wanted(step: S): IndexSpec | undefined;
  /** How it may leave its index: as it was meant to become, or as it passes through when it is cut short. Pure. */
  leaves(before: IndexSpec | undefined, wanted: IndexSpec | undefined): readonly (IndexSpec | undefined)[];
  /** Of one that changes an index in place: whether it makes this option as declared. Pure. */
  corrects?(option: IndexOption, expected: ExpectedIndex, actual: ActualIndex): boolean;
}

/** Input of a step on a collection. */
export interface CollectionChange {
  readonly collection: string;
  readonly reason: string;
  readonly options: Document;
  /** Replaces or weakens something. Default false. */
  readonly destructive?: boolean;
}

/** A kind of step on a collection. */
export interface CollectionKind<S extends OnCollection<string>> extends StepKind<S, [CollectionChange]> {
  /** The options that it changes, in the form in which `collMod` sets them back. Absent: not in the journal. */
  stateOf?(options: Document): Document;
}
