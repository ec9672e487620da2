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
