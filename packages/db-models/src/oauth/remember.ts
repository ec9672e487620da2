import { mongo } from "mongoose";
import type { IdentityModels } from "../schemas/models.js";
import type { Subject } from "../session-cache/invalidations.js";
import type { GrantState, RememberedAccessToken } from "../session-cache/remembered.js";
import { subjectsOfDocument } from "../session-cache/subjects.js";
import type { Kept } from "../session-cache/table.js";
import { factsOf } from "./issue.js";

/** What memory keeps of an access token that has just been accepted. */
export function keptAccessToken(
  models: IdentityModels,
  { grant, issued }: RememberedAccessToken,
): Kept<RememberedAccessToken> | undefined {
  // As with the session: two people decide about it, at that moment.
  if (grant.actor) return undefined;
  const { _id, ownerId, userId, appId, permissionId, permissionGeneration, expiresAt } = grant;
  const { app, user, session, permission } = grant;
  const value: RememberedAccessToken = {
    grant: {
      _id,
      ownerId,
      ...(userId && { userId }),
      appId,
      ...(permissionId && { permissionId }),
      ...(permissionGeneration !== undefined && { permissionGeneration }),
      expiresAt,
      ...factsOf(grant),
      app,
      user,
      session,
      permission,
    },
    issued,
  };
  return {
    value,
    subjects: subjectsOf(models, grant),
    bytes: mongo.BSON.calculateObjectSize(value),
  };
}

/** All that the token rests on: a change of any of it ends what memory knows of the token. */
function subjectsOf(models: IdentityModels, grant: GrantState): Subject[] {
  const { userId, appId, permissionId, boundSessionId } = grant;
  const { AppToken, App, User, AppPermission, UserSession } = models;
  return [
    ...subjectsOfDocument(AppToken.collection.name, grant),
    ...subjectsOfDocument(App.collection.name, { _id: appId, clientId: grant.app[0]?.clientId }),
    ...(userId ? subjectsOfDocument(User.collection.name, { _id: userId }) : []),
    ...(permissionId
      ? subjectsOfDocument(AppPermission.collection.name, { _id: permissionId, userId, appId })
      : []),
    ...(boundSessionId
      ? subjectsOfDocument(UserSession.collection.name, { _id: boundSessionId, userId })
      : []),
  ];
}
