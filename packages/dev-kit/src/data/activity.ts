import { hashOf } from "./hashes.js";
import { day, type Generation, hour, identifier, kind, type Person } from "./people.js";

/** Documents of the collection `security_events`. */
export function* securityEventDocuments(
  generation: Generation,
  person: Person,
): Generator<Record<string, unknown>> {
  const { random, habits } = person;
  const count = random.chance(0.3) ? 1 + random.geometric(0.5) : 0;
  for (let sequence = 0; sequence < count; sequence++) {
    const at = new Date(generation.now.getTime() - random.integer(1, 400 * 24) * hour);
    const [eventKind, severity] = random.pick(eventKinds);
    yield {
      _id: identifier(at, person.index, kind.event, 0x800000 + sequence),
      userId: person.id,
      kind: eventKind,
      severity,
      at,
      network: random.pick(habits.places).network,
      country: habits.country.code,
      device: random.pick(habits.devices).device.label,
      reasons: [],
      purgeAt: new Date(at.getTime() + 365 * day),
      schemaVersion: 1,
    };
  }
}

const eventKinds = [
  ["new_device", "info"],
  ["new_device", "info"],
  ["new_location", "warning"],
  ["session_evicted", "info"],
  ["reuse_detected", "critical"],
] as const;

/** Documents of the collection `usage_buckets`: a few days of use each. */
export function* usageDocuments(generation: Generation, person: Person): Generator<Record<string, unknown>> {
  const { random } = person;
  const today = Math.floor(generation.now.getTime() / day) * day;
  const days = random.geometric(1);
  for (let back = 0; back < days; back++) {
    const startedAt = new Date(today - back * day);
    const requests = 1 + random.geometric(80);
    yield {
      _id: identifier(startedAt, person.index, kind.bucket, back),
      userId: person.id,
      interval: "day",
      startedAt,
      requests,
      failures: Math.floor(requests * 0.02),
      endpoints: [{ endpoint: "GET /v1/profile", requests, failures: Math.floor(requests * 0.02), error: 0 }],
      purgeAt: new Date(startedAt.getTime() + 731 * day),
      schemaVersion: 1,
    };
  }
}

/** Documents of the collection `login_profiles`: people, and the networks that failures came from. */
export function* loginProfileDocuments(
  generation: Generation,
  person: Person,
): Generator<Record<string, unknown>> {
  const { random, habits, lastActiveAt, index } = person;
  if (!random.chance(0.3)) return;
  const failures = random.geometric(1);
  const delayed = failures > 3 && {
    delayedUntil: new Date(generation.now.getTime() + random.integer(-60, 60) * 60_000),
  };
  const shared = {
    counter: { failures, forgottenAt: lastActiveAt, ...delayed },
    devices: [],
    updatedAt: lastActiveAt,
    purgeAt: new Date(lastActiveAt.getTime() + 365 * day),
    schemaVersion: 1,
  };
  yield {
    _id: identifier(lastActiveAt, index, kind.profile, 0),
    subject: "user",
    key: person.id.toHexString(),
    ...shared,
  };
  yield {
    _id: identifier(lastActiveAt, index, kind.profile, 2),
    subject: "account",
    key: random.base64url(32),
    userId: person.id,
    ...shared,
  };
  // A network of one's own, so that no two documents speak of one network.
  if (failures > 2 && habits.places[0] && index < 0xff_ffff) {
    const key = `10.${index >>> 16}.${(index >>> 8) & 255}.${index & 255}/32`;
    yield { _id: identifier(lastActiveAt, index, kind.profile, 1), subject: "network", key, ...shared };
  }
}

/** A document of the collection `risk_counters`: a value that somebody's sign-ins had. */
export function* riskCounterDocuments(_: Generation, person: Person): Generator<Record<string, unknown>> {
  const { random, lastActiveAt, index } = person;
  yield {
    _id: identifier(lastActiveAt, index, kind.profile, 3),
    key: random.bytes(32),
    logins: 1 + random.geometric(3),
    users: 0,
    updatedAt: lastActiveAt,
    purgeAt: new Date(lastActiveAt.getTime() + 400 * day),
    schemaVersion: 1,
  };
}

/** A document of the collection `request_limits`: the window of a client of just now. */
export function* requestLimitDocuments(
  { now }: Generation,
  { random, index }: Person,
): Generator<Record<string, unknown>> {
  if (index % 10 !== 3) return;
  const startedAt = new Date(now.getTime() - random.integer(0, 50) * 1_000);
  yield {
    _id: identifier(startedAt, index, kind.profile, 9),
    key: random.bytes(32),
    startedAt,
    taken: random.integer(1, 300),
    purgeAt: new Date(startedAt.getTime() + 120_000),
    schemaVersion: 1,
  };
}

