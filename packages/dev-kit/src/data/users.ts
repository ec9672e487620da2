import { hashOf } from "./hashes.js";
import { day, type Generation, type Person } from "./people.js";

const companies = [
  "Northwind",
  "Globex",
  "Initech",
  "Umbrella",
  "Hooli",
  "Vandelay",
  "Stark",
  "Wayne",
  "Acme",
  "Soylent",
];
const endpoints = [
  "GET /v1/profile",
  "GET /v1/sessions",
  "POST /v1/messages",
  "GET /v1/search",
  "PATCH /v1/profile",
  "GET /v1/repositories",
  "POST /v1/uploads",
];
/** argon2id of nothing that anybody knows: generated people can't sign in. */
const unknownPassword =
  "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/** A document of the collection `users`. */
export function userDocument(generation: Generation, person: Person): Record<string, unknown> {
  const { random, createdAt, index } = person;
  const status = statusOf(person);
  return {
    _id: person.id,
    email: emailOf(person),
    ...(status !== "pending" && { emailVerifiedAt: createdAt }),
    ...(random.chance(0.7) && { username: `${person.firstName}.${index}`.toLowerCase() }),
    passwordHash: unknownPassword,
    passwordChangedAt: createdAt,
    status,
    roles: rolesOf(person),
    profile: profileOf(person),
    ...securityOf(person),
    subscription: subscriptionOf(generation, person),
    apiUsage: apiUsageOf(generation, person),
    analytics: analyticsOf(person),
    ...(random.chance(0.25) && { externalIdentities: [externalIdentityOf(person)] }),
    ...(status === "pending" && { emailVerification: oneTimeToken(generation, person) }),
    ...(random.chance(0.01) && { passwordReset: oneTimeToken(generation, person) }),
    ...(index % 100 === 11 && emailChangeOf(generation, person)),
    sessionGeneration: 0,
    auditKey: random.base64url(32),
    lastActiveAt: person.lastActiveAt,
    createdAt,
    updatedAt: person.lastActiveAt,
    ...(status === "deleted" && {
      purgeAt: new Date(generation.now.getTime() + random.integer(-30, 30) * day),
    }),
    schemaVersion: 1,
  };
}

/** A change of the address that waits for its confirmation. */
function emailChangeOf(generation: Generation, person: Person): Record<string, unknown> {
  const { tokenHash, expiresAt, email } = oneTimeToken(generation, person);
  const requestedAt = generation.now;
  const undo = { email, tokenHashes: [person.random.bytes(32)], requestedAt, expiresAt };
  return {
    emailChange: { tokenHash, expiresAt, email: `new.${email}`, from: email },
    emailUndos: [undo],
  };
}

export function emailOf(person: Person): string {
  return `${person.firstName}.${person.lastName}.${person.index}@example.com`.toLowerCase();
}

function statusOf({ random }: Person): string {
  const fraction = random.fraction();
  if (fraction < 0.94) return "active";
  if (fraction < 0.97) return "pending";
  return fraction < 0.985 ? "suspended" : "deleted";
}

/** None, as an account has them that registers: nearly everybody. */
function rolesOf({ random }: Person): string[] {
  if (random.chance(0.003)) return ["admin"];
  return random.chance(0.01) ? ["moderator"] : [];
}

function profileOf(person: Person) {
  const { random, habits } = person;
  return {
    displayName: `${person.firstName} ${person.lastName}`,
    ...(random.chance(0.4) && {
      bio: `Works on ${random.pick(endpoints).split("/").pop()} in ${person.habits.places[0]?.location.city}.`,
    }),
    ...(random.chance(0.5) && { company: `${random.pick(companies)} ${random.integer(1, 200)}` }),
    location: habits.places[0]?.location.city,
    timezone: habits.country.timezone,
    language: habits.country.language,
    theme: random.pick(["system", "light", "dark"]),
  };
}

/** What somebody has changed; nothing of most. */
function securityOf(person: Person) {
  const { random } = person;
  const changed = {
    ...(person.cap !== 10 && { maxConcurrentSessions: person.cap }),
    ...(!random.chance(0.9) && { limitPolicy: "deny" }),
    ...(random.chance(0.01) && { ipAllowlist: person.habits.places.map(({ network }) => network) }),
  };
  return Object.keys(changed).length > 0 && { security: changed };
}

function subscriptionOf(generation: Generation, { random }: Person) {
  const plan = random.pick([
    "free",
    "free",
    "free",
    "free",
    "free",
    "free",
    "pro",
    "pro",
    "team",
    "enterprise",
  ]);
  const status = random.pick(["active", "active", "active", "active", "trialing", "past_due", "cancelled"]);
  const periodEnd = new Date(generation.now.getTime() + random.integer(-10, 355) * day);
  return { plan, status, ...(plan !== "free" && { periodEnd }) };
}

function apiUsageOf(generation: Generation, person: Person) {
  const { random } = person;
  // One in fifty lets programs work.
  const busy = person.index % 50 === 17 ? 300 : 1;
  const requests = busy * random.geometric(60 + person.sessionCount * 40);
  const startedAt = new Date(Math.floor(person.lastActiveAt.getTime() / day) * day);
  const favourites = endpoints.slice(0, random.integer(0, endpoints.length));
  return {
    totals: { requests, failures: Math.floor(requests * 0.02) },
    window: {
      startedAt,
      resetAt: new Date(Math.min(startedAt.getTime() + day, generation.now.getTime() + day)),
      requests: Math.floor(requests * 0.01),
    },
    limit: 10_000,
    favouriteEndpoints: favourites.map((endpoint, rank) => ({
      endpoint,
      requests: Math.floor(requests / (rank + 2)),
      error: 0,
    })),
  };
}

function analyticsOf(person: Person) {
  const { random, habits, createdAt, lastActiveAt } = person;
  const seen = new Map(habits.devices.map((model) => [model.deviceHash, model.device.label]));
  const codes = [...new Set(habits.places.map(({ location }) => location.country))];
  return {
    engagementScore: Math.min(100, Math.round(random.geometric(8) + person.sessionCount * 2)),
    logins: person.sessionCount + random.geometric(20),
    lastLoginAt: lastActiveAt,
    devices: [...seen].map(([deviceHash, label]) => ({
      deviceHash,
      label,
      firstSeenAt: createdAt,
      lastSeenAt: lastActiveAt,
    })),
    countries: codes.map((code) => ({ code, logins: 1 + random.geometric(10), lastSeenAt: lastActiveAt })),
  };
}

function externalIdentityOf({ random, index, createdAt }: Person) {
  const provider = random.pick(["google", "github", "microsoft"]);
  return { key: hashOf("X", index), provider, linkedAt: createdAt };
}

function oneTimeToken(generation: Generation, person: Person) {
  const { random } = person;
  return {
    tokenHash: random.bytes(32),
    email: emailOf(person),
    expiresAt: new Date(generation.now.getTime() + random.integer(-48, 24) * 3_600_000),
  };
}
