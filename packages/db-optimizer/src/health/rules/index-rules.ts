// Rules of indexes: what is declared and not so, what is there and of no use.
import type { Found } from "../../core/finding.js";
import { shellText } from "../../indexes/command.js";
import type { ActualIndex } from "../../indexes/inspect.js";
import { manyIndexes } from "../../storage/storage-rules.js";
import type { IndexFacts } from "../facts/facts.js";
import { type HealthRule, known } from "./rule.js";

export const indexRules: readonly HealthRule[] = [
  {
    code: "DECLARATION_FAULT",
    part: "indexes",
    severity: "critical",
    command: "org-db plan",
    find: ({ indexes }) =>
      (known(indexes)?.faults ?? []).map(({ code, message, subject = "*" }) => ({
        subject,
        message,
        evidence: code,
      })),
  },
  {
    code: "INDEX_MISSING",
    part: "indexes",
    severity: "critical",
    command: "org-db setup",
    find: ({ indexes }) =>
      (known(indexes)?.drift.missing ?? []).map((index) => ({
        subject: placeOf(index),
        message: `Index ${index.name} of ${index.collection} is declared and missing`,
        evidence: keysOf(index),
      })),
  },
  {
    code: "INDEX_CHANGED",
    part: "indexes",
    severity: "warning",
    command: "org-db plan",
    find: ({ indexes }) =>
      (known(indexes)?.drift.changed ?? []).map(({ expected, differences }) => ({
        subject: placeOf(expected),
        message: `Index ${expected.name} of ${expected.collection} is not as declared`,
        evidence: differences
          .map(({ option, expected: is, actual }) => `${option}: ${actual}, declared ${is}`)
          .join("; "),
      })),
  },
  {
    code: "INDEX_UNFILLED",
    part: "indexes",
    severity: "warning",
    *find({ indexes }) {
      const facts = known(indexes);
      const why =
        "is unique on fields that no schema has: the server refuses a second document from Mongoose";
      for (const index of facts?.unfilled ?? []) yield dispensable(facts, index, why, keysOf(index));
    },
  },
  {
    ...manyIndexes,
    *find({ indexes }, { indexesPerCollection }) {
      const counts = new Map<string, number>();
      for (const { index } of known(indexes)?.use ?? [])
        counts.set(index.collection, (counts.get(index.collection) ?? 0) + 1);
      for (const [collection, count] of counts)
        yield* manyIndexes.find(collection, count, indexesPerCollection);
    },
  },
  {
    code: "INDEX_REDUNDANT",
    part: "indexes",
    severity: "info",
    *find({ indexes }) {
      const facts = known(indexes);
      for (const { index, coveredBy } of facts?.redundant ?? [])
        yield dispensable(facts, index, `is covered by ${coveredBy.name}`, keysOf(index));
    },
  },
  {
    code: "INDEX_UNUSED",
    part: "indexes",
    severity: "info",
    *find({ indexes }) {
      const facts = known(indexes);
      for (const { index, verdict, ageDays = 0, use } of facts?.use ?? []) {
        if (verdict !== "unused_declared" && verdict !== "unused_undeclared") continue;
        const evidence = `no read in ${ageDays.toFixed(0)} days on ${use.length} member(s)`;
        yield dispensable(facts, index, "is unused", evidence);
      }
    },
  },
];

function dispensable(
  facts: IndexFacts | undefined,
  index: ActualIndex,
  why: string,
  evidence: string,
): Found {
  const place = placeOf(index);
  // If the index is declared, hiding it is drift: the next apply would make it visible again.
  const undeclared = facts?.drift.extra.some((extra) => placeOf(extra) === place);
  const first = undeclared ? "" : "; take it out of its schema first";
  return {
    subject: place,
    message: `Index ${index.name} of ${index.collection} ${why}${first}`,
    evidence,
    // Hides and observes it first.
    command: `org-db apply --drop ${place}`,
  };
}

function placeOf({ collection, name }: Pick<ActualIndex, "collection" | "name">): string {
  return `${collection}.${name}`;
}

function keysOf({ keys }: Pick<ActualIndex, "keys">): string {
  return shellText(Object.fromEntries(keys.map(({ field, kind }) => [field, kind])));
}
