import type { Types } from "mongoose";
import type { AuditWriter } from "../audit/writer.js";
import { type Context, operationsOf, type Shared } from "../context/context.js";
import {
  type EraseInput,
  type ErasureReport,
  eraseUserData,
  type ResumedErasures,
  resumeErasures,
} from "./erase.js";
import { type ExportRecord, exportUserData } from "./export.js";

/** Export and erasure of everything about a person. */
export interface Privacy {
  /**
   * Everything that is known about a person (GDPR articles 15 and 20), one record at a time: a header, a record a
   * document, and an end with their number, by which a cut export is known as one. Each record is plain JSON: ids as
   * hexadecimal digits, dates in ISO 8601, UTC, other BSON types as canonical Extended JSON. Memory holds one batch. Secrets, and hashes of secrets, are left out.
   *
   * Not a snapshot: what changes meanwhile may be in it or not.
   *
   * @throws IdentityError `USER_NOT_FOUND`, at the first record.
   *
   * @example
   * for await (const record of identity.privacy.export(userId)) file.write(`${JSON.stringify(record)}\n`);
   */
  export(userId: Types.ObjectId): AsyncGenerator<ExportRecord, void, void>;
  /**
   * Erases a person (GDPR article 17): ends every session, removes every document about them, and with their account the
   * key by which audit events can be linked to them. Can be called again after any crash, and goes on; calling it after
   * the end removes nothing more and gives the report. `privacy.resumeErasures` does both for whatever is due.
   *
   * The ends of impersonations that it removes are recorded first, each once, by `record`.
   *
   * @throws IdentityError `USER_NOT_FOUND` when there is neither such a user nor an erasure of one, or nobody with the id
   * `appsTo`; `USER_NOT_ACTIVE` when that account is not active; `INVALID_INPUT` when it is the person's own; `AUDIT_NOT_WRITTEN`;
   * `CONTENTION` where another process holds one of those ends: the erasure has begun, and goes on by a later call.
   */
  erase(input: EraseInput): Promise<ErasureReport>;
  /**
   * Goes on with erasures that a crash stopped, and sweeps once more through those that ended a day ago: what was being
   * written meanwhile goes too, and then the record forgets who it was. For a job that runs every few minutes. One that fails
   * does not keep the others from their turn.
   *
   * @returns the reports of what it finished, at most 50, and what failed.
   */
  resumeErasures(input?: Pick<EraseInput, "record">): Promise<ResumedErasures>;
}

export function privacyOf(identity: Shared, writer: AuditWriter): Privacy {
  const on = operationsOf(identity);
  return {
    export: on(exportUserData),
    erase: on((context: Context, input: EraseInput) => eraseUserData(context, writer, input)),
    resumeErasures: on((context: Context, input?: Pick<EraseInput, "record">) =>
      resumeErasures(context, writer, input),
    ),
  };
}
