import type {
  AdminApprovalDocument,
  BulkAct,
  BulkFilter,
  BulkItemState,
  BulkJob,
  BulkJobItem,
  PublicUser,
} from "@org/db-models";
import { writePagePosition } from "@org/db-models/queries";
import type { Types } from "mongoose";
import { IdentityProblem } from "../../flows/problems.js";
import {
  type Acting,
  type AdminEvent,
  type JobTaker,
  noteRead,
  recorded,
  requirePermission,
} from "../acting.js";
import { accountsOf } from "../acts/administrators.js";
import { bulkErasure, withApproval } from "../approvals.js";
import { userActs } from "./acts.js";
import { excludedBy } from "./excluded.js";
import { selectByFilter, selectByList } from "./select.js";

/** Room for as many addresses as a job may have users, each as long as an address may be. */
export const maxListBytes = 4_194_304;

/** What is to be done, to whom. */
export interface JobOrder {
  readonly act: BulkAct;
  readonly reason: string;
  /** Which users of the list, or ids and addresses of them. */
  readonly of: BulkFilter | readonly string[];
}

const isList = (of: JobOrder["of"]): of is readonly string[] => Array.isArray(of);

/**
 * Chooses the users of a job, who stay what they are from now on. Nothing is done to them yet.
 *
 * @throws IdentityProblem `INSUFFICIENT_ROLE`, `JOB_TOO_LARGE`.
 */
export async function prepareJob(acting: Acting, { act, reason, of }: JobOrder): Promise<BulkJob> {
  await requirePermission(acting, userActs[act].permission);
  const { bulkJobs, administrators } = acting.service.identity;
  const { users, unknownAt } = isList(of) ? await selectByList(acting, of) : await selectByFilter(acting, of);
  const excluded = excludedBy(acting, await administrators.list());
  const chosen = isList(of) ? { unknownAt } : { filter: of };
  const order = { act, reason, createdBy: acting.userId, users, excluded, ...chosen };
  const details = { act, found: String(users.length) };
  return recorded(acting, { action: "admin.bulk_job_prepared", reason, details }, () =>
    bulkJobs.prepare(order),
  );
}

type Page = NonNullable<Parameters<Acting["service"]["identity"]["bulkJobs"]["list"]>[0]["page"]>;

/** A job, with the address of its administrator. */
export type KnownJob = BulkJob & { readonly createdByEmail: string | undefined };

async function known(acting: Acting, jobs: readonly BulkJob[]): Promise<KnownJob[]> {
  const accounts = await accountsOf(
    acting,
    jobs.map(({ createdBy }) => createdBy),
  );
  return jobs.map((job) => ({ ...job, createdByEmail: accounts.get(job.createdBy.toHexString())?.email }));
}

/** Jobs, the newest first. */
export async function listJobs(
  acting: Acting,
  page: Page & { readonly limit: number },
): Promise<{ readonly jobs: readonly KnownJob[]; readonly next: string | undefined }> {
  const found = await acting.service.identity.bulkJobs.list({ page });
  await noteRead(acting, { action: "admin.bulk_jobs_listed" });
  const last = found.length === page.limit ? found.at(-1) : undefined;
  return {
    jobs: await known(acting, found),
    next: last && writePagePosition({ at: last.createdAt, id: last.id }),
  };
}

/** @throws IdentityProblem `JOB_NOT_FOUND` */
export async function findJob({ service }: Acting, id: Types.ObjectId): Promise<BulkJob> {
  const job = await service.identity.bulkJobs.read({ id });
  if (!job) throw new IdentityProblem("JOB_NOT_FOUND");
  return job;
}

/** @throws IdentityProblem `JOB_NOT_FOUND` */
export async function readJob(acting: Acting, id: Types.ObjectId): Promise<KnownJob> {
  const [job] = await known(acting, [await findJob(acting, id)]);
  if (!job) throw new IdentityProblem("JOB_NOT_FOUND");
  return job;
}

/** A user of a job; without an address once the account is gone. */
export type KnownItem = BulkJobItem & Partial<Pick<PublicUser, "email">>;

/** Which users of a job: those who came to one thing, or all; from a position on. */
export interface ItemsWanted {
  readonly id: Types.ObjectId;
  readonly state?: BulkItemState | undefined;
  readonly from?: number | undefined;
  readonly limit: number;
}

/** The users of a job in their order, and what came of each. */
export async function listItems(
  acting: Acting,
  wanted: ItemsWanted,
): Promise<{ readonly items: readonly KnownItem[]; readonly next: number | undefined }> {
  const { id } = wanted;
  await noteRead(acting, { action: "admin.bulk_job_read", ...target(id) });
  return readItems(acting, wanted);
}

async function readItems(acting: Acting, { id, state, from = 0, limit }: ItemsWanted) {
  const { bulkJobs } = acting.service.identity;
  const items = await bulkJobs.items({ id, from, limit, ...(state && { state }) });
  const accounts = await accountsOf(
    acting,
    items.map(({ userId }) => userId),
  );
  const last = items.length === limit ? items.at(-1) : undefined;
  return {
    items: items.map((item): KnownItem => {
      const email = accounts.get(item.userId.toHexString())?.email;
      return { ...item, ...(email !== undefined && { email }) };
    }),
    next: last && last.position + 1,
  };
}

