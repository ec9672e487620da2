import { Schema, type Types } from "mongoose";
import { limits } from "../core/limits.js";
import { count, list, purgeAtTtl, requiredDate, requiredText, schemaOptions } from "./parts/fields.js";
import { type BaseDocument, schemaVersion } from "./parts/version.js";

/** A user's consent to one app. Collection `app_permissions`. */
export interface AppPermissionDocument extends BaseDocument {
  userId: Types.ObjectId;
  appId: Types.ObjectId;
  /** Hierarchical, separated by colons: `repo` contains `repo:read`. */
  scopes: string[];
  /** Rises when it is revoked; authorizations under an older one are over. */
  generation: number;
  grantedAt: Date;
  /** The session that gave it, or widened it last. */
  addedInSession?: Types.ObjectId;
  lastUsedAt?: Date;
  revokedAt?: Date;
  purgeAt?: Date;
}

export const appPermissionSchema = new Schema<AppPermissionDocument>(
  {
    userId: { type: Schema.Types.ObjectId, required: true },
    appId: { type: Schema.Types.ObjectId, required: true },
    scopes: list(requiredText(limits.scope), limits.scopes),
    generation: count,
    grantedAt: requiredDate,
    addedInSession: Schema.Types.ObjectId,
    lastUsedAt: Date,
    revokedAt: Date,
    purgeAt: Date,
    schemaVersion,
  },
  schemaOptions("app_permissions", { userId: 1 }),
);

appPermissionSchema
  .index({ userId: 1, appId: 1 }, { name: "user_app_unique", unique: true }) // permissionOfUserForApp
  .index({ userId: 1, revokedAt: 1, grantedAt: -1, _id: -1 }, { name: "live_of_user" }) // livePermissionsOfUser
  .index({ appId: 1, revokedAt: 1, grantedAt: -1, _id: -1 }, { name: "live_of_app" }) // livePermissionsOfApp
  .index({ scopes: 1, grantedAt: -1, _id: -1 }, { name: "scope_newest" }) // permissionsWithScope
  .index({ purgeAt: 1 }, purgeAtTtl); // TTL: revoked consents
