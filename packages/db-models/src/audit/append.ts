import type { Connection } from "mongoose";
import { IdentityError } from "../core/errors.js";
import { parseInput } from "../core/input.js";
import type { IdentityModels } from "../schemas/models.js";
import { type AuditInput, auditInputSchema } from "./input.js";
import { type AppendedAudit, AuditWriter } from "./writer.js";

const writers = new WeakMap<Connection, AuditWriter>();

/**
 * Records an event for good: when it resolves, a majority of the replica set has it in its journal.
 *
 * Each connection of a process has a hash chain of its own, so writers never wait for each other; events that arrive
 * while a write is under way go into the next one together. People appear only as references made with their own
 * `auditKey`, read with the batch; an event about a user who is gone has no reference.
 *
 * @param now - the moment of the event.
 * @throws IdentityError `INVALID_INPUT`; `AUDIT_NOT_WRITTEN` when the database did not confirm it after several
 * attempts, or no majority within ten seconds (`details.reason` is then `majority_timeout`): it may or may not be there.
 *
 * @example
 * await appendAudit(models, { action: "password.changed", outcome: "success", actorId, subjectId: actorId }, new Date());
 */
export async function appendAudit(
  models: IdentityModels,
  input: AuditInput,
  now: Date,
): Promise<AppendedAudit> {
  return appendTo(writerOf(models), input, now);
}

/** {@link appendAudit} by a writer of one's own. */
export async function appendTo(writer: AuditWriter, input: AuditInput, now: Date): Promise<AppendedAudit> {
  const event = parseInput(auditInputSchema, input);
  if (Number.isNaN(now.getTime())) throw new IdentityError("INVALID_INPUT", "the moment is no date");
  return writer.append(event, new Date(now));
}

function writerOf(models: IdentityModels): AuditWriter {
  const connection = models.AuditEvent.db;
  const known = writers.get(connection);
  if (known) return known;
  const writer = new AuditWriter(models);
  writers.set(connection, writer);
  return writer;
}
