import { day, type Generation, identifier, kind, type Person } from "./people.js";

type Documents = Generator<Record<string, unknown>>;

/** The document of `administrators`, with the first person, who is the only one. */
export function* administratorDocuments({ now }: Generation, { id, index }: Person): Documents {
  if (index !== 0) return;
  const since = new Date(now.getTime() - 30 * day);
  yield {
    _id: identifier(since, index, kind.waiting, 4),
    name: "administrators",
    members: [{ userId: id, roles: ["identity:admin"], since }],
    updatedAt: since,
    schemaVersion: 1,
  };
}

/** A document of `admin_approvals`: now and then somebody is to be erased. */
export function* approvalDocuments({ now }: Generation, { id, index }: Person): Documents {
  if (index % 50 !== 29) return;
  const createdAt = new Date(now.getTime() - 3_600_000);
  const expiresAt = new Date(createdAt.getTime() + day);
  yield {
    _id: identifier(createdAt, index, kind.waiting, 5),
    action: "user.erase",
    subjectId: id,
    reason: "They have asked for it",
    status: "pending",
    requestedBy: id,
    people: [id],
    createdAt,
    expiresAt,
    purgeAt: new Date(expiresAt.getTime() + 90 * day),
    schemaVersion: 1,
  };
}

const usersOfJob = 40;
const jobOf = (now: Date, index: number) => {
  const first = index - (index % usersOfJob);
  const createdAt = new Date(now.getTime() - (1 + (first % 60)) * day);
  return { jobId: identifier(createdAt, first, kind.waiting, 8), createdAt, first };
};

/** A document of `bulk_jobs`: one for forty people, most of them done. */
export function* bulkJobDocuments({ now }: Generation, { id, index }: Person): Documents {
  if (index % usersOfJob !== 0) return;
  const { jobId, createdAt } = jobOf(now, index);
  const isRunning = index % 200 === 40;
  yield {
    _id: jobId,
    act: "end_sessions",
    reason: "An exposed device",
    createdBy: id,
    state: isRunning ? "running" : "done",
    unknown: 0,
    unknownAt: [],
    total: usersOfJob,
    counts: { excluded: 0, done: usersOfJob - (isRunning ? 10 : 0), skipped: 0, failed: 0 },
    createdAt,
    startBy: new Date(createdAt.getTime() + day),
    startedAt: createdAt,
    ...(isRunning ? { dueAt: new Date(now.getTime() - 60_000) } : { endedAt: createdAt }),
    purgeAt: new Date(createdAt.getTime() + 90 * day),
    schemaVersion: 1,
  };
}

/** A document of `bulk_job_items`: everybody was in a job. */
export function* bulkItemDocuments({ now }: Generation, { id, index }: Person): Documents {
  const { jobId, createdAt, first } = jobOf(now, index);
  const isPending = first % 200 === 40 && index - first >= 30;
  yield {
    _id: identifier(createdAt, index, kind.waiting, 9),
    jobId,
    position: index - first,
    userId: id,
    state: isPending ? "pending" : "done",
    ...(!isPending && { at: createdAt }),
    purgeAt: new Date(createdAt.getTime() + 90 * day),
    schemaVersion: 1,
  };
}
