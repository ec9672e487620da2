import type { Types } from "mongoose";
import { IdentityError } from "../../core/errors.js";
/** Fields that every document of this package has. */
export interface BaseDocument {
  _id: Types.ObjectId;
  /** Layout of this document; a reader that knows only older layouts refuses it. */
  schemaVersion: number;
}

/** The layout that this version of the package writes. */
export const currentSchemaVersion = 1;

export const schemaVersion = {
  type: Number,
  required: true,
  default: currentSchemaVersion,
  min: 1,
  validate: {
    validator: (version: number) => version <= currentSchemaVersion,
    message: "schemaVersion {VALUE} is newer than this package knows",
  },
};

/** A document that a newer version of this package wrote must not be rewritten by an older one. */
export function assertKnownVersion(document: { schemaVersion: number }): void {
  // Not `>`: what is no number is refused as well.
  if (!(document.schemaVersion <= currentSchemaVersion)) {
    throw new IdentityError(
      "SCHEMA_TOO_NEW",
      `the document has layout ${document.schemaVersion}; this package knows layouts up to ${currentSchemaVersion}`,
    );
  }
}
