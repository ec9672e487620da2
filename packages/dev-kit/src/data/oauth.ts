import { day, type Generation, hour, type Id, identifier, kind, type Person } from "./people.js";
import { Random } from "./random.js";

const usersPerApp = 200;
const scopes = ["profile:read", "profile:write", "repo", "repo:read", "sessions:read", "usage:read"];
const appStream = 0xa99;

function appCount(generation: Generation): number {
  return Math.max(3, Math.ceil(generation.users / usersPerApp));
}

function appAt(generation: Generation, index: number): { id: Id; createdAt: Date; random: Random } {
  const random = new Random(generation.seed ^ appStream, index);
  const createdAt = new Date(generation.now.getTime() - random.integer(1, 900) * day);
  return { id: identifier(createdAt, index, kind.app, 0), createdAt, random };
}

/** Every 200th person owns an app. Documents of the collection `apps`. */
export function* appDocuments(generation: Generation, person: Person): Generator<Record<string, unknown>> {
  const count = appCount(generation);
  for (let index = person.index; index < count; index += generation.users) {
    const { id, createdAt, random } = appAt(generation, index);
    yield {
      _id: id,
      clientId: random.base64url(16),
      ownerId: person.id,
      name: `${random.pick(["Deploy", "Metrics", "Notes", "Calendar", "Backup", "Mail"])} ${index}`,
      type: random.chance(0.6) ? "confidential" : "public",
      status: random.chance(0.95) ? "active" : "suspended",
      clientSecrets: [{ secretHash: random.bytes(32), createdAt }],
      redirectUris: [`https://app-${index}.example.com/callback`],
      grantTypes: ["authorization_code", "refresh_token"],
      scopes,
      createdAt,
      updatedAt: createdAt,
      schemaVersion: 1,
    };
  }
}

/** Documents of `app_usage`: the last days of each app, under the client id that {@link appDocuments} gives it. */
export function* appUsageDocuments(
  generation: Generation,
  person: Person,
): Generator<Record<string, unknown>> {
  const today = Math.floor(generation.now.getTime() / day) * day;
  let sequence = 0;
  for (const { clientId } of appDocuments(generation, person)) {
    for (let back = 0; back < 5; back++) {
      const startedAt = new Date(today - back * day);
      const requests = 10 + back;
      yield {
        _id: identifier(startedAt, person.index, kind.bucket, 1_000 + sequence++),
        clientId,
        startedAt,
        requests,
        failures: 1,
        endpoints: [{ endpoint: "POST /oauth/token refresh_token", requests, failures: 1, error: 0 }],
        purgeAt: new Date(startedAt.getTime() + 731 * day),
        schemaVersion: 1,
      };
    }
  }
}

/** One permission with its tokens: documents of `app_permissions` and `app_tokens`. */
export interface Grant {
  permission: Record<string, unknown>;
  tokens: Record<string, unknown>[];
}

/** A person's grants, at most one for each app. */
export function* grants(generation: Generation, person: Person): Generator<Grant> {
  const { random } = person;
  const count = Math.min(random.geometric(0.6), 5);
  const first = random.integer(0, appCount(generation) - 1);
  for (let sequence = 0; sequence < count && sequence < appCount(generation); sequence++) {
    const app = appAt(generation, (first + sequence) % appCount(generation));
    yield grant(generation, person, app.id, sequence);
  }
}

function grant(generation: Generation, person: Person, appId: Id, sequence: number): Grant {
  const { random } = person;
  const grantedAt = new Date(generation.now.getTime() - random.integer(1, 300) * day);
  const revokedAt = random.chance(0.1) ? new Date(grantedAt.getTime() + day / 2) : undefined;
  const granted = scopes.slice(0, random.integer(1, scopes.length));
  const permission = {
    _id: identifier(grantedAt, person.index, kind.permission, sequence),
    userId: person.id,
    appId,
    scopes: granted,
    generation: revokedAt ? 1 : 0,
    grantedAt,
    ...(revokedAt && { revokedAt, purgeAt: new Date(revokedAt.getTime() + 90 * day) }),
    schemaVersion: 1,
  };
  return { permission, tokens: authorizations(generation, person, appId, sequence, permission) };
}

