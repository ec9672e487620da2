import { access } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { canonicalIndex, type IndexSpec } from "../../src/indexes/spec.js";
import { sameIndex } from "../../src/indexes/steps/state-text.js";
import {
  collectionKinds,
  consentsOf,
  type IndexStep,
  indexKinds,
  isAllowed,
  isOnIndex,
  kindOf,
  type PlanStep,
  type StepName,
} from "../../src/indexes/steps/steps.js";

/** Where each kind is defined, and what a person may have to consent to: a kind that is not here does not compile. */
const kinds = {
  create: { file: "create", consent: "allowExpiry", undo: "restore" },
  unhide: { file: "unhide", consent: "drop", undo: "restore" },
  hide: { file: "hide", consent: "drop", undo: "restore" },
  setTtl: { file: "set-ttl", consent: "allowExpiry", undo: "restore" },
  setPrepareUnique: { file: "set-prepare-unique", consent: "drop", undo: "restore" },
  makeUnique: { file: "make-unique", consent: "drop", undo: "restore" },
  rebuild: { file: "rebuild", consent: "rebuild", undo: "restore" },
  removeTwin: { file: "remove-twin", consent: "drop", undo: "nothing" },
  startDrop: { file: "start-drop", consent: "drop", undo: "restore" },
  finishDrop: { file: "finish-drop", consent: "none", undo: "restore" },
  undoCreate: { file: "undo-create", consent: "drop", undo: "restore" },
  createCollection: { file: "create-collection", consent: "none", undo: "nothing" },
  setValidator: { file: "set-validator", consent: "replaceValidators", undo: "restore" },
  setExpiry: { file: "set-expiry", consent: "allowExpiry", undo: "restore" },
} satisfies Record<StepName, { file: string; consent: string; undo: "restore" | "nothing" }>;

const expected = {
  ...canonicalIndex("things", { at: 1 }, { unique: true, expireAfterSeconds: 60 }),
  models: ["Thing"],
};
const actual = { ...canonicalIndex("things", { at: 1 }, {}), building: false };
const change = { expected, actual, reason: "differs" };
const basis = { collation: null };
const at = new Date("2026-01-01T00:00:00Z");
const observation = {
  collection: "things",
  index: "at_1",
  state: "observing",
  run: "run 1",
  since: at,
  until: at,
  spec: "",
  baseline: { queries: [], slow: null },
} as unknown as Parameters<typeof indexKinds.finishDrop.describe>[1];
const onCollection = { collection: "things", reason: "differs", options: {} };

/** One step of each kind, as its file describes it. */
const steps = {
  create: indexKinds.create.describe(expected, basis),
  unhide: indexKinds.unhide.describe(change, basis),
  hide: indexKinds.hide.describe(change, basis),
  setTtl: indexKinds.setTtl.describe(change, basis),
  setPrepareUnique: indexKinds.setPrepareUnique.describe(change, basis),
  makeUnique: indexKinds.makeUnique.describe(change, basis),
  rebuild: indexKinds.rebuild.describe(change, basis),
  removeTwin: indexKinds.removeTwin.describe(actual),
  startDrop: indexKinds.startDrop.describe(actual),
  finishDrop: indexKinds.finishDrop.describe(actual, observation),
  undoCreate: indexKinds.undoCreate.describe(actual),
  createCollection: collectionKinds.createCollection.describe(onCollection),
  setValidator: collectionKinds.setValidator.describe(onCollection),
  setExpiry: collectionKinds.setExpiry.describe(onCollection),
} satisfies { readonly [S in PlanStep as S["kind"]]: S };

const table = Object.entries(kinds) as [StepName, (typeof kinds)[StepName]][];

describe.each(table)("the kind %s", (name, { file, consent, undo }) => {
  const step: PlanStep = steps[name];
  const kind = kindOf(step);

  test("is one file, and complete", async () => {
    const url = new URL(`../../src/indexes/steps/kinds/${file}.ts`, import.meta.url);
    await expect(access(url)).resolves.toBeUndefined();
    expect(kind).toMatchObject({ consent, undo, progress: expect.stringMatching(/^[a-z]/) });
    for (const member of [kind.describe, kind.needed, kind.run]) expect(member).toBeTypeOf("function");
  });

  test("describes a step with all that a person needs for a decision", () => {
    expect(step).toMatchObject({
      kind: name,
      collection: "things",
      reason: expect.stringMatching(/./),
      commands: expect.arrayContaining([expect.stringMatching(/^db\./)]),
    });
  });

  test("runs at once unless it destroys something, and then with its consent alone", () => {
    const destructive = { ...step, destructive: true };
    expect(isAllowed({ ...step, destructive: false }, {})).toBe(true);
    expect(consentsOf(destructive)).toEqual(consent === "none" ? [] : [consent]);
    const others = {
      rebuild: true,
      drop: true,
      allowExpiry: true,
      replaceValidators: true,
      [consent]: false,
    };
    expect(isAllowed(destructive, others)).toBe(consent === "none");
    expect(isAllowed(destructive, { [consent]: true })).toBe(true);
  });

  test("waits for allowExpiry as well where it deletes documents at once", () => {
    const expiring = { collection: "things", field: "at", seconds: 60 };
    const deleting: PlanStep = { ...step, expiring: { ...expiring, documents: 3 } };
    expect(isAllowed(deleting, { rebuild: true, drop: true, replaceValidators: true })).toBe(false);
    const nothing: PlanStep = { ...step, destructive: false, expiring: { ...expiring, documents: 0 } };
    expect(isAllowed(nothing, {})).toBe(true);
  });
});

test("every kind of the union is in the table, and no other", () => {
  expect(Object.keys(kinds).sort()).toEqual(Object.keys({ ...indexKinds, ...collectionKinds }).sort());
});

// A rollback that does not know the state in which a killed step left its index would refuse to put it back.
test.each<[IndexStep["kind"], (before: IndexSpec) => (IndexSpec | undefined)[]]>([
  ["hide", (before) => [{ ...before, hidden: true }]],
  ["unhide", (before) => [{ ...before, hidden: false }]],
  ["setTtl", (before) => [{ ...before, expireAfterSeconds: 60 }]],
  ["setPrepareUnique", (before) => [{ ...before, prepareUnique: false }]],
  [
    "makeUnique",
    (before) => [
      { ...before, unique: true },
      { ...before, prepareUnique: true },
    ],
  ],
  ["startDrop", (before) => [{ ...before, hidden: true }]],
  ["finishDrop", (before) => [undefined, { ...before, hidden: false }, { ...before, hidden: true }]],
  ["rebuild", () => [expected, undefined]],
  ["create", () => [expected]],
  ["undoCreate", () => [undefined]],
  ["removeTwin", () => [undefined]],
])("%s leaves its index in states that undoing it knows", (kind, states) => {
  const step = steps[kind];
  const { leaves, wanted } = indexKinds[kind];
  const left = leaves(actual, (wanted as (step: PlanStep) => IndexSpec | undefined)(step));
  const meant = states(actual);
  expect(left).toHaveLength(meant.length);
  expect(left.every((state, position) => sameIndex(state, meant[position]))).toBe(true);
  expect(isOnIndex(step)).toBe(true);
});

test.each([
  ["setValidator", {}, { validator: {}, validationLevel: "strict", validationAction: "error" }],
  ["setExpiry", {}, { expireAfterSeconds: "off" }],
  ["setExpiry", { expireAfterSeconds: 60.5 }, { expireAfterSeconds: 60 }],
] as const)("%s puts back what collMod takes for %o", (kind, options, state) => {
  expect(collectionKinds[kind].stateOf?.(options)).toEqual(state);
});
