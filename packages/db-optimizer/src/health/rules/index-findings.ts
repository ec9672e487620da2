import { shellText } from "../../indexes/command.js";
import type { ActualIndex } from "../../indexes/inspect.js";
import type { DriftReport } from "../../indexes/plan/diff.js";
import type { IndexFacts } from "../facts/facts.js";
import type { HealthFinding } from "./finding.js";

/** What the facts say of indexes. Pure. */
export function indexFindings(
  { drift, faults = [], redundant, use }: IndexFacts,
  mostPerCollection: number,
): HealthFinding[] {
  // What is declared and only hidden would be drift, and the next apply would show it again.
  const undeclared = new Set(drift.extra.map(placeOf));
  return [
    ...faults.map(
      ({ code, message }): HealthFinding => ({
        code: "DECLARATION_FAULT",
        part: "indexes",
        severity: "critical",
        message,
        evidence: code,
        command: "org-db plan",
      }),
    ),
    ...driftFindings(drift),
    ...crowdedFindings(use, mostPerCollection),
    ...redundant.map(({ index, coveredBy }) =>
      dispensable(
        "INDEX_REDUNDANT",
        index,
        undeclared,
        `is covered by ${coveredBy.name}`,
        keysOf(index.keys),
      ),
    ),
    ...use
      .filter(({ verdict }) => verdict === "unused_declared" || verdict === "unused_undeclared")
      .map(({ index, ageDays = 0, use: counts }) => {
        const evidence = `no read in ${ageDays.toFixed(0)} days on ${counts.length} member(s)`;
        return dispensable("INDEX_UNUSED", index, undeclared, "is unused", evidence);
      }),
  ];
}

function driftFindings({ missing, changed }: DriftReport): HealthFinding[] {
  return [
    ...missing.map(
      ({ collection, name, keys }): HealthFinding => ({
        code: "INDEX_MISSING",
        part: "indexes",
        severity: "critical",
        message: `Index ${name} of ${collection} is declared and missing`,
        evidence: keysOf(keys),
        command: "org-db apply",
      }),
    ),
    ...changed.map(
      ({ expected, differences }): HealthFinding => ({
        code: "INDEX_CHANGED",
        part: "indexes",
        severity: "warning",
        message: `Index ${expected.name} of ${expected.collection} is not as declared`,
        evidence: differences
          .map(({ option, expected: is, actual }) => `${option}: ${actual}, declared ${is}`)
          .join("; "),
        command: "org-db plan",
      }),
    ),
  ];
}

function crowdedFindings(use: IndexFacts["use"], most: number): HealthFinding[] {
  const counts = new Map<string, number>();
  for (const { index } of use) counts.set(index.collection, (counts.get(index.collection) ?? 0) + 1);
  return [...counts].flatMap(([collection, count]): HealthFinding[] =>
    count <= most
      ? []
      : [
          {
            code: "MANY_INDEXES",
            part: "indexes",
            severity: "info",
            message: `Every write to ${collection} pays for many indexes`,
            evidence: `${count} indexes, more than ${most}`,
            command: "org-db optimize",
          },
        ],
  );
}

function dispensable(
  code: string,
  index: ActualIndex,
  undeclared: ReadonlySet<string>,
  why: string,
  evidence: string,
): HealthFinding {
  const first = undeclared.has(placeOf(index)) ? "" : "; take it out of its schema first";
  return {
    code,
    part: "indexes",
    severity: "info",
    message: `Index ${index.name} of ${index.collection} ${why}${first}`,
    evidence,
    // Hides and observes it first.
    command: `org-db apply --drop ${index.collection}.${index.name}`,
  };
}

function placeOf({ collection, name }: { collection: string; name: string }): string {
  return `${collection}.${name}`;
}

function keysOf(keys: readonly { field: string; kind: unknown }[]): string {
  return shellText(Object.fromEntries(keys.map(({ field, kind }) => [field, kind])));
}
