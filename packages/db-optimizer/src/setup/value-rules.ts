// Derives a validator's rules for values from the paths of a schema.
import type { Document } from "../core/model.js";
import type { JsonSchema, SchemaPath } from "./schema-types.js";

/** A path's validators as rules of a JSON schema, as far as MongoDB has the same ones. Pure. */
export function valueRules({ instance, validators = [] }: SchemaPath): JsonSchema {
  // A validator of an array's length or a date's bounds has no counterpart with the same meaning.
  if (!ruled.has(instance)) return {};
  return Object.assign({}, ...(validators as Document[]).map(ruleOf)) as JsonSchema;
}

const ruled = new Set(["Number", "String", "Int32", "Double"]);

function ruleOf(validator: Document): JsonSchema {
  switch (validator.type) {
    case "min":
      return isBound(validator.min) ? { minimum: validator.min } : {};
    case "max":
      return isBound(validator.max) ? { maximum: validator.max } : {};
    case "maxlength":
      return isBound(validator.maxlength) ? { maxLength: wholeLength(validator.maxlength) } : {};
    case "minlength":
      // JavaScript counts UTF-16 units and MongoDB characters, of which there may be half as many.
      return isBound(validator.minlength) ? { minLength: wholeLength(validator.minlength / 2) } : {};
    case "enum":
      return enumRule(validator.enumValues);
    default:
      return {};
  }
}

// MongoDB takes an enumeration neither empty nor with the same value twice.
function enumRule(given: unknown): JsonSchema {
  const values = Array.isArray(given) ? [...new Set(given.filter((value) => value !== undefined))] : [];
  return values.length > 0 ? { enum: values } : {};
}

function wholeLength(length: number): number {
  return Math.max(0, Math.ceil(length));
}

function isBound(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}
