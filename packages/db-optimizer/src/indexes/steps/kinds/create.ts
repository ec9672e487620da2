// create: builds an index that the models declare and the server lacks.
import { OptimizerError } from "../../../core/errors.js";
import { createIndexText } from "../../command.js";
import type { ExpectedIndex } from "../../declared.js";
import { buildDeclared } from "../build-declared.js";
import { estimateBuild } from "../estimate.js";
import { expiryRisk, indexExpiry } from "../expiring.js";
import type { IndexKind, OnIndex, StepBasis } from "../kind.js";

export interface CreateStep extends OnIndex<"create"> {
  readonly expected: ExpectedIndex;
}

export const create: IndexKind<CreateStep, [ExpectedIndex, StepBasis]> = {
  progress: "create index",
  consent: "allowExpiry",
  undo: "restore",
  describe(expected, { collation, size }) {
    const ttl = expected.expireAfterSeconds !== undefined;
    return {
      kind: "create",
      collection: expected.collection,
      index: expected.name,
      reason: `declared by ${expected.models.join(", ")}, not on the server`,
      ...riskOf(expected),
      reversible: !ttl,
      destructive: false,
      commands: [createIndexText(expected, collation)],
      expected,
      collectionCollation: collation,
      ...(size && { estimate: estimateBuild(expected, size) }),
    };
  },
  expiry: ({ expected }) => indexExpiry(expected),
  needed(step, found, planned) {
    if (!found?.exists) assertOrdinary(step);
    return planned();
  },
  async run(context, step) {
    await buildDeclared(context, step.expected, step);
    return { outcome: "done" };
  },
  wanted: ({ expected }) => expected,
  leaves: (_before, wanted) => [wanted],
};

/** @throws {OptimizerError} `COLLECTION_CONFLICT` where the server would create another collection than is declared */
function assertOrdinary({ collection, index, expected }: CreateStep): void {
  const { creationOptions = [] } = expected;
  if (creationOptions.length === 0) return;
  throw new OptimizerError(
    "COLLECTION_CONFLICT",
    `Cannot create ${collection}.${index}: the collection does not exist, and the server would create it without ${creationOptions.join(", ")}. Create it first with org-db setup`,
    { details: { collection, index, options: creationOptions } },
  );
}

function riskOf(expected: ExpectedIndex): Pick<CreateStep, "risk" | "riskReason"> {
  if (expected.expireAfterSeconds !== undefined) return { risk: "high", riskReason: expiryRisk(expected) };
  return expected.unique
    ? {
        risk: "medium",
        riskReason: "fails if values are duplicated; from then on duplicates are refused",
      }
    : { risk: "low", riskReason: "reads the whole collection once" };
}
