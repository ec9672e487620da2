import { type Proof, type ProofMethod, proofMethods } from "../core/assurance.js";
import { IdentityError } from "../core/errors.js";

/**
 * Proofs at a moment, each method once.
 *
 * @throws IdentityError `INVALID_INPUT` for what is no method.
 */
export function proofsAt(methods: readonly ProofMethod[], at: Date): Proof[] {
  if (!Array.isArray(methods) || methods.some((method) => !proofMethods.includes(method))) {
    throw new IdentityError("INVALID_INPUT", `proofs: must be an array of ${proofMethods.join(", ")}`);
  }
  return [...new Set(methods)].map((method) => ({ method, at }));
}

/** An aggregation expression: the proofs of a session with these in the place of older ones of the same methods. */
export function withProofs(methods: readonly ProofMethod[], at: Date): Record<string, unknown> {
  const stored = { $ifNull: ["$proofs", []] };
  const others = {
    $filter: { input: stored, as: "proof", cond: { $not: [{ $in: ["$$proof.method", methods] }] } },
  };
  return { $concatArrays: [others, proofsAt(methods, at)] };
}
