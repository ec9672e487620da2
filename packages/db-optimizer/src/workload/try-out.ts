// Tries candidates for one query on the copy.
import type { Connection } from "mongoose";

import { toOptimizerError } from "../core/errors.js";
import { countText } from "../core/figure-text.js";
import type { Document } from "../core/model.js";
import { throwIfAborted } from "../core/pause.js";
import { databaseOf } from "../core/server/database.js";
import { isRecordFault } from "../core/server/transient.js";
import { canonicalCollation } from "../indexes/collation.js";
import { shellText } from "../indexes/command.js";
import type { ExpectedIndex } from "../indexes/declared.js";
import type { ActualCollection } from "../indexes/inspect.js";
import {
  collationText,
  type IndexKey,
  type IndexSpec,
  isOrdered,
  resolveCollation,
} from "../indexes/spec.js";
import { type Candidate, candidatesFor, queryFields, servesAs } from "./candidates.js";
import type { Serving } from "./consolidate.js";
import type { WorkloadQuery } from "./load.js";
import { type Measured, measureQuery, withIndex } from "./measure.js";
import type { Rejection, RejectionCode } from "./report.js";
import { buildOnCopy, cardinalities, type Sample } from "./sample.js";

/** Share of the work that an index must save. */
export const minimumSaving = 0.5;

/** One collection being tried on its copy. */
export interface Trial {
  readonly connection: Connection;
  readonly sample: Sample;
  readonly source: ActualCollection;
  /** Declared for the collection, and not on the server. */
  readonly missing: readonly ExpectedIndex[];
  readonly signal: AbortSignal | undefined;
  readonly reject: (rejection: Rejection) => void;
}

/** A query with its cost on the copy as the collection is. */
export interface Baseline {
  readonly query: WorkloadQuery;
  readonly before: Measured;
}

/** Costs of the queries on the copy. Queries that a declared index would serve are reported, and left out. */
export async function baselines(trial: Trial, queries: readonly WorkloadQuery[]): Promise<Baseline[]> {
  const before = await measureAll(trial, queries);
  const buildable = trial.missing.filter(isOrdered);
  if (buildable.length === 0) return before;
  const { connection, sample, source } = trial;
  for (const index of buildable) {
    const named = { ...resolveCollation(index, source.collation), name: `declared ${index.name}` };
    const refusal = await refusalOf(() => buildOnCopy(databaseOf(connection), sample, named));
    if (refusal)
      trial.reject({ ...refusal, collection: index.collection, query: index.name, keys: index.keys });
  }
  const after = await measureAll(trial, queries);
  return before.flatMap((baseline) => {
    const now = after.find(({ query }) => query === baseline.query)?.before ?? baseline.before;
    if (savingOf(baseline.before, now) < minimumSaving) return [{ ...baseline, before: now }];
    const serving = now.indexes.map((name) => name.replace(/^declared /, "")).join(", ");
    rejectQuery(
      trial,
      baseline.query,
      "declared_missing",
      `${serving} is declared and saves ${percent(savingOf(baseline.before, now))}: org-db setup`,
    );
    return [];
  });
}

async function measureAll(trial: Trial, queries: readonly WorkloadQuery[]): Promise<Baseline[]> {
  const measured: Baseline[] = [];
  for (const query of queries) {
    throwIfAborted(trial.signal);
    const before = await measureQuery(trial.connection, trial.sample, query);
    if (before) measured.push({ query, before });
    else rejectQuery(trial, query, "cannot_explain", "the server refused to explain it on the copy");
  }
  return measured;
}

