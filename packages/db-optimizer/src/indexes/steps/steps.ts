// Every kind of step: the union of the steps, and the table of what each kind defines.

import { deletesNow } from "./expiring.js";
import type { CollectionKind, Consents, IndexKind, StepKind } from "./kind.js";
import { type CreateStep, create } from "./kinds/create.js";
import { type CreateCollectionStep, createCollection } from "./kinds/create-collection.js";
import { type FinishDropStep, finishDrop } from "./kinds/finish-drop.js";
import { type HideStep, hide } from "./kinds/hide.js";
import { type MakeUniqueStep, makeUnique } from "./kinds/make-unique.js";
import { type RebuildStep, rebuild } from "./kinds/rebuild.js";
import { type RemoveTwinStep, removeTwin } from "./kinds/remove-twin.js";
import { type SetExpiryStep, setExpiry } from "./kinds/set-expiry.js";
import { type SetPrepareUniqueStep, setPrepareUnique } from "./kinds/set-prepare-unique.js";
import { type SetTtlStep, setTtl } from "./kinds/set-ttl.js";
import { type SetValidatorStep, setValidator } from "./kinds/set-validator.js";
import { type StartDropStep, startDrop } from "./kinds/start-drop.js";
import { type UndoCreateStep, undoCreate } from "./kinds/undo-create.js";
import { type UnhideStep, unhide } from "./kinds/unhide.js";

/** A step on an index. */
export type IndexStep =
  | CreateStep
  | UnhideStep
  | HideStep
  | SetTtlStep
  | SetPrepareUniqueStep
  | MakeUniqueStep
  | RebuildStep
  | RemoveTwinStep
  | StartDropStep
  | FinishDropStep
  | UndoCreateStep;

/** A step on a collection itself. */
export type CollectionStep = CreateCollectionStep | SetValidatorStep | SetExpiryStep;

/** One thing to do, with everything that a person needs for a decision. */
export type PlanStep = IndexStep | CollectionStep;

/** The names of the kinds. */
export type StepName = PlanStep["kind"];

type IndexKinds = { readonly [S in IndexStep as S["kind"]]: IndexKind<S> };
type CollectionKinds = { readonly [S in CollectionStep as S["kind"]]: CollectionKind<S> };

/** The kinds of steps on indexes, in the order in which they are safe. */
export const indexKinds = {
  create,
  unhide,
  hide,
  setTtl,
  setPrepareUnique,
  makeUnique,
  rebuild,
  removeTwin,
  startDrop,
  finishDrop,
  undoCreate,
} satisfies IndexKinds;

/** The kinds of steps on collections. */
export const collectionKinds = { createCollection, setValidator, setExpiry } satisfies CollectionKinds;

/** The definition of the kind of a step on an index. */
export function indexKindOf({ kind }: Pick<IndexStep, "kind">): IndexKind<IndexStep> {
  return indexKinds[kind];
}

/** The definition of the kind of a step on a collection. */
export function collectionKindOf({ kind }: Pick<CollectionStep, "kind">): CollectionKind<CollectionStep> {
  return collectionKinds[kind];
}

/** The definition of the kind of a step. */
export function kindOf(step: Pick<PlanStep, "kind">): StepKind<PlanStep> {
  return isOnIndex(step) ? indexKindOf(step) : collectionKinds[step.kind as CollectionStep["kind"]];
}

/** Whether a step, or one of the journal, is on an index. */
export function isOnIndex<S extends { readonly kind: StepName }>(
  step: S,
): step is S & { readonly kind: IndexStep["kind"] } {
  return Object.hasOwn(indexKinds, step.kind);
}

/** Which part of a drop that a person asked for a step is: it starts with hiding, and finishes when nobody missed it. */
export function dropPhaseOf(step: Pick<IndexStep, "kind">): "start" | "finish" | undefined {
  return indexKindOf(step).drop;
}

/** The verb of a kind of step, before the name of its object. */
export function stepVerb(kind: StepName): string {
  return kindOf({ kind }).progress;
}

/** The consents that a step needs, all of them. Pure. */
export function consentsOf(step: PlanStep): (keyof Consents)[] {
  const { expiring, destructive } = step;
  const { consent } = kindOf(step);
  return [
    ...(expiring && deletesNow(expiring) ? (["allowExpiry"] as const) : []),
    ...(destructive && consent !== "none" ? [consent] : []),
  ];
}

/** Whether a step may run with what was consented to. */
export function isAllowed(step: PlanStep, given: Consents): boolean {
  return consentsOf(step).every((consent) => given[consent] === true);
}
