// Tries indexes for the queries of one collection on a copy of it.
import type { Connection } from "mongoose";
import { throwIfAborted } from "../core/pause.js";
import { databaseOf } from "../core/server/database.js";
import { createIndexText } from "../indexes/command.js";
import type { ExpectedIndex } from "../indexes/declared.js";
import type { ActualCollection } from "../indexes/inspect.js";
import { redundantIndexes } from "../indexes/plan/redundant.js";
import { collationText, type IndexSpec } from "../indexes/spec.js";
import { estimateBuild, type IndexedSize } from "../indexes/steps/estimate.js";
import { consolidate, type Serving } from "./consolidate.js";
import type { ParsedAdviceLimits } from "./limits.js";
import type { WorkloadQuery } from "./load.js";
import { measureQuery, measureWrites, type WriteCost } from "./measure.js";
import type { IndexAdvice, Rejection, ServedQuery } from "./report.js";
import { buildOnCopy, withSample } from "./sample.js";
import {
  type Baseline,
  baselines,
  bestCandidate,
  minimumSaving,
  percent,
  savingOf,
  type Trial,
  trialIndex,
} from "./try-out.js";

interface CollectionInput {
  readonly source: ActualCollection;
  readonly size: IndexedSize;
  readonly queries: readonly WorkloadQuery[];
  readonly missing: readonly ExpectedIndex[];
}

/** Tries indexes for the queries of one collection on a copy of it. */
export async function adviseCollection(
  connection: Connection,
  { source, size, queries, missing }: CollectionInput,
  limits: ParsedAdviceLimits,
  signal: AbortSignal | undefined,
  reject: (rejection: Rejection) => void,
): Promise<IndexAdvice[]> {
  const sampled = { documents: limits.sampleDocuments, bytes: limits.sampleBytes };
  return withSample(connection, source, sampled, signal, async (sample) => {
    const trial: Trial = { connection, sample, source, missing, signal, reject };
    const measured = await baselines(trial, queries);
    const wanted: Serving[] = [];
    for (const baseline of measured) {
      const best = await bestCandidate(trial, baseline);
      if (best) wanted.push(best);
    }
    const { kept, merged } = consolidate(wanted);
    for (const { candidate, into } of merged) {
      const [query = ""] = candidate.queries;
      const keys = candidate.index.keys;
      reject({
        code: "merged",
        collection: source.collection,
        query,
        keys,
        evidence: `into ${into.index.name}`,
      });
    }
    return proven(trial, kept, measured, size);
  });
}

/** The whole set at once: what is advised is what the planner chooses with all of it there. */
async function proven(
  trial: Trial,
  kept: readonly Serving[],
  measured: readonly Baseline[],
  size: IndexedSize,
): Promise<IndexAdvice[]> {
  const { connection, sample, signal } = trial;
  const writes: WriteCost[] = [];
  for (const { index } of kept) {
    throwIfAborted(signal);
    writes.push(await measureWrites(connection, sample, trialIndex(index)));
  }
  for (const { index } of kept) await buildOnCopy(databaseOf(connection), sample, trialIndex(index));
  const served = new Map<Serving, ServedQuery[]>(kept.map((serving) => [serving, []]));
  for (const { query, before } of measured) {
    throwIfAborted(signal);
    const after = await measureQuery(connection, sample, query);
    const used = kept.find(({ index }) => after?.indexes.includes(trialIndex(index).name));
    if (!after || !used) continue;
    const own = kept.map(({ index }) => [trialIndex(index).name, index.name] as const);
    const named = after.indexes.map((name) => new Map(own).get(name) ?? name);
    const saved = savingOf(before, after);
    if (saved >= minimumSaving)
      served.get(used)?.push({ query: query.name, before, after: { ...after, indexes: named }, saved });
  }
  return kept.flatMap((serving, at) => {
    const queries = served.get(serving) ?? [];
    const writeCost = writes[at];
    if (queries.length > 0 && writeCost)
      return [adviceOf(trial, serving.index, { queries, writeCost }, measured, size)];
    rejectUnproven(trial, serving);
    return [];
  });
}

function rejectUnproven({ reject, source }: Trial, { index, queries }: Serving): void {
  const [query = ""] = queries;
  const evidence = "with all advised indexes there, the planner uses another";
  reject({ code: "not_chosen", collection: source.collection, query, keys: index.keys, evidence });
}

function adviceOf(
  { source, sample }: Trial,
  index: IndexSpec,
  { queries, writeCost }: Pick<IndexAdvice, "queries" | "writeCost">,
  measured: readonly Baseline[],
  size: IndexedSize,
): IndexAdvice {
  const named = { ...index, name: freeName(index, source) };
  const existing = { ...named, building: false };
  const superseded = redundantIndexes([...source.indexes, existing]).filter(
    ({ coveredBy }) => coveredBy === existing,
  );
  const wasted = measured
    .filter(({ query }) => queries.some((served) => served.query === query.name))
    .reduce((sum, { query }) => sum + query.wastedBytes, 0);
  return {
    collection: source.collection,
    keys: index.keys,
    queries,
    writeCost,
    estimatedBytes: estimateBuild(index, size).bytes,
    wastedBytes: wasted,
    supersedes: superseded.map(({ index: { name } }) => name),
    sampled: { documents: sample.documents, of: size.documents },
    reason: `saves ${percent(Math.max(...queries.map(({ saved }) => saved)))} of the work of ${queries.map(({ query }) => query).join(", ")}`,
    command: createIndexText(named, source.collation),
  };
}

function freeName(index: IndexSpec, { indexes, collation }: ActualCollection): string {
  const own = collationText(index) === collationText({ collation });
  const name = own ? index.name : `${index.name}_${index.collation?.locale ?? "simple"}`;
  return indexes.some((other) => other.name === name) ? `${name}_advised` : name;
}