/** Builds each candidate for a query on the copy, and keeps the shortest that is worth it. */
export async function bestCandidate(trial: Trial, { query, before }: Baseline): Promise<Serving | undefined> {
  const { connection, sample, source } = trial;
  const fields = queryFields(query.command, query.shape);
  const names = [...new Set([...fields.equality, ...fields.range])];
  const counts = await cardinalities(databaseOf(connection), sample, names);
  const given = query.command.collation as Document | undefined;
  const collation = given ? canonicalCollation(given) : source.collation;
  const candidates = candidatesFor(sample.collection, fields, counts, collation);
  if (candidates.length === 0) rejectQuery(trial, query, "no_indexable_field", shellText(query.shape.filter));
  let best: { candidate: Candidate; measured: Measured } | undefined;
  for (const candidate of candidates) {
    throwIfAborted(trial.signal);
    const refusal = known(trial, candidate.index);
    if (refusal) {
      trial.reject({ ...about(query, candidate.index), ...refusal });
      continue;
    }
    let measured: Measured | undefined;
    const refused = await refusalOf(async () => {
      measured = await tryOut(trial, query, candidate.index);
    });
    const limit = best?.measured.work ?? before.work;
    const verdict = refused ?? verdictOn(candidate.index, measured, limit);
    if (verdict) trial.reject({ ...about(query, candidate.index), ...verdict });
    else if (measured) {
      best = { candidate, measured };
    }
  }
  return best && { ...best.candidate, queries: [query.name] };
}

/** Why the server refuses an index on the copy: CannotIndexParallelArrays (171), say. */
async function refusalOf(build: () => Promise<void>): Promise<Reasons | undefined> {
  try {
    await build();
    return undefined;
  } catch (error) {
    if (!isRecordFault(error)) throw error;
    return { code: "refused", evidence: toOptimizerError(error).message };
  }
}

function tryOut(trial: Trial, query: WorkloadQuery, index: IndexSpec): Promise<Measured | undefined> {
  const { connection, sample } = trial;
  return withIndex(connection, sample, trialIndex(index), () => measureQuery(connection, sample, query));
}

/** The index under a name that none of the collection's own has. */
export function trialIndex(index: IndexSpec): IndexSpec {
  return { ...index, name: `trial ${index.name} ${collationText(index)}` };
}

type Reasons = Pick<Rejection, "code" | "evidence">;

function known({ source, missing }: Trial, index: IndexSpec): Reasons | undefined {
  const resolve = <T extends IndexSpec>(other: T) => resolveCollation(other, source.collation);
  const existing = source.indexes.find((other) => servesAs(resolve(other), index));
  if (existing && !existing.hidden) return { code: "exists", evidence: existing.name };
  if (existing) return { code: "hidden_index", evidence: `${existing.name} is hidden` };
  const declared = missing.find((other) => servesAs(resolve(other), index));
  return declared && { code: "declared_missing", evidence: `${declared.name} is declared: org-db setup` };
}

function verdictOn(index: IndexSpec, measured: Measured | undefined, limit: number): Reasons | undefined {
  if (!measured?.indexes.includes(trialIndex(index).name))
    return { code: "not_chosen", evidence: `the planner uses ${measured?.indexes.join(", ") || "a scan"}` };
  const saved = 1 - measured.work / Math.max(limit, 1);
  if (saved >= minimumSaving) return undefined;
  const read = `reads ${countText(measured.work)} instead of ${countText(limit)}`;
  return { code: "saves_too_little", evidence: saved > 0 ? `${read}: saves ${percent(saved)}` : read };
}

/** Share of the work that is saved, 0 to 1; less than 0 when it grows. */
export function savingOf(before: Measured, after: Measured): number {
  return 1 - after.work / Math.max(before.work, 1);
}

/** 0.873 as "87 %"; what is nearly all is not called all. */
export function percent(share: number): string {
  // 0.29 times 100 is a little less than 29.
  return `${Math.floor(share * 100 + 1e-9)} %`;
}

function about(
  query: WorkloadQuery,
  index: IndexSpec,
): { collection: string; query: string; keys: readonly IndexKey[] } {
  return { collection: query.shape.collection, query: query.name, keys: index.keys };
}

function rejectQuery({ reject }: Trial, query: WorkloadQuery, code: RejectionCode, evidence: string): void {
  reject({ code, collection: query.shape.collection, query: query.name, evidence });
}
