// Findings: the one shape in which health, storage, sharding and advice say what is wrong, and the rules that make them.
import { z } from "zod";

/** The parts that a database is judged by. */
export const findingParts = [
  "connection",
  "topology",
  "security",
  "indexes",
  "queries",
  "operations",
  "schema",
  "storage",
] as const;

/** How bad a finding is, from the least on. */
export const severities = ["info", "warning", "critical"] as const;

/** One thing that is not as it should be. */
export const findingSchema = z.strictObject({
  code: z
    .string()
    .regex(/^[A-Z][A-Z_]*$/)
    .describe("Stable name of the kind of finding"),
  part: z.enum(findingParts).describe("The part of the database that it is about"),
  severity: z.enum(severities).describe("How bad it is"),
  subject: z
    .string()
    .min(1)
    .describe(
      "What it is about: a collection, an index as `collection.index`, a query, a member; `*`: the whole",
    ),
  message: z.string().min(1).describe("What is wrong"),
  evidence: z.string().min(1).describe("What was seen"),
  command: z
    .string()
    .min(1)
    .optional()
    .describe(
      "What fixes it, or looks closer: for the shell where it begins with `org-db`, otherwise for mongosh",
    ),
});

/** One of {@link findingParts}. */
export type FindingPart = (typeof findingParts)[number];
/** One of {@link severities}. */
export type Severity = (typeof severities)[number];
/** One thing that is not as it should be. */
export type Finding = Readonly<Omit<z.output<typeof findingSchema>, "command">> & {
  readonly command?: string;
};

/** A rule's finding, without the parts that all its findings share. */
export type Found = Pick<Finding, "subject" | "message" | "evidence"> &
  Partial<Pick<Finding, "severity" | "part" | "command">>;

/** A rule: a kind of finding, and where the facts show it. */
export interface Rule<Facts, Limits = undefined> {
  readonly code: string;
  readonly part: FindingPart;
  /** Unless it depends on what is found. */
  readonly severity: Severity;
  /** Unless it depends on what is found. */
  readonly command?: string;
  /** Returns one finding for each faulty object, or nothing. Pure. */
  find(facts: Facts, limits: Limits): Iterable<Found> | Found | false | undefined;
}

/** Findings of the rules, in the order of the rules. Pure. */
export function applyRules<Facts, Limits>(
  rules: readonly Rule<Facts, Limits>[],
  facts: Facts,
  limits: Limits,
): Finding[] {
  return rules.flatMap(({ find, ...always }) => {
    const found = find(facts, limits) || [];
    return [...(Symbol.iterator in found ? found : [found])].map((one) => ({ ...always, ...one }));
  });
}
