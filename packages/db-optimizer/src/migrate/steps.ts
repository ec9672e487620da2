// The steps of a migration as steps of a run.
import type { mongo } from "mongoose";
import { type Decoded, decoded } from "../core/bson/decode.js";
import { distinctIds, idKey } from "../core/bson/id-key.js";
import { OptimizerError } from "../core/errors.js";
import type { Document } from "../core/model.js";
import { pause, throwIfAborted } from "../core/pause.js";
import { databaseOf } from "../core/server/database.js";
import { majority, primary } from "../core/server/own-collection.js";
import { withRetries } from "../core/server/transient.js";
import { IdWalk, type Step } from "../jobs/id-walk.js";
import type { Lease } from "../jobs/lease.js";
import { idleStep } from "../jobs/step.js";
import type { Work } from "../jobs/work.js";
import type { Expected } from "./compare.js";
import {
  compareAll,
  copyToSource,
  copyToTarget,
  type Expanded,
  expandOne,
  findable,
  type PassContext,
  readAgain,
  removeExtras,
  withoutSource,
} from "./passes.js";
import { listedMismatches, type Mismatch, mismatchError, type VerifyReport } from "./report.js";
import { SeenIds } from "./seen-ids.js";
import type { MigrationState } from "./state.js";
import { stepHash } from "./status.js";

/** Context that the steps of a run share. */
export interface StepContext extends PassContext {
  /** Absent where nothing is written. */
  readonly lease?: Lease;
  readonly signal: AbortSignal;
  readonly work: Work;
  /** Counted up as a run goes on. */
  readonly tally: { walked: number; written: number };
}

const looks = 4;
const lookAgainMs = 50;

/**
 * Copies every document of the old layout, from the checkpoint on. Conflicts are left to verify. What an earlier
 * attempt has copied already is compared first, which costs less than writing it again.
 */
export async function backfill(context: StepContext, state: MigrationState): Promise<void> {
  let mostlyThere = false;
  const copy = async (batch: readonly Expanded[]) => {
    const { written } = mostlyThere
      ? await copyToTarget(context, onlyMismatched(batch, (await compareAll(context, batch)).mismatches))
      : await copyToTarget(context, batch, { mostlyNew: true });
    const documents = batch.reduce((sum, { expected }) => sum + expected.length, 0);
    mostlyThere = written < documents / 2;
    context.tally.written += written;
  };
  // Nothing else goes on where it was: to compare and to sweep is to see everything.
  await overSources(context, state, copy, { continues: true });
}

/** Brings over what was written to the old layout only, by processes that died; from here on the new one is first. */
export async function sweepOver(context: StepContext, state: MigrationState): Promise<void> {
  const conflicts: Mismatch[] = [];
  await overSources(context, state, async (batch) => {
    const { mismatches } = await compareAll(context, batch);
    const behind = mismatches.filter(({ kind }) => kind !== "extra");
    if (behind.length === 0) return;
    const again = await readAgain(context, distinctIds(behind.map(({ sourceId }) => sourceId)));
    const result = await copyToTarget(context, onlyMismatched(again, behind));
    context.tally.written += result.written;
    conflicts.push(...result.conflicts);
  });
  refuseIfAny(conflicts);
}

/** Throws if some documents could not be copied when all others were. @throws {OptimizerError} `MIGRATION_MISMATCH` */
function refuseIfAny(conflicts: readonly Mismatch[]): void {
  if (conflicts.length > 0)
    throw mismatchError(`Documents that cannot be copied: ${conflicts.length}`, conflicts);
}

/** The expected documents that differ from the stored ones. */
function onlyMismatched(batch: readonly Expanded[], mismatches: readonly Mismatch[]): Expanded[] {
  const places = new Set(mismatches.map(placeOf));
  const isMismatched = ({ target }: Expected) =>
    places.has(placeOf({ collection: target.collection, id: target.document._id }));
  return batch.map((one) => ({ ...one, expected: one.expected.filter(isMismatched) }));
}

/** Brings back what was written to the new layout only, by processes that died. */
export async function sweepBack(context: StepContext, state: MigrationState): Promise<void> {
  const conflicts: Mismatch[] = [];
  await overRoots(context, state, async (ids) => {
    const result = await copyToSource(context, ids);
    context.tally.written += result.written;
    conflicts.push(...result.conflicts);
  });
  refuseIfAny(conflicts);
}

/** Takes from the old layout what contract names. */
export async function contractSources(context: StepContext, state: MigrationState): Promise<void> {
  const { source, contract } = context.migration;
  const collection = databaseOf(context.connection).collection(source, primary);
  const unset = Object.fromEntries(contract.unset.map((field) => [field, ""]));
  await over(
    context,
    state,
    source,
    { _id: 1 },
    ({ id }) => ({ item: id, weight: 1 }),
    async (ids) => {
      const { modifiedCount } = await collection.updateMany(
        { _id: { $in: ids } } as Document,
        { $unset: unset },
        { writeConcern: majority },
      );
      context.tally.written += modifiedCount;
    },
  );
}

