import type { Connection } from "mongoose";

import { OptimizerError } from "../errors.js";
import type { Document } from "../model.js";
import { createIndexEntry } from "./command.js";
import { twinSuffix } from "./diff.js";
import { duplicatesError } from "./duplicates.js";
import type { ExpectedIndex } from "./expected.js";
import { databaseOf, inspectIndexes } from "./inspect.js";
import { type PlanStep, twinOf } from "./plan.js";

/** Carries one step out. */
export async function runStep(connection: Connection, step: PlanStep): Promise<void> {
  const { kind, collection, index: name, expected } = step;
  if (kind === "removeTwin") return removeTwin(connection, step);
  if (!expected) throw new OptimizerError("INVALID_OPTIONS", `The step ${kind} of ${name} has no index`);
  switch (kind) {
    case "create":
      return build(connection, expected, step);
    case "setTtl":
      return collMod(connection, collection, { name, expireAfterSeconds: expected.expireAfterSeconds });
    case "setHidden":
      return collMod(connection, collection, { name, hidden: expected.hidden });
    case "setPrepareUnique":
      return collMod(connection, collection, { name, prepareUnique: expected.prepareUnique });
    case "makeUnique":
      return makeUnique(connection, expected, name);
    case "rebuild":
      return rebuild(connection, expected, step);
  }
}

async function collMod(
  connection: Connection,
  collection: string,
  index: Document,
  options: Document = {},
): Promise<void> {
  await databaseOf(connection).command({ collMod: collection, index, ...options });
}

async function build(connection: Connection, index: ExpectedIndex, step: PlanStep): Promise<void> {
  const entry = createIndexEntry(index, step.collectionCollation);
  try {
    await databaseOf(connection).command({ createIndexes: index.collection, indexes: [entry] });
  } catch (error) {
    if (isDuplicate(error)) throw await duplicatesError(connection, index, error);
    throw error;
  }
}

// https://www.mongodb.com/docs/manual/core/index-unique/convert-to-unique/
async function makeUnique(connection: Connection, index: ExpectedIndex, name: string): Promise<void> {
  const { collection } = index;
  await collMod(connection, collection, { name, prepareUnique: true });
  try {
    await collMod(connection, collection, { name, unique: true }, { dryRun: true });
    await collMod(connection, collection, { name, unique: true });
  } catch (error) {
    // Left as it is, the index would go on refusing writes that it has so far accepted.
    await collMod(connection, collection, { name, prepareUnique: false }).catch(() => undefined);
    if (isDuplicate(error)) throw await duplicatesError(connection, { ...index, name }, error);
    throw error;
  }
}

async function rebuild(connection: Connection, index: ExpectedIndex, step: PlanStep): Promise<void> {
  const twin = twinOf(index);
  if (twin) await build(connection, twin, step).catch(unlessServedAlready);
  await dropIndex(connection, index.collection, step.index);
  await build(connection, index, step);
  if (twin) await dropIndex(connection, index.collection, twin.name);
}

// The user's own index on the mirrored keys serves as well as a twin would.
function unlessServedAlready(error: unknown): void {
  if ((error as { code?: unknown }).code !== 85) throw error;
}

async function removeTwin(connection: Connection, step: PlanStep): Promise<void> {
  const [collection] = await inspectIndexes(connection, [step.collection]);
  const original = step.index.slice(0, -twinSuffix.length);
  const serving = collection?.indexes.some(({ name, building }) => name === original && !building);
  if (!serving) {
    throw new OptimizerError(
      "INDEX_CONFLICT",
      `${step.index} stays: the index that it stands in for is missing`,
    );
  }
  await dropIndex(connection, step.collection, step.index);
}

async function dropIndex(connection: Connection, collection: string, index: string): Promise<void> {
  try {
    await databaseOf(connection).command({ dropIndexes: collection, index });
  } catch (error) {
    if ((error as { code?: unknown }).code !== 27) throw error; // already gone
  }
}

function isDuplicate(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return code === 11000 || code === 359;
}
