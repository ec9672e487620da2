import { Schema } from "mongoose";
import { limits } from "../core/limits.js";
import { hashText, list, requiredDate, requiredText, schemaOptions, text } from "./parts/fields.js";
import { type BaseDocument, schemaVersion } from "./parts/version.js";

export const auditOutcomes = ["success", "failure", "denied"] as const;
export type AuditOutcome = (typeof auditOutcomes)[number];

export interface AuditDetail {
  key: string;
  value: string;
}

/**
 * One thing that happened, in a hashText chain per writer. People appear only as references made with a key of
 * their own, so that erasing a person leaves the chain whole. Collection `audit_events`.
 */
export interface AuditEventDocument extends BaseDocument {
  /** The writer whose chain this is. */
  chainId: string;
  /** Position in the chain, from 0. */
  sequence: number;
  previousHash: string;
  /** SHA-256 over the previous hashText and the canonical form of this event. */
  eventHash: string;
  at: Date;
  action: string;
  outcome: AuditOutcome;
  /** The actor; absent for the system itself. */
  actorRef?: string;
  /** Whom it was done to. */
  subjectRef?: string;
  targetType?: string;
  targetId?: string;
  /** Where it came from, of events about nobody. */
  network?: string;
  /** Where the actor (the subject, when there is no actor) was, sealed with that person's audit key. */
  sealedNetwork?: string;
  details: AuditDetail[];
}

const detail = new Schema<AuditDetail>(
  { key: requiredText(64), value: requiredText(limits.auditValue) },
  { _id: false },
);

export const auditEventSchema = new Schema<AuditEventDocument>(
  {
    chainId: requiredText(64),
    sequence: { type: Number, required: true, min: 0 },
    previousHash: { ...hashText, required: true },
    eventHash: { ...hashText, required: true },
    at: requiredDate,
    action: requiredText(64),
    outcome: { type: String, enum: auditOutcomes, required: true },
    actorRef: hashText,
    subjectRef: hashText,
    targetType: text(64),
    targetId: text(64),
    network: text(limits.cidr),
    sealedNetwork: text(limits.sealed),
    details: list(detail, limits.auditContext),
    schemaVersion,
  },
  schemaOptions("audit_events", { chainId: 1, sequence: 1 }),
);

// No TTL: retention takes events from the front of a chain, together with a checkpoint, so that the rest verifies.
auditEventSchema
  .index({ chainId: 1, sequence: 1 }, { name: "chain_unique", unique: true }) // auditChain
  .index(
    { subjectRef: 1, at: -1, _id: -1 },
    { name: "subject_newest", partialFilterExpression: { subjectRef: { $exists: true } } },
  ) // auditOfSubject
  .index(
    { actorRef: 1, at: -1, _id: -1 },
    { name: "actor_newest", partialFilterExpression: { actorRef: { $exists: true } } },
  ) // auditByActor
  .index({ action: 1, at: -1, _id: -1 }, { name: "action_newest" }) // auditOfAction
  .index({ at: 1, _id: 1 }, { name: "at" }); // auditBetween
