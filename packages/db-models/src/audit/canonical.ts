import { hmac, sha256Text } from "../core/secrets.js";
import type { AuditCheckpointDocument } from "../schemas/audit-checkpoint.js";
import type { AuditEventDocument } from "../schemas/audit-event.js";

/** The previous hash of a chain's first event, and of the first checkpoint. */
export const firstHash = sha256Text("");

/** How audit events refer to a person: only a holder of the person's key can make it, or tell whose it is. */
export function auditRefOf(auditKey: string): string {
  return hmac(auditKey, "audit");
}

/** An event without the hashes that link it. */
export type AuditContent = Omit<AuditEventDocument, "previousHash" | "eventHash">;

/** The one spelling of an event that is hashed: an array of JSON in this order, `null` for what is absent. */
export function canonicalAuditEvent(event: AuditContent): string {
  return JSON.stringify([
    "audit_event",
    event.schemaVersion,
    event._id.toHexString(),
    event.chainId,
    event.sequence,
    event.at.toISOString(),
    event.action,
    event.outcome,
    event.actorRef ?? null,
    event.subjectRef ?? null,
    event.targetType ?? null,
    event.targetId ?? null,
    event.network ?? null,
    event.sealedNetwork ?? null,
    event.details.map(({ key, value }) => [key, value]),
  ]);
}

/** SHA-256 over the hash of the event before and the canonical form of this one. */
export function auditEventHash(previousHash: string, event: AuditContent): string {
  return sha256Text(`${previousHash}\n${canonicalAuditEvent(event)}`);
}

/** A checkpoint without what is computed from it. */
export type CheckpointContent = Omit<AuditCheckpointDocument, "_id" | "checkpointHash" | "signature">;

/** The one spelling of a checkpoint that is hashed and signed. */
export function canonicalCheckpoint(checkpoint: CheckpointContent): string {
  return JSON.stringify([
    "audit_checkpoint",
    checkpoint.schemaVersion,
    checkpoint.number,
    checkpoint.at.toISOString(),
    checkpoint.previousHash,
    checkpoint.keyId,
    checkpoint.chains.map((chain) => [
      chain.chainId,
      chain.from,
      chain.fromHash,
      chain.sequence,
      chain.eventHash,
    ]),
  ]);
}
