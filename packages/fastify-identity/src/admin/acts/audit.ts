import type {
  AdminApprovalDocument,
  AuditCheckpoint,
  AuditRecord,
  AuditVerification,
  AuditVerificationProgress,
} from "@org/db-models";
import { writePagePosition } from "@org/db-models/queries";
import type { Types } from "mongoose";
import { IdentityProblem } from "../../flows/problems.js";
import { type Acting, noteRead, recorded } from "../acting.js";
import { auditExport, withApproval } from "../approvals.js";
import { accountsOf } from "./administrators.js";

/** An audit event, with the addresses of those whom the list names. */
export type KnownRecord = AuditRecord & {
  readonly actorEmail: string | undefined;
  readonly subjectEmail: string | undefined;
};

type Search = Parameters<Acting["service"]["identity"]["audit"]["list"]>[0];

/**
 * Audit events, the newest first: about a user, by a user, of an action, or all.
 *
 * @throws IdentityError `USER_NOT_FOUND`; `INVALID_INPUT` for more than one of the three.
 */
export async function listAudit(
  acting: Acting,
  search: Search & { readonly page: NonNullable<Search["page"]> & { limit: number } },
): Promise<{ readonly events: readonly KnownRecord[]; readonly next: string | undefined }> {
  const events = await acting.service.identity.audit.list(search);
  const { subjectId, actorId, page } = search;
  const about = subjectId ?? actorId;
  const details = { found: String(events.length) };
  await noteRead(acting, { action: "admin.audit_read", details, ...(about && { subjectId: about }) });
  const people = events.flatMap((event) => [event.actorId, event.subjectId]).filter((id) => id !== undefined);
  const accounts = await accountsOf(acting, people);
  const emailOf = (id: Types.ObjectId | undefined) => id && accounts.get(id.toHexString())?.email;
  const last = events.length === page.limit ? events.at(-1) : undefined;
  return {
    events: events.map((event) => ({
      ...event,
      actorEmail: emailOf(event.actorId),
      subjectEmail: emailOf(event.subjectId),
    })),
    next: last && writePagePosition({ at: last.at, id: last.id }),
  };
}

/** A step of a verification: how far it has come, and at last what was found. */
export type VerificationStep =
  | ({ readonly type: "progress" } & AuditVerificationProgress)
  | ({ readonly type: "result" } & AuditVerification);

/**
 * Verifies every chain of the trail with the configured keys, and with a checkpoint that was kept elsewhere if there is one.
 * The result is recorded. The verification ends when its reader stops.
 *
 * @throws IdentityError `INVALID_INPUT` when the checkpoint is none.
 */
export async function* verifyAudit(
  acting: Acting,
  checkpoint: unknown,
): AsyncGenerator<VerificationStep, void, void> {
  const ended = new AbortController();
  let newest: AuditVerificationProgress | undefined;
  let wake = () => {};
  const verified = acting.service.identity.audit.verify({
    publicKeys: acting.settings.auditKeys,
    ...(checkpoint !== undefined && { checkpoint }),
    signal: ended.signal,
    onProgress: (progress) => {
      newest = progress;
      wake();
    },
  });
  try {
    for (;;) {
      const progressed = new Promise<undefined>((resolve) => {
        wake = () => resolve(undefined);
        if (newest) wake();
      });
      const result = await Promise.race([verified, progressed]);
      if (result) {
        await noteRead(acting, { action: "admin.audit_verified", details: detailsOf(result) });
        return yield { type: "result", ...result };
      }
      const progress = newest;
      newest = undefined;
      if (progress) yield { type: "progress", ...progress };
    }
  } finally {
    ended.abort();
    await verified.catch(() => undefined);
  }
}

function detailsOf({ intact, events, breaks }: AuditVerification) {
  return { intact: String(intact), events: String(events), breaks: String(breaks.length) };
}

/** A stored checkpoint at a glance. */
export interface KnownCheckpoint extends Pick<AuditCheckpoint, "number" | "at" | "keyId"> {
  readonly chains: number;
}

/** Checkpoints, the newest first. */
export async function listCheckpoints(
  acting: Acting,
  { before, limit }: { readonly before?: number | undefined; readonly limit: number },
): Promise<{ readonly checkpoints: readonly KnownCheckpoint[]; readonly next: number | undefined }> {
  const found = await acting.service.identity.audit.checkpoints({ before, limit });
  await noteRead(acting, { action: "admin.audit_checkpoints_listed" });
  const last = found.length === limit ? found.at(-1) : undefined;
  return {
    checkpoints: found.map(({ number, at, keyId, chains }) => ({ number, at, keyId, chains: chains.length })),
    next: last?.number,
  };
}

/**
 * A checkpoint as it is kept elsewhere.
 *
 * @throws IdentityProblem `CHECKPOINT_NOT_FOUND`
 */
export async function readCheckpoint(acting: Acting, number: number): Promise<AuditCheckpoint> {
  const [found] = await acting.service.identity.audit.checkpoints({ before: number + 1, limit: 1 });
  if (found?.number !== number) throw new IdentityProblem("CHECKPOINT_NOT_FOUND");
  const target = { targetType: "audit_checkpoint", targetId: String(number) };
  await noteRead(acting, { action: "admin.audit_checkpoint_read", ...target });
  return found;
}

/** What an export of the trail takes. */
export interface ExportOrder {
  readonly since: Date | undefined;
  readonly until: Date | undefined;
  readonly reason: string;
  readonly approvalId: Types.ObjectId | undefined;
}

/**
 * Begins to export the trail, as lines of JSON.
 *
 * @throws IdentityProblem `APPROVAL_REQUIRED`; IdentityError `AUDIT_NOT_WRITTEN`.
 */
export async function exportAudit(
  acting: Acting,
  { since, until, reason, approvalId }: ExportOrder,
): Promise<AsyncGenerator<string, void, void>> {
  const { identity } = acting.service;
  const period = { since: since?.toISOString() ?? "the first", until: until?.toISOString() ?? "now" };
  const event = { action: "admin.audit_exported", reason, details: period } as const;
  const begin = async () => linesOf(identity.audit.export({ since, until }));
  const approved = { action: auditExport, id: approvalId };
  return withApproval(acting, approved, () => recorded(acting, event, begin));
}

/** Asks another administrator to approve that the trail is exported. */
export function requestExport(
  acting: Acting,
  { reason }: { readonly reason: string },
): Promise<AdminApprovalDocument> {
  const event = { action: "admin.approval_requested", reason, details: { for: auditExport } } as const;
  return recorded(acting, event, () =>
    acting.service.identity.administrators.requestApproval({
      action: auditExport,
      reason,
      requestedBy: acting.userId,
    }),
  );
}

/** Records as lines of JSON. */
export async function* linesOf(records: AsyncIterable<object>): AsyncGenerator<string, void, void> {
  for await (const record of records) yield `${JSON.stringify(record)}\n`;
}
