import type { Context } from "../context/context.js";
import { isOver } from "../core/clock.js";
import { equalHashes, parseToken, sha256 } from "../core/secrets.js";
import { queries } from "../queries/queries.js";
import { findByQuery } from "../queries/run-query.js";
import type { AppDocument } from "../schemas/app.js";
import { assertKnownVersion } from "../schemas/parts/version.js";
import { type PresentedAuthorization, readPresented } from "./presented.js";
import { type AuthenticatedClient, clientFields } from "./types.js";

export interface ClientCredentials {
  /** Anything that came with the request. */
  clientId: unknown;
  /** Absent for a public client. */
  clientSecret?: unknown;
  /** How the secret came. Default: in a way that the app may use. */
  method?: "client_secret_basic" | "client_secret_post";
  /** The code or token that the request presents: read in the same command as its app. Default: none. */
  presented?: unknown;
}

export type ClientAuthentication =
  | {
      ok: true;
      client: AuthenticatedClient;
      /** Where `presented` leads to one: for `exchange`, `refresh`, `introspect` or `revoke`, which then don't read it again. */
      authorization?: PresentedAuthorization;
    }
  /** The error code of RFC 6749 section 5.2. */
  | { ok: false; reason: "invalid_client" };

const refusal: ClientAuthentication = { ok: false, reason: "invalid_client" };
const longestClientId = 64;

export async function authenticateClient(
  context: Context,
  { clientId, clientSecret, method, presented }: ClientCredentials,
): Promise<ClientAuthentication> {
  const { models, now } = context;
  if (typeof clientId !== "string" || clientId.length > longestClientId) return refusal;
  const read = await readPresented(context, presented);
  const app =
    read?.app?.clientId === clientId ? read.app : await findByQuery(models, queries.appByClientId(clientId));
  if (!app) return refusal;
  assertKnownVersion(app);
  const expected = app.clientAuthentication;
  if (expected === "private_key_jwt" || (expected && method && expected !== method)) return refusal;
  if (app.status !== "active" || !hasProof(app, clientSecret, now)) return refusal;
  return { ok: true, client: clientOf(app), ...(read && { authorization: read.authorization }) };
}

function hasProof(app: AppDocument, clientSecret: unknown, now: Date): boolean {
  if (app.type === "public") return clientSecret === undefined;
  const presented = parseToken("clientSecret", clientSecret);
  if (!presented) return false;
  const hash = sha256(presented.raw);
  const matches = app.clientSecrets.map(
    ({ secretHash, expiresAt }) => equalHashes(hash, secretHash) && !(expiresAt && isOver(expiresAt, now)),
  );
  return matches.includes(true);
}

/** What others may know of an app. */
export function clientOf(app: AppDocument): AuthenticatedClient {
  const known = clientFields.flatMap((field) => (app[field] === undefined ? [] : [[field, app[field]]]));
  return Object.fromEntries(known) as AuthenticatedClient;
}

/** An app that has not shown who it is, and the keys with which it could. */
export interface KnownClient {
  client: AuthenticatedClient;
  /** JWKs in JSON. */
  publicKeys: readonly string[];
}

export async function findClient(context: Context, clientId: unknown): Promise<KnownClient | undefined> {
  if (typeof clientId !== "string" || clientId.length > longestClientId) return undefined;
  const app = await findByQuery(context.models, queries.appByClientId(clientId));
  if (!app) return undefined;
  assertKnownVersion(app);
  return app.status === "active" ? { client: clientOf(app), publicKeys: app.publicKeys ?? [] } : undefined;
}
