import { Schema, type Types } from "mongoose";
import { type AdministratorRole, administratorRoles } from "../core/administrator-roles.js";
import { limits } from "../core/limits.js";
import { absentable, list, requiredDate, requiredText, schemaOptions } from "./parts/fields.js";
import { type BaseDocument, schemaVersion } from "./parts/version.js";

/** Somebody with roles of the admin area. */
export interface Administrator {
  userId: Types.ObjectId;
  roles: AdministratorRole[];
  since: Date;
  /**
   * The administrators from whom the roles come: who gave them, and from whom theirs came. Absent where the operator of the
   * service gave them.
   */
  givenBy?: Types.ObjectId[];
}

/**
 * The administrators, all in one document: that one stays is decided by the very write that takes another's role.
 * Collection `administrators`.
 */
export interface AdministratorRegisterDocument extends BaseDocument {
  /** There is one. */
  name: "administrators";
  members: Administrator[];
  updatedAt: Date;
}

const member = new Schema<Administrator>(
  {
    userId: { type: Schema.Types.ObjectId, required: true },
    roles: list({ type: String, enum: administratorRoles, required: true }, administratorRoles.length),
    since: requiredDate,
    givenBy: absentable(list({ type: Schema.Types.ObjectId }, limits.administratorGivers)),
  },
  { _id: false },
);

export const administratorRegisterSchema = new Schema<AdministratorRegisterDocument>(
  {
    name: requiredText(limits.name),
    members: list(member, limits.administrators),
    updatedAt: requiredDate,
    schemaVersion,
  },
  schemaOptions("administrators"),
);

administratorRegisterSchema.index({ name: 1 }, { name: "name_unique", unique: true }); // administratorRegister
