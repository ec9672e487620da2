import { type Context, operationsOf, type Shared } from "../context/context.js";
import {
  type AuditCheckpoint,
  type AuditCheckpointSearch,
  type AuditKeys,
  createAuditCheckpoint,
  listAuditCheckpoints,
} from "./checkpoints.js";
import { type DatabaseEvent, recordDatabaseEvent } from "./database-events.js";
import type { AuditInput } from "./input.js";
import {
  type AuditExportInput,
  type AuditExportRecord,
  type AuditRecord,
  type AuditSearch,
  exportAudit,
  listAudit,
} from "./list.js";
import { type AuditRetentionResult, applyAuditRetention } from "./retention.js";
import { type AuditVerification, type AuditVerificationInput, verifyAudit } from "./verify.js";
import type { AppendedAudit, AuditWriter } from "./writer.js";

/** The audit trail: hash chains of events, signed checkpoints, and what verifies them. */
export interface Audit {
  /**
   * Records an event for good: when it resolves, a majority of the replica set has it in its journal.
   *
   * Each identity object has a hash chain of its own, so writers never wait for each other; events that arrive while a
   * write is under way go into the next one together. People appear only as references made with their own `auditKey`,
   * read with the batch; an event about a user who is gone has no reference.
   *
   * @throws IdentityError `INVALID_INPUT`; `AUDIT_NOT_WRITTEN` when the database did not confirm it after several
   * attempts, or no majority within ten seconds (`details.reason` is then `majority_timeout`): it may or may not be there.
   *
   * @example
   * await identity.audit.append({ action: "password.changed", outcome: "success", actorId, subjectId: actorId });
   */
  append(event: AuditInput): Promise<AppendedAudit>;
  /**
   * Events, the newest first: about a user, by a user, of an action, or all. Of people it names those who were asked for and
   * the administrators; of others an event has a reference that only their own key can make.
   *
   * @throws IdentityError `USER_NOT_FOUND`; `INVALID_INPUT` for more than one of `subjectId`, `actorId` and `action`.
   */
  list(input: AuditSearch): Promise<AuditRecord[]>;
  /**
   * The events of a period, the oldest first, one record at a time: a header, the events, and an end with their number, by
   * which a cut export is known as one. People are named as {@link Audit.list} names them. Memory holds a thousand events.
   *
   * @example
   * for await (const record of identity.audit.export()) file.write(`${JSON.stringify(record)}\n`);
   */
  export(input?: AuditExportInput): AsyncGenerator<AuditExportRecord, void, void>;
  /**
   * Records what a setup, an apply, a rollback, a cleanup or a migration did as an audit event `database.<operation>`, and
   * what a health check finds about security as a security event of nobody, once a day: for `record` of `db.config.ts`.
   *
   * @throws IdentityError `AUDIT_NOT_WRITTEN`
   *
   * @example
   * const record = (event) => identity.audit.recordDatabaseEvent(event);
   */
  recordDatabaseEvent(event: DatabaseEvent): Promise<void>;
  /**
   * Signs the state of every chain, and stores it. What was written since the checkpoint before is verified first, so
   * that no checkpoint vouches for a broken chain. The result is for keeping elsewhere too: with it `audit.verify`
   * finds what was cut off later.
   *
   * @throws IdentityError `AUDIT_BROKEN` with the break as `details`; `CONTENTION` when others made checkpoints all the time.
   *
   * @example
   * await writeFile("checkpoint.json", JSON.stringify(await identity.audit.checkpoint({ signingKey })));
   */
  checkpoint(keys: AuditKeys): Promise<AuditCheckpoint>;
  /** Stored checkpoints, the newest first, whether or not anybody signed them. */
  checkpoints(search?: AuditCheckpointSearch): Promise<AuditCheckpoint[]>;
  /**
   * Removes the audit events that are older than the retention, from the front of each chain up to the first that is
   * not. A signed checkpoint first states where each chain begins from now on, and only then anything is removed: a crash
   * at any point leaves chains that verify, and the next call goes on. A chain that is broken keeps its old events: they
   * are evidence.
   *
   * @throws IdentityError `AUDIT_BROKEN` with the break as `details`; `CONTENTION`.
   */
  applyRetention(keys: AuditKeys): Promise<AuditRetentionResult>;
  /**
   * Reads every chain and every checkpoint, and names the first event of each chain that is not what was written. Memory
   * holds one batch of events, the newest checkpoint and the exported one. Writers and retention may be at work meanwhile.
   *
   * @throws IdentityError `INVALID_INPUT` when the checkpoint is none.
   *
   * @example
   * const { intact, breaks } = await identity.audit.verify({ publicKeys: [publicKey], checkpoint: JSON.parse(kept) });
   */
  verify(input?: AuditVerificationInput): Promise<AuditVerification>;
}

export function auditOf(identity: Shared, writer: AuditWriter): Audit {
  const on = operationsOf(identity);
  return {
    append: (event) => writer.append(event, identity.clock.now()),
    list: on(listAudit),
    export: on(exportAudit),
    recordDatabaseEvent: on((context: Context, event: DatabaseEvent) =>
      recordDatabaseEvent(context, writer, event),
    ),
    checkpoint: on(createAuditCheckpoint),
    checkpoints: on(listAuditCheckpoints),
    applyRetention: on(applyAuditRetention),
    verify: on(verifyAudit),
  };
}
