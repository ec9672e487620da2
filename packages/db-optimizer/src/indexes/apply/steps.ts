import { isDuplicate, OptimizerError, toOptimizerError } from "../../core/errors.js";
import { withRetries } from "../../core/server/transient.js";
import { type ExpectedIndex, serverIdentity } from "../declared.js";
import { inspectIndexes } from "../inspect.js";
import { twinSuffix } from "../plan/diff.js";
import { duplicatesError } from "../plan/duplicates.js";
import type { PlanStep } from "../plan/plan-step.js";
import { twinOf } from "../twin.js";
import { buildIndex } from "./build.js";
import { finishDrop, startDrop } from "./drop.js";
import type { StepEnd } from "./journal.js";
import { collMod, drop, endObservation, type StepContext, write } from "./step-context.js";

/** Carries one step out. */
export async function runStep(context: StepContext, step: PlanStep): Promise<StepEnd> {
  const { kind, collection, index: name } = step;
  switch (kind) {
    case "startDrop":
      return startDrop(context, step);
    case "finishDrop":
      return finishDrop(context, step);
    case "removeTwin":
      return removeTwin(context, step);
    case "undoCreate":
      return drop(context, collection, name);
    default:
      return change(context, step, wanted(step));
  }
}

function wanted({ kind, index, expected }: PlanStep): ExpectedIndex {
  if (expected) return expected;
  throw new OptimizerError("INVALID_OPTIONS", `The step ${kind} of ${index} has no index`);
}

async function change(context: StepContext, step: PlanStep, expected: ExpectedIndex): Promise<StepEnd> {
  const { kind, collection, index: name } = step;
  if (kind === "create") await build(context, expected, step);
  if (kind === "setTtl")
    await collMod(context, collection, { name, expireAfterSeconds: expected.expireAfterSeconds });
  if (kind === "hide") await collMod(context, collection, { name, hidden: true });
  if (kind === "unhide") await unhide(context, collection, name);
  if (kind === "setPrepareUnique")
    await collMod(context, collection, { name, prepareUnique: expected.prepareUnique });
  if (kind === "makeUnique") await makeUnique(context, expected, name);
  if (kind === "rebuild") await rebuild(context, expected, step);
  return { outcome: "done" };
}

async function unhide(context: StepContext, collection: string, name: string): Promise<void> {
  await collMod(context, collection, { name, hidden: false });
  if (context.observation) await endObservation(context, context.observation, ["made visible again"]);
}

async function build(
  context: StepContext,
  index: ExpectedIndex,
  step: PlanStep,
  { mayBeGivenUp = true } = {},
): Promise<void> {
  const { connection, signal, onBuild } = context;
  await buildIndex(connection, index, {
    collectionCollation: step.collectionCollation,
    sending: (send) => write(context, send),
    signal: mayBeGivenUp ? signal : undefined,
    onProgress: onBuild,
  });
}

// https://www.mongodb.com/docs/manual/core/index-unique/convert-to-unique/
async function makeUnique(context: StepContext, index: ExpectedIndex, name: string): Promise<void> {
  const { collection } = index;
  await collMod(context, collection, { name, prepareUnique: true });
  try {
    await collMod(context, collection, { name, unique: true }, { dryRun: true });
    await collMod(context, collection, { name, unique: true });
  } catch (error) {
    // Left as it is, the index would go on refusing writes that it has so far accepted.
    await collMod(context, collection, { name, prepareUnique: false }).catch(() => undefined);
    if (isDuplicate(error)) throw await duplicatesError(context.connection, { ...index, name }, error);
    throw error;
  }
}

async function rebuild(context: StepContext, index: ExpectedIndex, step: PlanStep): Promise<void> {
  const twin = twinOf(index);
  if (twin) await build(context, twin, step).catch((error) => unlessServed(context, twin, error));
  await drop(context, index.collection, step.index);
  // From here on going back is no safer than going on, so no signal gives this build up. While the server is away nothing
  // is built, and the wait for it hears the signal.
  await build(context, index, step, { mayBeGivenUp: false });
  if (twin) await drop(context, index.collection, twin.name);
}

// The user's own index on the mirrored keys serves as well as a twin would, if it is visible and finished.
async function unlessServed(context: StepContext, twin: ExpectedIndex, error: unknown): Promise<void> {
  if ((error as { code?: unknown }).code !== 85) throw error;
  const { connection, signal } = context;
  const [found] = await withRetries(() => inspectIndexes(connection, [twin.collection]), signal);
  const serves = found?.indexes.some(
    (index) => !index.hidden && !index.building && serverIdentity(index) === serverIdentity(twin),
  );
  if (!serves) throw toOptimizerError(error, `${twin.name} cannot be built`);
}

async function removeTwin(context: StepContext, step: PlanStep): Promise<StepEnd> {
  const { connection, signal } = context;
  const [collection] = await withRetries(() => inspectIndexes(connection, [step.collection]), signal);
  const original = step.index.slice(0, -twinSuffix.length);
  const serving = collection?.indexes.some(({ name, building }) => name === original && !building);
  if (!serving) {
    throw new OptimizerError(
      "INDEX_CONFLICT",
      `${step.index} stays: the index that it stands in for is missing`,
    );
  }
  return drop(context, step.collection, step.index);
}
