import { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { IdentityError, isDuplicateKey } from "../core/errors.js";
import { type NamedQuery, type Page, queries } from "../queries/queries.js";
import { runQuery } from "../queries/run-query.js";
import { currentSchemaVersion } from "../schemas/parts/version.js";
import type { SecurityEventDocument, SecurityEventKind, Severity } from "../schemas/security-event.js";

export interface SecurityEventInput {
  /** For what may be done again: of any number of events with one id, one is recorded. */
  id?: Types.ObjectId;
  userId: Types.ObjectId;
  kind: Exclude<SecurityEventKind, "database_exposed">;
  severity: Severity;
  /** Who acted for the user: `auditRefOf` of their audit key. */
  actorRef?: string;
  sessionId?: Types.ObjectId;
  network?: string;
  country?: string;
  device?: string;
  reasons?: string[];
}

/** An event that concerns no user: a security finding about the database. */
export interface DatabaseExposure extends Partial<Omit<SecurityEventInput, "userId" | "kind" | "severity">> {
  userId?: undefined;
  kind: "database_exposed";
  severity: Severity;
}

export async function recordSecurityEvent(
  context: Context,
  input: SecurityEventInput | DatabaseExposure,
): Promise<SecurityEventDocument> {
  const { models, now } = context;
  const { id = new Types.ObjectId(), userId, network, country, device, sessionId, ...required } = input;
  const event: SecurityEventDocument = {
    _id: id,
    ...required,
    ...(userId && { userId }),
    ...(sessionId && { sessionId }),
    ...(network && { network }),
    ...(country && { country }),
    ...(device && { device }),
    reasons: input.reasons ?? [],
    at: now,
    purgeAt: new Date(now.getTime() + context.policies.retention.securityEventsMs),
    schemaVersion: currentSchemaVersion,
  };
  try {
    await models.SecurityEvent.collection.insertOne({ ...event });
  } catch (error) {
    if (!input.id || !isDuplicateKey(error)) throw error;
  }
  return event;
}

/** Which security events to list: of a user and of a kind; or of everybody, of a kind or a severity. */
export interface SecurityEventSearch {
  userId?: Types.ObjectId | undefined;
  kind?: SecurityEventKind | undefined;
  /** Exactly this one. */
  severity?: Severity | undefined;
  page?: Page;
}

export async function listSecurityEvents(
  { models }: Context,
  search: SecurityEventSearch,
): Promise<SecurityEventDocument[]> {
  return runQuery(models, queryFor(search));
}

function queryFor({ userId, kind, severity, page }: SecurityEventSearch): NamedQuery<SecurityEventDocument> {
  if (severity && (userId || kind)) {
    throw new IdentityError("INVALID_INPUT", "a severity stands alone, without userId and kind");
  }
  if (userId) {
    return kind
      ? queries.securityEventsOfUserByKind(userId, kind, page)
      : queries.securityEventsOfUser(userId, page);
  }
  if (severity) return queries.securityEventsBySeverity(severity, page);
  return kind ? queries.securityEventsByKind(kind, page) : queries.newestSecurityEvents(page);
}
