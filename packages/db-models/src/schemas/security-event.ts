import { Schema, type Types } from "mongoose";
import { limits } from "../core/limits.js";
import {
  hashText,
  list,
  purgeAtTtl,
  requiredDate,
  requiredText,
  schemaOptions,
  text,
} from "./parts/fields.js";
import { type BaseDocument, schemaVersion } from "./parts/version.js";

export const securityEventKinds = [
  "new_device",
  "new_location",
  "reuse_detected",
  "session_evicted",
  "login_failed",
  "login_delayed",
  "allowlist_refused",
  "risk_high",
  "password_changed",
  "password_reset_requested",
  "password_reset",
  "email_verified",
  "email_changed",
  "second_factor_changed",
  "second_factor_delayed",
  "recovery_code_used",
  "passkey_cloned",
  "passkey_counter_back",
  "factor_recovery",
  "external_identity_changed",
  "sign_in_reported",
  "impersonation_started",
  "impersonation_ended",
  "database_exposed",
] as const;
export type SecurityEventKind = (typeof securityEventKinds)[number];

export const severities = ["info", "warning", "critical"] as const;
export type Severity = (typeof severities)[number];

/** Something a person or an administrator should hear of; delivered by the app. Collection `security_events`. */
export interface SecurityEventDocument extends BaseDocument {
  /** Absent in what concerns nobody in particular. */
  userId?: Types.ObjectId;
  /** Who acted for the user, as audit events refer to them. */
  actorRef?: string;
  kind: SecurityEventKind;
  severity: Severity;
  at: Date;
  sessionId?: Types.ObjectId;
  network?: string;
  country?: string;
  /** For people: the device's label. */
  device?: string;
  reasons: string[];
  purgeAt: Date;
}

export const securityEventSchema = new Schema<SecurityEventDocument>(
  {
    userId: Schema.Types.ObjectId,
    actorRef: hashText,
    kind: { type: String, enum: securityEventKinds, required: true },
    severity: { type: String, enum: severities, required: true },
    at: requiredDate,
    sessionId: Schema.Types.ObjectId,
    network: text(limits.cidr),
    country: { type: String, minlength: 2, maxlength: 2 },
    device: text(limits.name),
    reasons: list(requiredText(64), limits.riskReasons),
    purgeAt: requiredDate,
    schemaVersion,
  },
  schemaOptions("security_events", { userId: 1 }),
);

securityEventSchema
  .index({ userId: 1, at: -1, _id: -1 }, { name: "user_newest" }) // securityEventsOfUser
  .index({ userId: 1, kind: 1, at: -1, _id: -1 }, { name: "user_kind_newest" }) // securityEventsOfUserByKind
  .index({ kind: 1, at: -1, _id: -1 }, { name: "kind_newest" }) // securityEventsByKind
  .index({ severity: 1, at: -1, _id: -1 }, { name: "severity_newest" }) // securityEventsBySeverity
  .index({ at: 1, _id: 1 }, { name: "at" }) // securityEventsBetween
  .index({ purgeAt: 1 }, purgeAtTtl); // TTL: events, after their retention
