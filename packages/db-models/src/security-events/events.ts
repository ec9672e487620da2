import { Types } from "mongoose";
import { retentionOf } from "../context/retention.js";
import { type NamedQuery, type Page, queries } from "../queries/queries.js";
import { runQuery } from "../queries/run-query.js";
import type { IdentityModels } from "../schemas/models.js";
import { currentSchemaVersion } from "../schemas/parts/version.js";
import type { SecurityEventDocument, SecurityEventKind, Severity } from "../schemas/security-event.js";

export interface SecurityEventInput {
  userId: Types.ObjectId;
  kind: Exclude<SecurityEventKind, "database_exposed">;
  severity: Severity;
  sessionId?: Types.ObjectId;
  network?: string;
  country?: string;
  device?: string;
  reasons?: string[];
}

/** What concerns nobody in particular: a hole in how the database is guarded. */
export interface DatabaseExposure extends Partial<Omit<SecurityEventInput, "userId" | "kind" | "severity">> {
  userId?: undefined;
  kind: "database_exposed";
  severity: Severity;
}

/** Records an event that the app delivers to a person or an administrator. */
export async function recordSecurityEvent(
  models: IdentityModels,
  input: SecurityEventInput | DatabaseExposure,
  now: Date,
): Promise<SecurityEventDocument> {
  const { userId, network, country, device, sessionId, ...required } = input;
  const event: SecurityEventDocument = {
    _id: new Types.ObjectId(),
    ...required,
    ...(userId && { userId }),
    ...(sessionId && { sessionId }),
    ...(network && { network }),
    ...(country && { country }),
    ...(device && { device }),
    reasons: input.reasons ?? [],
    at: now,
    purgeAt: new Date(now.getTime() + retentionOf(models).securityEventsMs),
    schemaVersion: currentSchemaVersion,
  };
  await models.SecurityEvent.collection.insertOne({ ...event });
  return event;
}

/** A user's security events, the newest first, of one kind when one is given. */
export function listSecurityEvents(
  models: IdentityModels,
  input: { userId: Types.ObjectId; kind?: SecurityEventKind; page?: Page },
): Promise<SecurityEventDocument[]> {
  const { userId, kind, page } = input;
  const query: NamedQuery<SecurityEventDocument> = kind
    ? queries.securityEventsOfUserByKind(userId, kind, page)
    : queries.securityEventsOfUser(userId, page);
  return runQuery(models, query);
}
