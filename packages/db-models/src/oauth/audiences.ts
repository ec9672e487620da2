import type { AppTokenDocument } from "../schemas/app-token.js";
import type { AuthenticatedClient } from "./types.js";

/**
 * The resource servers of an access token (RFC 8707 section 2.2): those that are asked for, if the authorization has them,
 * or, where it named none, if they are the app's.
 */
export function audiencesOf(
  grant: Pick<AppTokenDocument, "audiences">,
  client: Pick<AuthenticatedClient, "resources">,
  asked: readonly string[] | undefined,
): string[] | undefined | "refused" {
  if (!asked || asked.length === 0) return grant.audiences;
  const allowed = grant.audiences ?? client.resources ?? [];
  return asked.every((resource) => allowed.includes(resource)) ? [...new Set(asked)].sort() : "refused";
}
