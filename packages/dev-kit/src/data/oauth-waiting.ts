import { hashOf } from "./hashes.js";
import { day, type Generation, hour, identifier, kind, type Person } from "./people.js";

type Documents = Generator<Record<string, unknown>>;

/** A document of `authorization_requests`: now and then somebody is being asked. */
export function* authorizationRequestDocuments({ now }: Generation, { index }: Person): Documents {
  if (index % 50 !== 17) return;
  const createdAt = new Date(now.getTime() - 60_000);
  yield {
    _id: identifier(createdAt, index, kind.waiting, 0),
    tokenHash: hashOf("Q", index),
    appId: identifier(createdAt, 0, kind.app, 0),
    origin: "browser",
    parameters: "{}",
    createdAt,
    expiresAt: new Date(createdAt.getTime() + 600_000),
    purgeAt: new Date(createdAt.getTime() + hour),
    schemaVersion: 1,
  };
}

/** A document of `device_authorizations`: now and then a device was let in. */
export function* deviceAuthorizationDocuments({ now }: Generation, { id, index }: Person): Documents {
  if (index % 50 !== 19) return;
  const createdAt = new Date(now.getTime() - 120_000);
  yield {
    _id: identifier(createdAt, index, kind.waiting, 1),
    deviceHash: hashOf("D", index),
    userCodeHash: hashOf("U", index),
    appId: identifier(createdAt, 0, kind.app, 0),
    scopes: ["repo:read"],
    status: "denied",
    userId: id,
    intervalMs: 5_000,
    createdAt,
    expiresAt: new Date(createdAt.getTime() + 600_000),
    purgeAt: new Date(createdAt.getTime() + hour),
    schemaVersion: 1,
  };
}

/** A document of `used_assertions`: of a client that has just authenticated. */
export function* usedAssertionDocuments({ now }: Generation, { index }: Person): Documents {
  if (index % 50 !== 23) return;
  const usedAt = new Date(now.getTime() - 30_000);
  yield {
    _id: identifier(usedAt, index, kind.waiting, 2),
    assertionHash: hashOf("J", index),
    usedAt,
    purgeAt: new Date(usedAt.getTime() + hour),
    schemaVersion: 1,
  };
}

/** The document of `signing_keys`, with the first person: a key that signs. Nobody can open it. */
export function* signingKeyDocuments({ now }: Generation, { index }: Person): Documents {
  if (index !== 0) return;
  const createdAt = new Date(now.getTime() - 30 * day);
  yield {
    _id: identifier(createdAt, index, kind.waiting, 3),
    kid: "K".repeat(43),
    algorithm: "RS256",
    generation: 0,
    publicJwk: "{}",
    keyId: "generated",
    sealedText: "generated",
    createdAt,
    signsFrom: createdAt,
    schemaVersion: 1,
  };
}
