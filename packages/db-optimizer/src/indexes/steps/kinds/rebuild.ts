// rebuild: replaces an index that cannot be changed in place, while a twin serves its queries.
import { toOptimizerError } from "../../../core/errors.js";
import { withRetries } from "../../../core/server/transient.js";
import { createIndexText, dropIndexText } from "../../command.js";
import { type ExpectedIndex, serverIdentity } from "../../declared.js";
import { inspectIndexes } from "../../inspect.js";
import { keysText } from "../../spec.js";
import { buildDeclared } from "../build-declared.js";
import { drop, type StepContext } from "../context.js";
import { type BuildEstimate, estimateBuild } from "../estimate.js";
import { indexExpiry } from "../expiring.js";
import { type Change, changeOf } from "../in-place.js";
import type { IndexKind, StepBasis, ToDeclared } from "../kind.js";
import { twinOf } from "../twin.js";

export type RebuildStep = ToDeclared<"rebuild">;

export const rebuild: IndexKind<RebuildStep, [Change, StepBasis]> = {
  progress: "rebuild",
  consent: "rebuild",
  undo: "restore",
  describe(change, basis) {
    const { expected, actual } = change;
    const { collation, size, shardKey } = basis;
    const twin = twinOf(expected);
    const loosens = actual.unique && !expected.unique;
    const sharded = shardKey !== undefined && shardKey === keysText(actual);
    return {
      kind: "rebuild",
      ...changeOf(change, basis),
      risk: loosens || sharded || !twin ? "high" : "medium",
      riskReason: riskOf({ twin: twin !== undefined, loosens, sharded }),
      reversible: false,
      destructive: true,
      commands: [
        ...(twin ? [createIndexText(twin, collation)] : []),
        dropIndexText(expected.collection, actual.name),
        createIndexText(expected, collation),
        ...(twin ? [dropIndexText(expected.collection, twin.name)] : []),
      ],
      ...(size && { estimate: twice(estimateBuild(expected, size, actual.name), twin !== undefined) }),
    };
  },
  expiry: ({ expected, actual }) => indexExpiry(expected, actual),
  needed: (_step, _found, planned) => planned(),
  async run(context, step) {
    const { collection, expected } = step;
    const twin = twinOf(expected);
    if (twin) await buildDeclared(context, twin, step).catch((error) => unlessServed(context, twin, error));
    await drop(context, collection, step.index);
    // From here on going back is no safer than going on, so no signal gives this build up. While the server is away nothing
    // is built, and the wait for it hears the signal.
    await buildDeclared(context, expected, step, { mayBeGivenUp: false });
    if (twin) await drop(context, collection, twin.name);
    return { outcome: "done" };
  },
  wanted: ({ expected }) => expected,
  leaves: (_before, wanted) => [wanted, undefined],
};

function riskOf(given: Readonly<Record<"twin" | "loosens" | "sharded", boolean>>): string {
  return [
    given.twin
      ? "builds it twice; a twin serves meanwhile"
      : "an index of this kind cannot have a twin: nothing serves until it is built",
    ...(given.loosens ? ["duplicates are accepted afterwards"] : []),
    ...(given.sharded
      ? ["the server refuses to drop the only index of the shard key: build a longer one first"]
      : []),
  ].join("; ");
}

// The twin is read, sorted and stored beside the index that it stands in for.
function twice(estimate: BuildEstimate, twin: boolean): BuildEstimate {
  const { documents, bytes, buildMs } = estimate;
  return twin ? { documents: documents * 2, bytes: bytes * 2, buildMs: buildMs * 2 } : estimate;
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