interface Verifying {
  readonly repair: boolean;
  /** Whether the new layout is the one that is read: documents that it has no longer were cleaned up. */
  readonly targetLeads: boolean;
}

/**
 * Compares the hash of every document, and looks for documents of the new layout that belong to none of the old. What is
 * under way between two writes is looked at again; with `repair`, what stays behind is carried over, and what follows
 * from nothing is removed.
 */
export async function verifyAll(
  context: StepContext,
  state: MigrationState,
  verifying: Verifying,
): Promise<VerifyReport> {
  const sums = { sources: 0, expected: 0, found: 0, repaired: 0, rechecked: 0, unowned: 0 };
  const seen = new SeenIds();
  const mismatches = new Map<string, Mismatch>();
  let mismatched = 0;
  // A document that is compared again is not counted twice.
  const note = (found: readonly Mismatch[]) => {
    for (const one of found) {
      if (mismatches.has(placeOf(one))) continue;
      mismatched += 1;
      if (mismatches.size < listedMismatches) mismatches.set(placeOf(one), one);
    }
  };
  const compare = async (batch: readonly Expanded[]) => {
    const compared = await settledComparison(context, batch, verifying);
    sums.expected += compared.expected;
    sums.found += compared.found;
    sums.repaired += compared.repaired;
    note(compared.mismatches);
  };
  await overSources(context, state, async (batch) => {
    await compare(batch);
    sums.sources += batch.length;
    for (const { sourceId } of batch) seen.add(sourceId);
  });
  await overUnseen(context, seen, async (ids) => {
    const again = await readAgain(context, ids);
    const { repaired, mismatches: found } = await settledComparison(context, again, verifying);
    sums.repaired += repaired;
    sums.rechecked += ids.length;
    note(found);
  });
  await overRoots(context, state, async (ids) => {
    const orphans = await withoutSource(context, ids);
    // One that the old layout has lost since belongs to nothing, and would live again once the new one is read.
    if (state.ownsTargets) await compare(orphans.map((sourceId) => ({ sourceId, expected: [] })));
    else sums.unowned += orphans.length;
  });
  const listed = [...mismatches.values()];
  return { at: context.now(), ...sums, mismatched, mismatches: listed, clean: mismatched === 0 };
}

/**
 * The differences that persist. The application may write between the reads of the two layouts, so only a difference that
 * two checks in a row find with the same hashes counts as a mismatch.
 */
async function settledComparison(
  context: StepContext,
  batch: readonly Expanded[],
  { repair, targetLeads }: Verifying,
) {
  if (batch.length === 0) return { expected: 0, found: 0, repaired: 0, mismatches: [] };
  const counting = ({ kind }: Mismatch) => !(targetLeads && kind === "missing");
  const first = await compareAll(context, batch);
  let mismatches = first.mismatches.filter(counting);
  let repaired = 0;
  for (let look = 1; look < looks && mismatches.length > 0; look++) {
    const ids = distinctIds(mismatches.map(({ sourceId }) => sourceId));
    let refused = new Map<string, Mismatch>();
    if (repair) {
      const result = await repairOnly(context, await readAgain(context, ids), mismatches);
      repaired += result.written;
      refused = new Map(result.conflicts.map((one) => [placeOf(one), one]));
    } else await pause(lookAgainMs * look, context.signal);
    const before = new Set(mismatches.map(stateOf));
    const now = (await compareAll(context, await readAgain(context, ids))).mismatches.filter(counting);
    mismatches = now
      .filter((one) => before.has(stateOf(one)))
      .map((one) => ({ ...one, ...refused.get(placeOf(one)) }));
  }
  context.tally.written += repaired;
  return { expected: first.expected, found: first.found, repaired, mismatches };
}

const placeOf = ({ collection, id }: Pick<Mismatch, "collection" | "id">) => `${collection} ${idKey(id)}`;
const stateOf = (one: Mismatch) => `${placeOf(one)} ${one.expected} ${one.actual}`;

/** Copies the documents that differ, and removes those without a source document. */
async function repairOnly(
  context: StepContext,
  again: readonly Expanded[],
  mismatches: readonly Mismatch[],
): Promise<{ readonly written: number; readonly conflicts: readonly Mismatch[] }> {
  const { written, conflicts } = await copyToTarget(context, onlyMismatched(again, mismatches));
  return {
    written: written + (await removeStale(context, again, new Set(mismatches.map(placeOf)))),
    conflicts,
  };
}

