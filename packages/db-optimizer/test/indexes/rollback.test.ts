import { describe, expect, test } from "vitest";
import type { Document } from "../../src/core/model.js";
import type { JournalStep } from "../../src/indexes/apply/journal.js";
import { planRollback } from "../../src/indexes/apply/rollback.js";
import { specToText } from "../../src/indexes/steps/state-text.js";
import type { IndexStep } from "../../src/indexes/steps/steps.js";
import { actualCollection, actualIndex } from "../support.js";

type Declared = [Document, Document?] | null;

const indexOf = (declared: Declared, index = "i") =>
  declared ? actualIndex(declared[0], { name: index, ...declared[1] }) : undefined;

function entry(
  kind: IndexStep["kind"],
  before: Declared,
  after: Declared,
  more: Partial<JournalStep> = {},
): JournalStep {
  const index = more.index ?? "i";
  return {
    _id: "step x",
    kind,
    collection: "things",
    index,
    state: "done",
    before: specToText(indexOf(before, index)),
    wanted: specToText(indexOf(after, index)),
    after: specToText(indexOf(after, index)),
    startedAt: new Date(0),
    ...more,
  };
}

function back(steps: JournalStep[], present: Declared[], exists = true) {
  const indexes = present.flatMap((declared) => indexOf(declared) ?? []);
  const { plan, refused } = planRollback(steps, [{ ...actualCollection(indexes), exists }]);
  return {
    kinds: plan.steps.map(({ kind }) => kind),
    refused: refused.map(({ why }) => why),
    plan,
  };
}

const plain: Declared = [{ a: 1 }];
const ttl = (seconds: number): Declared => [{ a: 1 }, { expireAfterSeconds: seconds }];
const hidden: Declared = [{ a: 1 }, { hidden: true }];

describe("the way back", () => {
  test.each<[string, IndexStep["kind"], Declared, Declared, IndexStep["kind"][]]>([
    ["what was created is dropped", "create", null, plain, ["undoCreate"]],
    ["a TTL gets its old time", "setTtl", ttl(3_600), ttl(60), ["setTtl"]],
    ["a TTL that was none takes a rebuild", "setTtl", plain, ttl(60), ["rebuild"]],
    ["what was hidden is shown", "startDrop", plain, hidden, ["unhide"]],
    ["what was shown is hidden", "unhide", hidden, plain, ["hide"]],
    ["what was dropped is built again", "finishDrop", hidden, null, ["create"]],
    ["uniqueness is taken away by a rebuild", "makeUnique", plain, [{ a: 1 }, { unique: true }], ["rebuild"]],
    ["a rebuild is rebuilt", "rebuild", plain, [{ a: 1 }, { sparse: true }], ["rebuild"]],
    ["what changed nothing needs nothing", "setTtl", ttl(60), ttl(60), []],
  ])("%s", (_name, kind, before, after, expected) => {
    expect(back([entry(kind, before, after)], [after])).toMatchObject({ kinds: expected, refused: [] });
    // A second rollback, or one after a crash in the midst of the first, finds nothing to do.
    expect(back([entry(kind, before, after)], [before])).toMatchObject({ kinds: [], refused: [] });
  });

  test("an index that was touched twice goes back to how it was first", () => {
    const steps = [entry("unhide", hidden, plain), entry("setTtl", plain, ttl(60))];
    expect(back(steps, [ttl(60)]).kinds).toEqual(["rebuild"]);
    expect(back(steps, [hidden]).kinds).toEqual([]);
  });

  test("what somebody changed since stays", () => {
    expect(back([entry("create", null, plain)], [ttl(5)])).toMatchObject({
      kinds: [],
      refused: ["changed_since"],
    });
    expect(back([entry("setTtl", ttl(3_600), ttl(60))], [ttl(7)]).refused).toEqual(["changed_since"]);
    expect(back([entry("setTtl", ttl(3_600), ttl(60))], []).refused).toEqual(["changed_since"]);
  });

  test("a collection that is gone is told", () => {
    expect(back([entry("setTtl", ttl(3_600), ttl(60))], [], false).refused).toEqual(["collection_gone"]);
    expect(back([entry("create", null, plain)], [], false).refused).toEqual([]);
  });

  test("a step that a kill cut short is judged by what it was meant to become", () => {
    const { after: _after, ...cut } = entry("create", null, plain, { state: "running" });
    expect(back([cut], [plain]).kinds).toEqual(["undoCreate"]);
    expect(back([cut], []).kinds).toEqual([]);
    expect(back([cut], [ttl(5)]).refused).toEqual(["changed_since"]);
  });

  test.each<[string, IndexStep["kind"], Declared, Declared, Declared, IndexStep["kind"][]]>([
    [
      "a rebuild between its drop and its build",
      "rebuild",
      plain,
      [{ a: 1 }, { sparse: true }],
      null,
      ["create"],
    ],
    [
      "a conversion after prepareUnique",
      "makeUnique",
      plain,
      [{ a: 1 }, { unique: true }],
      [{ a: 1 }, { prepareUnique: true }],
      ["setPrepareUnique"],
    ],
    ["a drop after it was hidden", "startDrop", plain, null, hidden, ["unhide"]],
    ["a drop that got to its end", "finishDrop", hidden, null, null, ["create"]],
    ["a drop of what somebody missed", "finishDrop", hidden, null, plain, ["hide"]],
    [
      "the first of two changes",
      "setTtl",
      [{ a: 1 }, { expireAfterSeconds: 3_600, hidden: true }],
      ttl(60),
      [{ a: 1 }, { expireAfterSeconds: 60, hidden: true }],
      ["setTtl"],
    ],
  ])("a kill in the midst of %s", (_name, kind, before, wanted, present, expected) => {
    const { after: _after, ...cut } = entry(kind, before, wanted, { state: "running" });
    expect(back([cut], [present])).toMatchObject({ kinds: expected, refused: [] });
  });

  test("twins and steps that were not carried out are left out", () => {
    const twin = entry("removeTwin", plain, null, { index: "i__rebuild_twin" });
    expect(back([twin, entry("create", null, plain, { state: "skipped" })], [plain]).kinds).toEqual([]);
  });

  test("a unique index that goes is a high risk, and says why", () => {
    const unique: Declared = [{ a: 1 }, { unique: true }];
    expect(back([entry("create", null, unique)], [unique]).plan.steps[0]).toMatchObject({
      risk: "high",
      destructive: true,
      riskReason: expect.stringContaining("duplicates are accepted again"),
    });
  });
});
