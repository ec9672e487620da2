import { Types } from "mongoose";
import { randomKey, sha256Text } from "../src/core/secrets.js";
import type { Identity } from "../src/index.js";
import { makeUser } from "./database.js";

/** A token that is good, and one of the ways in which it ends. */
export interface Revocable {
  readonly token: string;
  readonly revoke: () => Promise<unknown>;
}

type Opener = (identity: Identity, userId: Types.ObjectId) => Promise<Revocable>;

const suspend = (identity: Identity, userId: Types.ObjectId) =>
  identity.users.setStatus({ userId, status: "suspended" });

const openers: readonly Opener[] = [
  session((identity, { userId, id }) => identity.sessions.revoke({ userId, sessionId: id })),
  session((identity, { userId }) => identity.sessions.revokeAll({ userId })),
  session((identity, { token }) => identity.sessions.refresh(token)),
  session((identity, { userId }) => suspend(identity, userId)),
  session((identity, { userId }) => identity.privacy.erase({ userId })),
  apiKey((identity, { userId, keyId }) => identity.apiKeys.revoke({ userId, keyId })),
  apiKey((identity, { userId }) => suspend(identity, userId)),
  accessToken((identity, { client, token }) => identity.oauth.revoke({ client, token })),
  accessToken((identity, { userId, client }) => identity.oauth.revokeConsent({ userId, appId: client._id })),
  accessToken((identity, { client: { clientId } }) =>
    identity.oauth.setAppStatus({ clientId, status: "suspended" }),
  ),
  accessToken((identity, { userId }) => suspend(identity, userId)),
  accessToken((identity, { userId, sessionId }) => identity.sessions.revoke({ userId, sessionId })),
];

/** Of a user of its own, in turn in each kind. */
export async function openRevocable(identity: Identity, count: number): Promise<Revocable> {
  const { _id } = await makeUser(identity.models, { email: `${new Types.ObjectId()}@example.com` });
  const open = openers[count % openers.length] as Opener;
  return open(identity, _id);
}

interface OpenSession {
  userId: Types.ObjectId;
  id: Types.ObjectId;
  token: string;
}

function session(end: (identity: Identity, opened: OpenSession) => Promise<unknown>): Opener {
  return async (identity, userId) => {
    const { id, token } = await identity.sessions.open({ userId });
    return { token, revoke: () => end(identity, { userId, id, token }) };
  };
}

function apiKey(
  end: (identity: Identity, made: { userId: Types.ObjectId; keyId: Types.ObjectId }) => Promise<unknown>,
): Opener {
  return async (identity, userId) => {
    const { key, apiKey: made } = await identity.apiKeys.create({ userId, name: "deploy", scopes: ["repo"] });
    return { token: key, revoke: () => end(identity, { userId, keyId: made.id }) };
  };
}

interface Granted {
  userId: Types.ObjectId;
  sessionId: Types.ObjectId;
  client: Awaited<ReturnType<typeof clientOf>>;
  token: string;
}

const redirectUri = "https://app.example.com/callback";

/** An access token that ends with a session. */
function accessToken(end: (identity: Identity, granted: Granted) => Promise<unknown>): Opener {
  return async (identity, userId) => {
    const { id: sessionId } = await identity.sessions.open({ userId });
    const client = await clientOf(identity, userId);
    await identity.oauth.grantConsent({ userId, appId: client._id, scopes: ["repo"] });
    const codeVerifier = randomKey();
    const request = {
      responseType: "code",
      clientId: client.clientId,
      redirectUri,
      scope: "repo",
      codeChallenge: sha256Text(codeVerifier),
      codeChallengeMethod: "S256",
    };
    const facts = { boundSessionId: sessionId };
    const answer = await identity.oauth.authorize({ ...request, userId, facts });
    if (!answer.ok) throw new Error(`no code: ${answer.reason}`);
    const granted = await identity.oauth.exchange({ client, code: answer.code, redirectUri, codeVerifier });
    if (!granted.ok) throw new Error(`no token: ${granted.reason}`);
    const token = granted.accessToken;
    return { token, revoke: () => end(identity, { userId, sessionId, client, token }) };
  };
}

async function clientOf(identity: Identity, ownerId: Types.ObjectId) {
  const { app, clientSecret } = await identity.oauth.registerApp({
    ownerId,
    name: "Notes",
    type: "confidential",
    redirectUris: [redirectUri],
    scopes: ["repo"],
  });
  const answer = await identity.oauth.authenticateClient({ clientId: app.clientId, clientSecret });
  if (!answer.ok) throw new Error("the client is not authenticated");
  return answer.client;
}