async function removeStale(
  context: StepContext,
  again: readonly Expanded[],
  places: ReadonlySet<string>,
): Promise<number> {
  const found = (await compareAll(context, again)).mismatches;
  const extras = found.filter((one) => one.kind === "extra" && places.has(placeOf(one)));
  if (extras.length === 0) return 0;
  // The old layout is written first in this phase: what it lacked when it was read before, it lacks.
  await context.lease?.confirm();
  await removeExtras(context, extras);
  return extras.length;
}

/**
 * Reads once more which documents the old layout has, and hands over those that were not seen, with others that share a
 * place with them. One cursor reads from the beginning to the end, so that nothing depends on where a walk went on.
 */
async function overUnseen(
  { connection, migration, signal }: StepContext,
  seen: SeenIds,
  handle: (ids: readonly unknown[]) => Promise<void>,
): Promise<void> {
  const source = databaseOf(connection).collection(migration.source, primary);
  const places = await withRetries(async () => {
    const present = new SeenIds();
    for await (const ids of idsOf(source, signal)) for (const id of ids) present.add(id);
    return seen.placesUnlike(present);
  }, signal);
  if (!places) return;
  await withRetries(async () => {
    for await (const ids of idsOf(source, signal)) {
      const unlike = ids.filter((id) => places.include(id));
      for (let at = 0; at < unlike.length; at += documentsAtATime)
        await handle(unlike.slice(at, at + documentsAtATime));
    }
  }, signal);
}

const idsAtATime = 1_000;
const documentsAtATime = 100;

async function* idsOf(collection: mongo.Collection, signal: AbortSignal): AsyncIterable<unknown[]> {
  const options = { projection: { _id: 1 }, hint: { _id: 1 }, raw: true, batchSize: idsAtATime } as const;
  const cursor = collection.find<Uint8Array>({}, { ...primary, ...options });
  try {
    while (await cursor.hasNext()) {
      throwIfAborted(signal);
      const page = cursor.readBufferedDocuments();
      yield page.map((raw) => decoded(raw, collection.bsonOptions).id);
    }
  } finally {
    await cursor.close();
  }
}

function overSources(
  context: StepContext,
  state: MigrationState,
  handle: (batch: readonly Expanded[]) => Promise<void>,
  { continues = false } = {},
): Promise<void> {
  const prepare = (source: Decoded) => {
    const item = expandOne(context, source);
    return { item, weight: item.expected.length };
  };
  const handleFindable = async (batch: readonly Expanded[]) => handle(await findable(context, batch));
  return over(context, state, context.migration.source, undefined, prepare, handleFindable, continues);
}

/** Walks the documents of the new layout that have the `_id` of theirs of the old one. */
function overRoots(
  context: StepContext,
  state: MigrationState,
  handle: (ids: readonly unknown[]) => Promise<void>,
): Promise<void> {
  const [root] = context.migration.targets;
  return over(context, state, root as string, { _id: 1 }, ({ id }) => ({ item: id, weight: 1 }), handle);
}

/**
 * Walks a collection, as a step of the run.
 *
 * @param continues from where an earlier process was in this phase; else from the beginning
 */
async function over<Item>(
  context: StepContext,
  state: MigrationState,
  name: string,
  projection: Document | undefined,
  prepare: (read: Decoded) => { item: Item; weight: number },
  handle: (batch: readonly Item[]) => Promise<void>,
  continues = false,
): Promise<void> {
  const { connection, lease, signal, migration, work } = context;
  const db = databaseOf(connection);
  const collection = db.collection(name, primary);
  const step = [`${state.phase} ${name}`, name, stepHash(state)] as const;
  const from = continues ? work.stateOf(...step) : idleStep(...step);
  const last = (from.cursor ?? undefined) as { readonly id: unknown } | undefined;
  const walk = new IdWalk({ collection, projection, last, signal, prepare });
  const total = collection.estimatedDocumentCount();
  try {
    const end = await work.carryOut({
      step: from.step,
      name: `Migration "${migration.name}"`,
      details: { migration: migration.name },
      collection: name,
      // The application reads from both layouts.
      watched: [migration.source, ...migration.targets].map((one) => db.collection(one, primary)),
      from,
      ready: total,
      count: async () => Math.max((await total) - from.done, 0),
      batches: walk,
      cursor: () => walk.last ?? null,
      weightOf: ({ weight }: Step<Item>) => weight,
      // A primary that steps down costs a batch, which is safe to repeat, and not the run.
      process: async (batch: readonly Step<Item>[]) => {
        // If another process took the run over meanwhile, the checkpoint that follows is refused.
        await lease?.confirmIfStale();
        await handle(batch.map(({ item }) => item));
        return batch.length;
      },
    });
    context.tally.walked += end.state.done - from.done;
    if (end.stop === "cancelled") throw new OptimizerError("ABORTED", "The run was cancelled");
    throwIfAborted(signal);
  } finally {
    await walk.close();
  }
}
