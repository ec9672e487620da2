import type { Context } from "../context/context.js";
import { equalHashes, parseToken, sha256 } from "../core/secrets.js";
import { queries } from "../queries/queries.js";
import { findByQuery } from "../queries/run-query.js";
import type { AppDocument } from "../schemas/app.js";
import { assertKnownVersion } from "../schemas/parts/version.js";
import type { AuthenticatedClient } from "./types.js";

export interface ClientCredentials {
  /** Anything that came with the request. */
  clientId: unknown;
  /** Absent for a public client. */
  clientSecret?: unknown;
}

export type ClientAuthentication =
  | { ok: true; client: AuthenticatedClient }
  /** The error code of RFC 6749 section 5.2. */
  | { ok: false; reason: "invalid_client" };

const refusal: ClientAuthentication = { ok: false, reason: "invalid_client" };
const longestClientId = 64;

export async function authenticateClient(
  context: Context,
  { clientId, clientSecret }: ClientCredentials,
): Promise<ClientAuthentication> {
  const { models, now } = context;
  if (typeof clientId !== "string" || clientId.length > longestClientId) return refusal;
  const app = await findByQuery(models, queries.appByClientId(clientId));
  if (!app) return refusal;
  assertKnownVersion(app);
  if (app.status !== "active" || !hasProof(app, clientSecret, now)) return refusal;
  return { ok: true, client: clientOf(app) };
}

function hasProof(app: AppDocument, clientSecret: unknown, now: Date): boolean {
  if (app.type === "public") return clientSecret === undefined;
  const presented = parseToken("clientSecret", clientSecret);
  if (!presented) return false;
  const hash = sha256(presented.raw);
  const matches = app.clientSecrets.map(
    ({ secretHash, expiresAt }) => equalHashes(hash, secretHash) && !(expiresAt && expiresAt <= now),
  );
  return matches.includes(true);
}

function clientOf(app: AppDocument): AuthenticatedClient {
  const { _id, clientId, type, name, redirectUris, grantTypes, scopes } = app;
  return { _id, clientId, type, name, redirectUris, grantTypes, scopes };
}
