import type { SchemaDefinitionProperty, SchemaOptions } from "mongoose";

/** Expiry is decided on read; a TTL index on `purgeAt` only collects garbage, at once when the date has passed. */
export const purgeAtTtl = { name: "purge_ttl", expireAfterSeconds: 0 } as const;

/** Collections and indexes are made by an explicit setup, never as a side effect of a request. */
export function schemaOptions(collection: string) {
  return {
    collection,
    strict: "throw",
    strictQuery: "throw",
    versionKey: false,
    autoIndex: false,
    autoCreate: false,
    minimize: false,
  } as const satisfies SchemaOptions;
}

export const text = (maxlength: number) => ({ type: String, maxlength, trim: true });
export const requiredText = (maxlength: number) => ({ ...text(maxlength), required: true });
/** Text of somebody else, kept as it is: an empty one too. */
export const keptText = (maxlength: number) => ({ type: String, maxlength, default: "" });
/** SHA-256 in base64url. */
export const hash = { type: String, minlength: 43, maxlength: 43 } as const;
export const count = { type: Number, required: true, default: 0, min: 0 };
export const requiredDate = { type: Date, required: true };

/** An array with at most `maxItems` items; the option is read again by the validators and the reference. */
export function list<T extends SchemaDefinitionProperty>(item: T, maxItems: number) {
  return {
    type: [item],
    default: [],
    maxItems,
    validate: {
      validator: (items: unknown[]) => items.length <= maxItems,
      message: `at most ${maxItems} items`,
    },
  };
}