const linesAtATime = 500;

/** The job, each of its users with what came of them, and an end that counts them. Without its end it was cut. */
export async function* resultsOf(acting: Acting, job: BulkJob): AsyncGenerator<object, void, void> {
  const { id } = job;
  await noteRead(acting, { action: "admin.bulk_job_downloaded", ...target(id) });
  yield { type: "job", ...job };
  let users = 0;
  for (let from: number | undefined = 0; from !== undefined; ) {
    const { items, next }: Awaited<ReturnType<typeof readItems>> = await readItems(acting, {
      id,
      from,
      limit: linesAtATime,
    });
    for (const item of items) yield { type: "user", ...item };
    users += items.length;
    from = next;
  }
  yield { type: "end", users };
}

/** What starting a job takes. */
export interface StartOrder {
  readonly id: Types.ObjectId;
  /** How many users it is for, typed once more. */
  readonly count: number;
  readonly approvalId: Types.ObjectId | undefined;
}

/**
 * Starts a job of one's own, in the background.
 *
 * @throws IdentityProblem `JOB_NOT_FOUND`, `JOB_STATE`, `INSUFFICIENT_ROLE`, `INVALID_INPUT` for another number,
 * `APPROVAL_REQUIRED`.
 */
export async function startJob(
  acting: Acting,
  jobs: JobTaker,
  { id, count, approvalId }: StartOrder,
): Promise<void> {
  const job = await changeable(acting, id);
  const { act, counts, state, startBy, createdBy } = job;
  const { bulkJobs, clock } = acting.service.identity;
  if (state !== "prepared" || startBy <= clock.now() || !createdBy.equals(acting.userId)) throw wrongState();
  if (count !== counts.pending) {
    const issues = [{ path: "body/count", message: "must be the number of users" }];
    throw new IdentityProblem("INVALID_INPUT", { issues });
  }
  const start = () =>
    changed(acting, job, "admin.bulk_job_started", () => bulkJobs.start({ id, createdBy: acting.userId }));
  const approved = { action: bulkErasure, targetId: id, id: approvalId };
  await (act === "erase" ? withApproval(acting, approved, start) : start());
  await jobs.takeUp();
}

/** @throws IdentityProblem `JOB_NOT_FOUND`, `JOB_STATE`, `INSUFFICIENT_ROLE`. */
export async function pauseJob(acting: Acting, id: Types.ObjectId): Promise<void> {
  const job = await changeable(acting, id);
  await changed(acting, job, "admin.bulk_job_paused", () => acting.service.identity.bulkJobs.pause({ id }));
}

/** @throws IdentityProblem `JOB_NOT_FOUND`; `JOB_STATE`, also for another administrator's; `INSUFFICIENT_ROLE`. */
export async function resumeJob(acting: Acting, jobs: JobTaker, id: Types.ObjectId): Promise<void> {
  const job = await changeable(acting, id);
  const resume = { id, createdBy: acting.userId };
  await changed(acting, job, "admin.bulk_job_resumed", () => acting.service.identity.bulkJobs.resume(resume));
  await jobs.takeUp();
}

/** @throws IdentityProblem `JOB_NOT_FOUND`, `JOB_STATE`, `INSUFFICIENT_ROLE`. */
export async function cancelJob(acting: Acting, id: Types.ObjectId): Promise<void> {
  const job = await changeable(acting, id);
  await changed(acting, job, "admin.bulk_job_cancelled", () =>
    acting.service.identity.bulkJobs.cancel({ id }),
  );
}

/**
 * Asks another administrator to approve a job that erases users.
 *
 * @throws IdentityProblem `JOB_NOT_FOUND`, `JOB_STATE`, `INSUFFICIENT_ROLE`.
 */
export async function requestJobApproval(acting: Acting, id: Types.ObjectId): Promise<AdminApprovalDocument> {
  const { act, state, reason, createdBy } = await changeable(acting, id);
  if (act !== "erase" || state !== "prepared" || !createdBy.equals(acting.userId)) throw wrongState();
  const event = { action: "admin.approval_requested", reason, details: { for: bulkErasure } } as const;
  return recorded(acting, { ...event, ...target(id) }, () =>
    acting.service.identity.administrators.requestApproval({
      action: bulkErasure,
      targetId: id,
      reason,
      requestedBy: acting.userId,
    }),
  );
}

const target = (id: Types.ObjectId) => ({ targetType: "bulk_job", targetId: id.toHexString() });
const wrongState = () => new IdentityProblem("JOB_STATE");

/** A job for who may do what it does. */
async function changeable(acting: Acting, id: Types.ObjectId): Promise<BulkJob> {
  const job = await findJob(acting, id);
  await requirePermission(acting, userActs[job.act].permission);
  return job;
}

async function changed(
  acting: Acting,
  { id, act, reason, counts }: BulkJob,
  action: AdminEvent["action"],
  change: () => Promise<boolean>,
): Promise<void> {
  const details = { act, users: String(counts.pending) };
  await recorded(acting, { action, reason, details, ...target(id) }, async () => {
    if (!(await change())) throw wrongState();
  });
}
