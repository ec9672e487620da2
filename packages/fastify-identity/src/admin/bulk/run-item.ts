import type { Administrator, BulkResult, HeldBulkItem, HeldBulkJob, PublicUser } from "@org/db-models";
import { isIdentityError } from "@org/db-models";
import { type IdentityProblem, type ProblemCode, toProblem } from "../../flows/problems.js";
import { type Acting, noteRead } from "../acting.js";
import { userActs } from "./acts.js";
import { exclusionOf } from "./excluded.js";

/** The service itself cannot go on: the user keeps their turn. */
const outages: ReadonlySet<ProblemCode> = new Set(["DATABASE_UNREACHABLE", "AUDIT_NOT_WRITTEN"]);

/** A user of a job whose turn it is. */
export interface Turn {
  readonly acting: Acting;
  readonly administrators: readonly Administrator[];
  readonly job: HeldBulkJob;
  readonly item: HeldBulkItem;
}

/**
 * Does the act of a job to one user.
 *
 * @throws IdentityProblem `DATABASE_UNREACHABLE`, `AUDIT_NOT_WRITTEN`: then it is to be done later.
 */
export async function runItem(turn: Turn): Promise<BulkResult> {
  const { acting, administrators, job, item } = turn;
  const { userId, again } = item;
  const { isNeeded, run } = userActs[job.act];
  const excluded = exclusionOf(acting, administrators, userId);
  if (excluded !== undefined) return skip(turn, excluded);
  try {
    const user = await readUser(acting, item);
    // Whose erasure a crash has stopped may be gone already.
    if (!user)
      return again && job.act === "erase" ? { state: "done" } : { state: "skipped", code: "USER_NOT_FOUND" };
    // An act that a crash cut off is done again: it may look as if it were not needed.
    if (!again && !(await isNeeded(acting, user))) return await skip(turn, "not_needed");
    await run(acting, user, job.reason);
    return { state: "done" };
  } catch (error) {
    return resultOf(turn, toProblem(error));
  }
}

async function readUser({ service }: Acting, { userId }: HeldBulkItem): Promise<PublicUser | undefined> {
  try {
    return await service.identity.users.read(userId);
  } catch (error) {
    if (isIdentityError(error, "USER_NOT_FOUND")) return undefined;
    throw error;
  }
}

async function skip({ acting, job, item }: Turn, code: string): Promise<BulkResult> {
  const details = { act: job.act, code };
  await noteRead(acting, { action: "admin.bulk_user_skipped", subjectId: item.userId, details });
  return { state: "skipped", code };
}

function resultOf({ acting, job, item }: Turn, problem: IdentityProblem): BulkResult {
  const { code, statusCode } = problem;
  if (outages.has(code)) throw problem;
  if (statusCode < 500 && code !== "MESSAGE_LIMIT") return { state: "skipped", code };
  const facts = { err: problem, job: job.id.toHexString(), userId: item.userId.toHexString() };
  acting.requester.log.error(facts, "a user of a bulk job failed");
  return { state: "failed", code };
}