/** A document of the collection `login_challenges`: somebody of twenty was asked for a code just now. */
export function* loginChallengeDocuments(
  { now }: Generation,
  { random, id, index }: Person,
): Generator<Record<string, unknown>> {
  if (index % 20 !== 7) return;
  const createdAt = new Date(now.getTime() - random.integer(0, 9) * 60_000);
  yield {
    _id: identifier(createdAt, index, kind.profile, 4),
    userId: id,
    tokenHash: random.bytes(32),
    codeHash: "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$bm90IGEgcmVhbCBoYXNo",
    userGeneration: 0,
    risk: { score: random.integer(4, 90), level: "medium", reasons: ["new_country"] },
    attemptsLeft: 5,
    createdAt,
    expiresAt: new Date(createdAt.getTime() + 10 * 60_000),
    purgeAt: new Date(createdAt.getTime() + day),
    schemaVersion: 1,
  };
}

/**
 * A document of the collection `user_factors`: one of ten people has an authenticator app, sealed with a key of nobody's,
 * and a passkey; one of forty has lost both.
 */
export function* factorDocuments(
  { now }: Generation,
  { id, index }: Person,
): Generator<Record<string, unknown>> {
  if (index % 10 !== 3) return;
  const confirmedAt = new Date(now.getTime() - day);
  const _id = identifier(confirmedAt, index, kind.profile, 5);
  yield {
    _id,
    userId: id,
    totp: {
      id: _id,
      keyId: index % 20 === 3 ? "former" : "current",
      sealedText: "A".repeat(74),
      usedSteps: [0, 1],
      confirmedAt,
      lastUsedAt: confirmedAt,
    },
    enabledAt: confirmedAt,
    passkeys: [
      {
        id: _id,
        name: "Passkey",
        credentialId: `credential-${index}`,
        publicKey: "A".repeat(103),
        signCount: 0,
        transports: ["internal", "hybrid"],
        aaguid: "00000000-0000-0000-0000-000000000000",
        backupEligible: true,
        backedUp: true,
        verifiesUser: true,
        createdAt: confirmedAt,
      },
    ],
    ...(index % 40 === 3 && { recovery: recoveryOf(_id, index, confirmedAt) }),
    createdAt: confirmedAt,
    updatedAt: confirmedAt,
    schemaVersion: 1,
  };
}

function recoveryOf(id: unknown, index: number, requestedAt: Date) {
  return {
    id,
    cancelHash: hashOf("R", index),
    requestedAt,
    availableAt: new Date(requestedAt.getTime() + 3 * day),
    expiresAt: new Date(requestedAt.getTime() + 10 * day),
    noticesAt: [requestedAt],
  };
}

/** A document of the collection `passkey_challenges`: now and then somebody has not answered yet. */
export function* passkeyChallengeDocuments(
  { now }: Generation,
  { id, index }: Person,
): Generator<Record<string, unknown>> {
  if (index % 50 !== 13) return;
  const createdAt = new Date(now.getTime() - 60_000);
  yield {
    _id: identifier(createdAt, index, kind.profile, 6),
    challengeHash: hashOf("P", index),
    ceremony: "authentication",
    userId: id,
    verifiesUser: false,
    createdAt,
    expiresAt: new Date(createdAt.getTime() + 300_000),
    purgeAt: new Date(createdAt.getTime() + hour),
    schemaVersion: 1,
  };
}

/** A document of the collection `erasures`: of somebody else, who is gone. One for every hundred people or so. */
export function* erasureDocuments(
  generation: Generation,
  person: Person,
): Generator<Record<string, unknown>> {
  const { index } = person;
  if (index % 97 !== 5) return;
  const hoursAgo = 1 + (index % 47);
  const requestedAt = new Date(generation.now.getTime() - hoursAgo * hour);
  yield {
    _id: identifier(requestedAt, index, kind.erasure, 0),
    userId: identifier(person.createdAt, index, kind.erasure, 1),
    requestedAt,
    finishedAt: requestedAt,
    sweepAt: new Date(requestedAt.getTime() + day),
    removed: [{ collectionName: "users", documents: 1 }],
    anonymisedAuditEvents: 2,
    schemaVersion: 1,
  };
}
