import { ApiKeyVerifier } from "../src/api-keys/verifier.js";
import type { AuditInput } from "../src/audit/input.js";
import { AuditWriter } from "../src/audit/writer.js";
import type { ApiKeyCheck, ApiKeyPresentation, AppendedAudit, IdentityModels } from "../src/index.js";

const writers = new WeakMap<object, AuditWriter>();

/** The one writer of audit events for the models of a connection. */
export function auditWriterOf(models: IdentityModels): AuditWriter {
  const writer = writers.get(models) ?? new AuditWriter(models);
  writers.set(models, writer);
  return writer;
}

export function appendAudit(models: IdentityModels, event: AuditInput, at: Date): Promise<AppendedAudit> {
  return auditWriterOf(models).append(event, at);
}

/** Verifies a key with a verifier of its own, which keeps nothing in memory. */
export async function verifyApiKey(
  models: IdentityModels,
  presented: ApiKeyPresentation,
  now: Date,
): Promise<ApiKeyCheck> {
  const verifier = new ApiKeyVerifier(models, { leaseSize: 0 });
  try {
    return await verifier.verify(presented, now);
  } finally {
    await verifier.close();
  }
}
