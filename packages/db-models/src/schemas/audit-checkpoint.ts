import { Schema } from "mongoose";
import { z } from "zod";
import { limits } from "../core/limits.js";
import { hashText, list, requiredDate, requiredText, schemaOptions } from "./parts/fields.js";
import { type BaseDocument, currentSchemaVersion, schemaVersion } from "./parts/version.js";

/** State of one chain in a checkpoint. */
export interface AuditChainState {
  chainId: string;
  /** Sequence of the first event that retention has left; one past `sequence` when it has left none. */
  from: number;
  /** Hash of the event before that one. */
  fromHash: string;
  /** Sequence of the last event; -1 before the first. */
  sequence: number;
  /** Hash of the last event. */
  eventHash: string;
}

/**
 * A signed statement over the state of every chain at a moment. Each names the one before it by its hash, and they
 * are numbered without gaps. Collection `audit_checkpoints`.
 */
export interface AuditCheckpointDocument extends BaseDocument {
  /** From 0. */
  number: number;
  at: Date;
  chains: AuditChainState[];
  previousHash: string;
  /** SHA-256 over everything above. */
  checkpointHash: string;
  /** SHA-256 of the public key that the signature is checked with. */
  keyId: string;
  /** Ed25519, base64url. */
  signature: string;
}

const chainState = new Schema<AuditChainState>(
  {
    chainId: requiredText(64),
    from: { type: Number, required: true, min: 0 },
    fromHash: { ...hashText, required: true },
    sequence: { type: Number, required: true, min: -1 },
    eventHash: { ...hashText, required: true },
  },
  { _id: false },
);

export const auditCheckpointSchema = new Schema<AuditCheckpointDocument>(
  {
    number: { type: Number, required: true, min: 0 },
    at: requiredDate,
    chains: list(chainState, limits.auditChains),
    previousHash: { ...hashText, required: true },
    checkpointHash: { ...hashText, required: true },
    keyId: { ...hashText, required: true },
    signature: { type: String, required: true, minlength: 86, maxlength: 86 },
    schemaVersion,
  },
  schemaOptions("audit_checkpoints"),
);

// No TTL: retention takes old ones from the front, and the newest always stays.
auditCheckpointSchema.index({ number: 1 }, { name: "number_unique", unique: true }); // newestAuditCheckpoint, auditCheckpointsBefore

const hash = z.string().regex(/^[A-Za-z0-9_-]{43}$/);
const place = z.int().min(0);

/** A checkpoint that was kept elsewhere, as JSON. Whether it is genuine, the verification says. */
export const keptCheckpoint = z.strictObject({
  number: place,
  at: z.iso.datetime(),
  chains: z
    .array(
      z.strictObject({
        chainId: z.string().max(64),
        from: place,
        fromHash: hash,
        sequence: z.int().min(-1),
        eventHash: hash,
      }),
    )
    .max(limits.auditChains),
  previousHash: hash,
  checkpointHash: hash,
  keyId: hash,
  signature: z.string().regex(/^[A-Za-z0-9_-]{86}$/),
  schemaVersion: z.int().min(1).max(currentSchemaVersion),
});
