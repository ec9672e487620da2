import { isOver } from "../core/clock.js";
import { addressBytes, addressText, networkBytes, networkOf } from "../core/network.js";
import type { TokenRotation } from "../core/rotations.js";
import type {
  Device,
  GeoLocation,
  RiskAssessment,
  SessionApiUsage,
  StoredRisk,
  UserSessionDocument,
} from "../schemas/user-session.js";
import { deviceOf } from "./device.js";
import { readLocation } from "./location.js";
import { defaultSecurity } from "./user.js";

/** Of a new account; a session with the same has them left out. */
const defaultLifetimes = defaultSecurity;

/** What a stored session may leave out. */
interface FilledIn {
  rotations: TokenRotation[];
  generation: number;
  userGeneration: number;
  scopes: string[];
  device: Device;
  ip?: string;
  /** The /24 of an IPv4 or the /64 of an IPv6 address. */
  network?: string;
  location?: GeoLocation;
  risk: RiskAssessment;
  apiUsage: SessionApiUsage;
  authenticatedAt: Date;
  idleTimeoutMs: number;
  absoluteExpiresAt: Date;
}

/** A session with everything that its document leaves out because it is as usual. */
export type Session = Omit<UserSessionDocument, keyof FilledIn | "absoluteLifetimeMs"> & FilledIn;

/** What decides on a session, without where it is used from and on what device. */
export type SessionFacts = Omit<Session, Presentation>;
type Presentation = "ip" | "network" | "location" | "device";

/** Reads a stored session. */
export function readSession(stored: UserSessionDocument): Session {
  const { location, ip, network: _network, absoluteLifetimeMs: _lifetime, ...fields } = stored;
  const address = ip && addressText(ip);
  const network = networkOf(address);
  return {
    ...fields,
    ...(address && { ip: address }),
    ...(network && { network }),
    ...(location !== undefined && { location: readLocation(location) }),
    device: deviceOf(stored.userAgent),
    ...leftOut(stored),
  };
}

/**
 * {@link readSession} for a check, which is made for each request. Fills in the document that was read: a copy of it costs
 * more than everything else that a check does beside the read.
 */
export function readSessionFacts(stored: UserSessionDocument): SessionFacts {
  return Object.assign(stored as Omit<UserSessionDocument, keyof FilledIn>, leftOut(stored));
}

/** The one place that knows what an absent field stands for. */
function leftOut(stored: UserSessionDocument): Pick<Session, Exclude<keyof FilledIn, Presentation>> {
  return {
    rotations: stored.rotations ?? [],
    generation: stored.generation ?? 0,
    userGeneration: stored.userGeneration ?? 0,
    scopes: stored.scopes ?? [],
    risk: readRisk(stored.risk),
    apiUsage: { requests: 0, failures: 0, ...stored.apiUsage },
    authenticatedAt: stored.authenticatedAt ?? stored.createdAt,
    ...lifetimesOf(stored),
  };
}

/** How long a stored session may be idle, and its end in any case. */
export function lifetimesOf(
  stored: Pick<UserSessionDocument, "idleTimeoutMs" | "createdAt" | "absoluteLifetimeMs">,
): Pick<FilledIn, "idleTimeoutMs" | "absoluteExpiresAt"> {
  const { idleTimeoutMs = defaultLifetimes.idleTimeoutMs } = stored;
  return { idleTimeoutMs, absoluteExpiresAt: absoluteExpiryOf(stored) };
}

/** The fields of an address, as they are stored. */
export function storedAddress(address: string | undefined): Pick<UserSessionDocument, "ip" | "network"> {
  const ip = addressBytes(address);
  return ip ? { ip, network: networkBytes(ip) } : {};
}

/** When a stored session ends in any case. */
export function absoluteExpiryOf({
  createdAt,
  absoluteLifetimeMs = defaultLifetimes.absoluteLifetimeMs,
}: Pick<UserSessionDocument, "createdAt" | "absoluteLifetimeMs">): Date {
  return new Date(createdAt.getTime() + absoluteLifetimeMs);
}

/** Whether a stored session has neither ended nor expired; its token is another matter. */
export function isLive(
  session: Pick<UserSessionDocument, "revokedAt" | "idleExpiresAt" | "createdAt" | "absoluteLifetimeMs">,
  now: Date,
): boolean {
  return !session.revokedAt && !isOver(session.idleExpiresAt, now) && !isOver(absoluteExpiryOf(session), now);
}

/** The lifetimes of a session as they are stored. */
export function storedLifetimes(lifetimes: {
  idleTimeoutMs: number;
  absoluteLifetimeMs: number;
}): Pick<UserSessionDocument, "idleTimeoutMs" | "absoluteLifetimeMs"> {
  const { idleTimeoutMs, absoluteLifetimeMs } = lifetimes;
  return {
    ...(idleTimeoutMs !== defaultLifetimes.idleTimeoutMs && { idleTimeoutMs }),
    ...(absoluteLifetimeMs !== defaultLifetimes.absoluteLifetimeMs && { absoluteLifetimeMs }),
  };
}

/** Aggregation expressions of the lifetimes of a stored session. */
export const lifetimeExpressions = {
  idleTimeoutMs: { $ifNull: ["$idleTimeoutMs", defaultLifetimes.idleTimeoutMs] },
  absoluteLifetimeMs: { $ifNull: ["$absoluteLifetimeMs", defaultLifetimes.absoluteLifetimeMs] },
} as const;

export function readRisk(stored: StoredRisk | undefined): RiskAssessment {
  return stored ? { level: "low", reasons: [], ...stored } : { level: "unscored", reasons: [] };
}

/** An assessment as it is stored; `undefined` for what was not scored and has no reasons. */
export function storedRisk({ level, reasons, ...scores }: RiskAssessment): StoredRisk | undefined {
  if (level === "unscored" && scores.score === undefined && reasons.length === 0) return undefined;
  return { ...scores, ...(level !== "low" && { level }), ...(reasons.length > 0 && { reasons }) };
}

/** What `$inc` adds to a session; no failures leave the field absent. */
export function usageIncrements({ requests, failures }: { requests: number; failures: number }) {
  return { "apiUsage.requests": requests, ...(failures > 0 && { "apiUsage.failures": failures }) };
}
