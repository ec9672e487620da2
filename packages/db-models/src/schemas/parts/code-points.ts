import type { Schema, SchemaType } from "mongoose";
import { lengthOf } from "../../core/text.js";

interface LengthValidator {
  type?: string;
  minlength?: number;
  maxlength?: number;
  validator: (value: unknown) => boolean;
}

/**
 * Makes `minlength` and `maxlength` of a schema count code points of the NFC form, as its input is checked and as MongoDB's
 * `$jsonSchema` counts, and not UTF-16 units, by which Mongoose would refuse what somebody could register with.
 */
export function countCodePoints(schema: Schema): void {
  schema.eachPath((_path, type) => countIn(type));
  for (const { schema: child } of schema.childSchemas) countCodePoints(child as Schema);
}

function countIn(type: SchemaType): void {
  for (const one of type.validators as LengthValidator[]) {
    const { minlength, maxlength } = one;
    if (one.type === "maxlength" && maxlength !== undefined)
      one.validator = (value) => !isText(value) || lengthOf(value) <= maxlength;
    if (one.type === "minlength" && minlength !== undefined)
      one.validator = (value) => !isText(value) || lengthOf(value) >= minlength;
  }
  const { embeddedSchemaType } = type as { embeddedSchemaType?: SchemaType };
  if (embeddedSchemaType) countIn(embeddedSchemaType);
}

// Values that are not text are left to other validators.
function isText(value: unknown): value is string {
  return typeof value === "string";
}
