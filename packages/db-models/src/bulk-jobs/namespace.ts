import type { Types } from "mongoose";
import { operationsOf, type Shared } from "../context/context.js";
import type { Page } from "../queries/queries.js";
import type { BulkCounts } from "../schemas/bulk-job.js";
import type { BulkItemState } from "../schemas/bulk-job-item.js";
import {
  type BulkJobItem,
  cancelBulkJob,
  listBulkJobItems,
  listBulkJobs,
  pauseBulkJob,
  readBulkJob,
  resumeBulkJob,
  startBulkJob,
} from "./control.js";
import { type BulkJobInput, prepareBulkJob } from "./prepare.js";
import type { BulkJob } from "./summary.js";
import {
  type BulkResult,
  endBulkJob,
  type HeldBulkItem,
  type HeldBulkJob,
  keepBulkJob,
  nextBulkItems,
  releaseBulkJob,
  settleBulkItem,
  takeUpBulkJobs,
} from "./work.js";

/**
 * One act on many users. The users are stored when a job is prepared and stay what they are; each has a document of its own
 * with what came of it. What the act does is the caller's: these operations say whose turn it is.
 */
export interface BulkJobs {
  /**
   * Stores the users of a job, to be started within a day. It is removed with its results after `retention.bulkJobsMs`,
   * whatever became of it.
   *
   * @throws IdentityError `INVALID_INPUT`, also for more than 10,000 users.
   *
   * @example
   * const order = { act: "lock", reason: "Ticket 4711", createdBy: userId, users: [], excluded: [] } as const;
   * const { id } = await identity.bulkJobs.prepare(order);
   * await identity.bulkJobs.start({ id, createdBy: userId });
   */
  prepare(input: BulkJobInput): Promise<BulkJob>;
  read(input: { id: Types.ObjectId }): Promise<BulkJob | undefined>;
  /** Jobs, the newest first: of an administrator, or of everybody. */
  list(input: { createdBy?: Types.ObjectId; page?: Page }): Promise<BulkJob[]>;
  /** The users of a job in their order, from a position on: those who came to one thing, or all. An erased user is not there. */
  items(input: {
    id: Types.ObjectId;
    state?: BulkItemState;
    from?: number;
    /** Default: 50. */
    limit?: number;
  }): Promise<BulkJobItem[]>;
  /** Starts a job of one's own. @returns true for the one call of any number that started it. */
  start(input: { id: Types.ObjectId; createdBy: Types.ObjectId }): Promise<boolean>;
  /** Stops a running job before its next users. @returns true for the one call that paused it. */
  pause(input: { id: Types.ObjectId }): Promise<boolean>;
  /** Goes on with a job of one's own. @returns true for the one call that resumed it. */
  resume(input: { id: Types.ObjectId; createdBy: Types.ObjectId }): Promise<boolean>;
  /** Ends a job that has not ended; what is done stays done. @returns true for the one call that cancelled it. */
  cancel(input: { id: Types.ObjectId }): Promise<boolean>;
  /**
   * Takes up jobs that nobody works on: those that were just started or resumed, and those of a process that has not been
   * heard of for half a minute. Call it now and then, in as many processes as you like; one gets a job.
   */
  takeUp(input: { limit: number }): Promise<HeldBulkJob[]>;
  /** Says that this process is at work, before the next users. @returns false when it has to let go of the job. */
  keep(job: HeldBulkJob): Promise<boolean>;
  /** The users whose turn it is, so many at most; none when all have had theirs. */
  next(input: { job: HeldBulkJob; limit: number }): Promise<HeldBulkItem[]>;
  /** Notes what came of a user, whom `job.counts` has from then on. */
  settle(input: { job: HeldBulkJob; item: HeldBulkItem; result: BulkResult }): Promise<void>;
  /** Lets go of a job that is not done; any process goes on with it, after a while if you like. */
  release(input: { job: HeldBulkJob; afterMs?: number }): Promise<void>;
  /**
   * Ends a job: every user has had their turn, or `stopCode` says why it may not go on.
   *
   * @returns its counts, for the one call that ended it.
   */
  end(input: { job: HeldBulkJob; stopCode?: string }): Promise<BulkCounts | undefined>;
}

export function bulkJobsOf(identity: Shared): BulkJobs {
  const on = operationsOf(identity);
  return {
    prepare: on(prepareBulkJob),
    read: on(readBulkJob),
    list: on(listBulkJobs),
    items: on(listBulkJobItems),
    start: on(startBulkJob),
    pause: on(pauseBulkJob),
    resume: on(resumeBulkJob),
    cancel: on(cancelBulkJob),
    takeUp: on(takeUpBulkJobs),
    keep: on(keepBulkJob),
    next: on(nextBulkItems),
    settle: on(settleBulkItem),
    release: on(releaseBulkJob),
    end: on(endBulkJob),
  };
}