/** The last authorizations under a consent: one whose code was never used, and those with tokens. */
function authorizations(
  generation: Generation,
  person: Person,
  appId: Id,
  sequence: number,
  permission: { _id: Id; scopes: string[]; revokedAt?: Date },
) {
  const { random } = person;
  const rests = { appId, permissionId: permission._id, scopes: permission.scopes };
  return Array.from({ length: 3 }, (_, offset) => {
    const createdAt = new Date(generation.now.getTime() - random.integer(1, 60 * 24) * hour);
    const isSignIn = person.index % 10 === 3;
    const facts = isSignIn ? { sessionId: identifier(createdAt, person.index, kind.session, offset) } : {};
    const base = { ...rests, ownerId: person.id, ...facts, ...secretsOf(random), createdAt };
    const _id = identifier(createdAt, person.index, kind.token, sequence * 8 + offset);
    return { _id, ...base, ...(offset === 0 ? unused(createdAt) : used(random, createdAt, permission)) };
  });
}

function secretsOf(random: Random) {
  return {
    permissionGeneration: 0,
    codeHash: random.bytes(32),
    codeChallenge: random.base64url(32),
    redirectUri: "https://app.example.com/callback",
    markKey: random.base64url(32),
    generation: 0,
    rotations: [],
    schemaVersion: 1,
  };
}

function unused(createdAt: Date) {
  const expiresAt = new Date(createdAt.getTime() + 60_000);
  return { accessTokens: [], expiresAt, absoluteExpiresAt: expiresAt, purgeAt: later(expiresAt, 30 * day) };
}

function used(random: Random, createdAt: Date, permission: { scopes: string[]; revokedAt?: Date }) {
  const revokedAt = permission.revokedAt && new Date(Math.max(+permission.revokedAt, +createdAt));
  const token = { scopes: permission.scopes, createdAt, expiresAt: later(createdAt, hour) };
  return {
    usedAt: createdAt,
    tokenHash: random.bytes(32),
    accessTokens: [{ tokenHash: random.bytes(32), ...token }],
    ...(revokedAt && { revokedAt, revocationReason: "permission_revoked" }),
    expiresAt: later(createdAt, 30 * day),
    absoluteExpiresAt: later(createdAt, 90 * day),
    purgeAt: later(createdAt, 60 * day),
  };
}

function later(moment: Date, ms: number): Date {
  return new Date(moment.getTime() + ms);
}

/** Documents of the collection `api_keys`. */
export function* apiKeyDocuments(generation: Generation, person: Person): Generator<Record<string, unknown>> {
  const { random } = person;
  const count = random.chance(0.12) ? 1 + random.geometric(0.5) : 0;
  for (let sequence = 0; sequence < count; sequence++) {
    const createdAt = new Date(generation.now.getTime() - random.integer(1, 500) * day);
    const expiresAt = new Date(createdAt.getTime() + random.integer(1, 2) * 365 * day);
    yield {
      _id: identifier(createdAt, person.index, kind.key, sequence),
      userId: person.id,
      name: random.pick(["ci", "laptop", "backup", "metrics"]),
      secrets: [{ keyHash: random.bytes(32), createdAt }],
      start: `idk_${random.base64url(3)}`,
      scopes: ["profile:read"],
      ipAllowlist: [],
      rateLimit: { limit: 600, windowMs: 60_000 },
      quota: { remaining: 10_000, refillAmount: 10_000, refillIntervalMs: day, refilledAt: createdAt },
      leases: [],
      usage: { requests: random.geometric(500), failures: 0 },
      ownerActive: true,
      ownerGeneration: 0,
      createdAt,
      expiresAt,
      purgeAt: new Date(expiresAt.getTime() + 90 * day),
      schemaVersion: 1,
    };
  }
}
