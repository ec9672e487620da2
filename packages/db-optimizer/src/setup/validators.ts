// Validators of the server, judged by what models declare.
import { createHash } from "node:crypto";
import type { Document } from "../core/model.js";
import { stableText } from "../indexes/canonical.js";
import type { JsonSchema } from "./schema-types.js";

/** Action on a document that fails the validator: `warn` writes a log line, `error` refuses the write. */
export type ValidationAction = "warn" | "error";

/** A validator with when and how it acts. */
export interface ValidatorState {
  readonly validator: Document;
  readonly validationLevel: string;
  readonly validationAction: string;
}

/** Verdict on the validator of a collection that exists. */
export type ValidatorVerdict =
  | { readonly kind: "fine" }
  /** It stays, and people are told why. */
  | { readonly kind: "kept"; readonly why: string }
  /** `destructive`: it replaces or weakens what refuses writes, or what the models do not know. */
  | {
      readonly kind: "set";
      readonly state: ValidatorState;
      readonly why: string;
      readonly destructive: boolean;
    };

/** The validator that a server has; absent where it has none. */
export function validatorOf(options: Document): ValidatorState | undefined {
  const {
    validator,
    validationLevel = "strict",
    validationAction = "error",
  } = options as Partial<ValidatorState>;
  if (!validator || Object.keys(validator).length === 0) return undefined;
  return { validator, validationLevel, validationAction };
}

/** A derived schema as a validator, signed: so that one which somebody has edited is no longer taken for ours. */
export function signedValidator(schema: JsonSchema): Document {
  return { $jsonSchema: { title: titleOf(schema), ...schema } };
}

function titleOf(schema: JsonSchema): string {
  return `org-db ${createHash("sha256").update(stableText(schema)).digest("hex").slice(0, 16)}`;
}

/** Whether a validator was derived from models, and not edited since. */
function isDerived(validator: Document): boolean {
  const { $jsonSchema: given, ...others } = validator;
  if (!given || typeof given !== "object" || Object.keys(others).length > 0) return false;
  const { title, ...schema } = given as JsonSchema;
  return title === titleOf(schema);
}

/** Verdict on a validator that the schema declares itself. Pure. */
export function judgeDeclared(wanted: ValidatorState, found: ValidatorState | undefined): ValidatorVerdict {
  if (!found) return { kind: "set", state: wanted, why: "it has no validator", destructive: false };
  if (sameState(wanted, found)) return { kind: "fine" };
  const differing = (["validator", "validationLevel", "validationAction"] as const).filter(
    (name) => stableText(wanted[name]) !== stableText(found[name]),
  );
  return {
    kind: "set",
    state: wanted,
    why: `its ${differing.join(", ")} differs from the schema's`,
    destructive: true,
  };
}

/**
 * Step for a validator derived from a model. A validator that somebody else made stays; one of ours is never weakened
 * unless that is requested and confirmed. Pure.
 *
 * @param action the strictest action to set; absent, `warn` for new validators and the present action for existing ones
 */
export function judgeDerived(
  schema: JsonSchema,
  found: ValidatorState | undefined,
  action: ValidationAction | undefined,
): ValidatorVerdict {
  const validator = signedValidator(schema);
  const fresh = { validator, validationLevel: "moderate", validationAction: action ?? "warn" };
  if (!found) return { kind: "set", state: fresh, why: "it has no validator", destructive: false };
  const { validationLevel, validationAction } = found;
  const current = isCurrent(found.validator, schema);
  if (!current && !isDerived(found.validator))
    return {
      kind: "kept",
      why: "its validator was not made by this package and stays; remove it to get one derived from the models",
    };
  if (validationLevel === "off")
    return { kind: "kept", why: "its validator is switched off (validationLevel: off) and stays so" };
  const state = { validator, validationLevel, validationAction: action ?? validationAction };
  const weakens = validationAction === "error" && state.validationAction !== "error";
  if (current && state.validationAction === validationAction) return { kind: "fine" };
  return {
    kind: "set",
    state,
    why: current
      ? `its validator ${weakens ? "refuses writes, and would only warn" : "only warns"}`
      : "its validator differs from the models",
    destructive: weakens || (!current && validationAction === "error"),
  };
}

function isCurrent(validator: Document, schema: JsonSchema): boolean {
  const text = stableText(validator);
  return text === stableText(signedValidator(schema)) || text === stableText({ $jsonSchema: schema });
}

function sameState(a: ValidatorState, b: ValidatorState): boolean {
  return (
    stableText([a.validator, a.validationLevel, a.validationAction]) ===
    stableText([b.validator, b.validationLevel, b.validationAction])
  );
}
