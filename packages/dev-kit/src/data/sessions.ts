import { addressFields } from "./addresses.js";
import { day, type Generation, hour, identifier, kind, type Person } from "./people.js";

const retention = 30 * day;
const idleTimeout = day / 2;
const revokedShare = 0.1;
/** Mean lifetime of a session from its start to its idle expiry, in days; {@link before} draws it. */
const meanLifetime = 10.5;

/** How the sessions that have ended are spread. */
interface Endings {
  /** Of the sessions, those that have run out and were not revoked. */
  readonly expiredShare: number;
  /** Days ago that the first of them ran out, and the first revoked one ended. */
  readonly expiredOver: number;
  readonly revokedOver: number;
}

function endingsOf({ uncleanedDays }: Generation): Endings {
  if (uncleanedDays === undefined) return { expiredShare: 0.4, expiredOver: 120, revokedOver: 60 };
  // Of sessions that began at a steady pace, as many still live as began within a lifetime.
  const liveShare = Math.min(meanLifetime / uncleanedDays, 1 - revokedShare);
  return {
    expiredShare: 1 - revokedShare - liveShare,
    expiredOver: uncleanedDays,
    revokedOver: uncleanedDays,
  };
}

/** How many of a person's sessions are in which state; the counts add up to all of them. */
export interface SessionMix {
  live: number;
  expired: number;
  revoked: number;
}

/** Shares out states so that as many are expired over all users as should be, whatever each user's count. */
export class SessionMixer {
  readonly #expiredShare: number;
  #expiredOwed = 0;
  #revokedOwed = 0;

  constructor(generation: Generation) {
    this.#expiredShare = endingsOf(generation).expiredShare;
  }

  mixOf(person: Person): SessionMix {
    this.#expiredOwed += person.sessionCount * this.#expiredShare;
    this.#revokedOwed += person.sessionCount * revokedShare;
    const expired = Math.min(Math.floor(this.#expiredOwed), person.sessionCount);
    const revocable = person.sessionCount - expired;
    // Sessions over the cap were evicted.
    const revoked = Math.min(Math.max(Math.floor(this.#revokedOwed), revocable - person.cap), revocable);
    this.#expiredOwed -= expired;
    this.#revokedOwed = Math.max(this.#revokedOwed - revoked, 0);
    return { live: revocable - revoked, expired, revoked };
  }
}

/** Documents of the collection `user_sessions` of one person, the live ones last. */
export function* sessionDocuments(
  generation: Generation,
  person: Person,
  mix: SessionMix,
): Generator<Record<string, unknown>> {
  const { expiredOver, revokedOver } = endingsOf(generation);
  for (let sequence = 0; sequence < person.sessionCount; sequence++) {
    if (sequence < mix.expired) yield expiredSession(generation, person, sequence, expiredOver);
    else if (sequence < mix.expired + mix.revoked)
      yield revokedSession(generation, person, sequence, revokedOver);
    else yield liveSession(generation, person, sequence, sequence - mix.expired - mix.revoked);
  }
}

function expiredSession(generation: Generation, person: Person, sequence: number, overDays: number) {
  const { random } = person;
  const idleExpiresAt = new Date(generation.now.getTime() - random.integer(1, overDays * 24 * 60) * 60_000);
  const lastSeenAt = new Date(idleExpiresAt.getTime() - idleTimeout);
  return session(person, sequence, { createdAt: before(person, lastSeenAt), lastSeenAt, idleExpiresAt });
}

function revokedSession(generation: Generation, person: Person, sequence: number, overDays: number) {
  const { random } = person;
  const revokedAt = new Date(generation.now.getTime() - random.integer(1, overDays * 24 * 60) * 60_000);
  const lastSeenAt = new Date(revokedAt.getTime() - random.integer(1, 600) * 60_000);
  const revocationReason = random.pick([
    "signed_out",
    "signed_out",
    "evicted",
    "signed_out_elsewhere",
    "all_signed_out",
  ]);
  const times = {
    createdAt: before(person, lastSeenAt),
    lastSeenAt,
    idleExpiresAt: new Date(lastSeenAt.getTime() + idleTimeout),
  };
  return {
    ...session(person, sequence, times),
    revokedAt,
    revocationReason,
    ...impersonationOf(person, times),
  };
}

/** One person in twenty was somebody's for whom an administrator had to act; the end of the newest is to be noted. */
function impersonationOf({ id, index }: Person, { createdAt }: { createdAt: Date }) {
  if (index % 20 !== 7) return {};
  const sweepAt = index % 40 === 7 ? { sweepAt: createdAt } : {};
  return { impersonation: { actor: id, actorSession: id, reason: "Ticket 4711", ...sweepAt } };
}

function liveSession(generation: Generation, person: Person, sequence: number, slot: number) {
  const lastSeenAt = new Date(generation.now.getTime() - person.random.integer(0, 11 * 60) * 60_000);
  const idleExpiresAt = new Date(lastSeenAt.getTime() + idleTimeout);
  return {
    ...session(person, sequence, { createdAt: before(person, lastSeenAt), lastSeenAt, idleExpiresAt }),
    slot,
  };
}

function before({ random }: Person, lastSeenAt: Date): Date {
  return new Date(lastSeenAt.getTime() - random.integer(0, 20 * 24) * hour);
}

function session(
  person: Person,
  sequence: number,
  times: { createdAt: Date; lastSeenAt: Date; idleExpiresAt: Date },
): Record<string, unknown> {
  const { random, habits } = person;
  const model = random.pick(habits.devices);
  const place = random.pick(habits.places);
  return {
    _id: identifier(times.createdAt, person.index, kind.session, sequence),
    userId: person.id,
    ...tokenFields(person, sequence),
    roles: [],
    deviceHash: model.deviceHash,
    userAgent: model.userAgent,
    ...addressFields(place.address(random)),
    location: locationText(place.location),
    risk: riskOf(person),
    apiUsage: apiUsageOf(person),
    createdAt: times.createdAt,
    lastSeenAt: times.lastSeenAt,
    idleExpiresAt: times.idleExpiresAt,
    purgeAt: new Date(Math.ceil((times.idleExpiresAt.getTime() + retention) / day) * day),
    schemaVersion: 1,
  };
}

function riskOf({ random }: Person) {
  const score = Math.min(99, random.geometric(12));
  if (score < 30) return { score };
  return score < 70
    ? { score, level: "medium", reasons: ["new_device"] }
    : { score, level: "high", reasons: ["new_country", "new_device"] };
}

function apiUsageOf({ random }: Person) {
  const requests = random.geometric(40);
  const failures = Math.floor(requests * 0.02);
  return { requests, ...(failures > 0 && { failures }), lastEndpoint: "GET /v1/profile" };
}

/** One person in twenty came from another layout with one session. */
function tokenFields({ random, index }: Person, sequence: number) {
  if (sequence === 0 && index % 20 === 4) return { legacyTokenHash: random.bytes(32) };
  return { handleHash: random.bytes(16), tokenHash: random.bytes(32) };
}

/** As `writeLocation` of @org/db-models has it. */
function locationText({
  country,
  city,
  latitude,
  longitude,
}: Person["habits"]["places"][number]["location"]) {
  return `${country};;${city};${latitude};${longitude}`;
}
