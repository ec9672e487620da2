import type { Types } from "mongoose";

/**
 * The session that an authorization ends with: without `offline_access` it is for as long as the user is there, so it ends with the
 * session in which they agreed (OpenID Connect Core section 11). That holds for every grant of a user's, whether or not the
 * app signs them in.
 */
export const boundTo = (
  sessionId: Types.ObjectId,
  scopes: readonly string[],
): { readonly boundSessionId?: Types.ObjectId } =>
  scopes.includes("offline_access") ? {} : { boundSessionId: sessionId };
