import { setTimeout } from "node:timers/promises";
import { Types } from "mongoose";
import { dismissAdministrator, forgetGiver } from "../administrators/register.js";
import { auditRefOf } from "../audit/canonical.js";
import type { AuditWriter } from "../audit/writer.js";
import type { Context } from "../context/context.js";
import { IdentityError, isDuplicateKey, isIdentityError } from "../core/errors.js";
import { duration } from "../core/limits.js";
import { type Failures, noFailures, noteFailure } from "../core/one-by-one.js";
import { type RecordEvent, recordEndsAbout } from "../impersonations/ends.js";
import { queries } from "../queries/queries.js";
import { findByQuery, runUnchecked, sound } from "../queries/run-query.js";
import { bringForward, putOff } from "../queries/update.js";
import type { ErasureDocument } from "../schemas/erasure.js";
import type { IdentityModels } from "../schemas/models.js";
import { currentSchemaVersion } from "../schemas/parts/version.js";
import { setUserStatus } from "../users/accounts.js";
import { collectionsAbout } from "./collections.js";

export interface EraseInput {
  userId: Types.ObjectId;
  /** The user who gets the person's apps. Without it they are removed, with every token and consent that others gave them. */
  appsTo?: Types.ObjectId;
  /** Records the ends of impersonations that are removed. Default: `audit.append`. */
  record?: RecordEvent | undefined;
}

export interface ErasureReport {
  id: Types.ObjectId;
  requestedAt: Date;
  finishedAt: Date;
  /** Documents removed, by collection; a crash between removing and noting leaves some out. */
  removed: Record<string, number>;
  /** Documents about the person that a count at the end found, by collection: zeros. */
  remaining: Record<string, number>;
  /** Audit events that nothing links to the person any more. */
  anonymisedAuditEvents: number;
}

/** A crashed erasure is taken up again after this long. */
const resumeAfterMs = 10 * duration.minute;
/** Sign-ins that were under way find the account gone within moments; so many looks are taken, so far apart. */
const maxSweeps = 10;
const betweenSweepsMs = 100;
/** After the end, requests and counters that were under way have this long to arrive before the last sweep. */
const lateWritesMs = duration.day;

/** What came of the erasures that were due. A failed one is due again ten minutes later. */
export interface ResumedErasures extends Failures<Types.ObjectId> {
  /** At most 50. */
  reports: ErasureReport[];
}

export async function eraseUserData(
  context: Context,
  writer: AuditWriter,
  input: EraseInput,
): Promise<ErasureReport> {
  const erasure = await begin(context, input);
  return complete(context, input.record ?? recordBy(context, writer), erasure);
}

const recordBy =
  ({ now }: Context, writer: AuditWriter): RecordEvent =>
  (event) =>
    writer.append(event, now);

export async function resumeErasures(
  context: Context,
  writer: AuditWriter,
  { record = recordBy(context, writer) }: Pick<EraseInput, "record"> = {},
): Promise<ResumedErasures> {
  const { models, now } = context;
  await bringForward(models.Erasure, "sweepAt", now, lateWritesMs);
  const resumed: ResumedErasures = { reports: [], ...noFailures() };
  for (const erasure of await runUnchecked(models, queries.dueErasures(now))) {
    try {
      if (!(await takeUp(context, erasure))) continue;
      sound(models, models.Erasure.collection.name, erasure);
      resumed.reports.push(await complete(context, record, erasure));
    } catch (error) {
      noteFailure(resumed, erasure._id, error);
    }
  }
  return resumed;
}

/** Of several processes one goes on with an erasure; one that fails is then due behind the others. */
function takeUp({ models, now }: Context, { _id, sweepAt }: ErasureDocument): Promise<boolean> {
  return putOff(models.Erasure, { _id, sweepAt }, "sweepAt", new Date(now.getTime() + resumeAfterMs));
}

type StartedErasure = ErasureDocument & { userId: Types.ObjectId };

async function begin(context: Context, input: EraseInput): Promise<ErasureDocument> {
  const { models, now } = context;
  const known = await findByQuery(models, queries.erasureOfUser(input.userId));
  if (known) return known;
  const user = await models.User.collection.findOne({ _id: input.userId }, { projection: { _id: 1 } });
  if (!user) throw new IdentityError("USER_NOT_FOUND", "there is no such user");
  // Once it is begun, an erasure goes on until it is done.
  await dismissAdministrator(context, input.userId);
  if (input.appsTo) await assertHeir(models, input.userId, input.appsTo);
  const erasure: StartedErasure = {
    _id: new Types.ObjectId(),
    userId: input.userId,
    ...(input.appsTo && { appsTo: input.appsTo }),
    requestedAt: now,
    sweepAt: new Date(now.getTime() + resumeAfterMs),
    removed: [],
    anonymisedAuditEvents: 0,
    schemaVersion: currentSchemaVersion,
  };
  try {
    await models.Erasure.collection.insertOne({ ...erasure });
    return erasure;
  } catch (error) {
    if (isDuplicateKey(error)) return begin(context, input);
    throw error;
  }
}

/** Apps that nobody can manage would go on with what users gave them. */
async function assertHeir(
  models: IdentityModels,
  userId: Types.ObjectId,
  appsTo: Types.ObjectId,
): Promise<void> {
  if (appsTo.equals(userId)) {
    throw new IdentityError("INVALID_INPUT", "appsTo: must be another user than the erased one");
  }
  const status = await statusOf(models, appsTo);
  if (status === undefined) throw new IdentityError("USER_NOT_FOUND", "appsTo: there is no such user");
  if (status !== "active") {
    throw new IdentityError("USER_NOT_ACTIVE", "appsTo: the account is not active", { details: { status } });
  }
}

async function statusOf(models: IdentityModels, _id: Types.ObjectId): Promise<string | undefined> {
  const user = await models.User.collection.findOne({ _id }, { projection: { status: 1 } });
  return user ? String(user.status) : undefined;
}

async function complete(
  context: Context,
  record: RecordEvent,
  erasure: ErasureDocument,
): Promise<ErasureReport> {
  const { models } = context;
  if (!erasure.userId) return reportOf(context, erasure._id, {});
  const started = { ...erasure, userId: erasure.userId };
  await closeAccount(context, started.userId);
  await forgetGiver(context, started.userId);
  await recordEndsAbout(context, record, started.userId);
  await noteAuditEvents(models, started);
  // The user who inherits the apps may be gone since the erasure began, or go while the apps are handed over.
  const { appsTo } = started;
  if (appsTo && (await statusOf(models, appsTo)) === "active") {
    await handOverApps(context, started.userId, appsTo);
    if ((await statusOf(models, appsTo)) === undefined) {
      await removeWhatAppsHold(models, started, appsTo);
      await remove(models, started, "App", { ownerId: appsTo });
    }
  } else await removeWhatAppsHold(models, started, started.userId);
  const remaining = await removeAll(models, started);
  await close(context, started, remaining);
  return reportOf(context, started._id, remaining);
}

/** Removes all that there is, again as long as what was under way arrives meanwhile. Returns what is left. */
async function removeAll(models: IdentityModels, erasure: StartedErasure): Promise<Record<string, number>> {
  for (let attempt = 1; ; attempt++) {
    for (const { model, filter } of collectionsAbout(erasure.userId)) {
      await remove(models, erasure, model, filter);
    }
    const remaining = await countRemaining(models, erasure.userId);
    if (isNothing(remaining) || attempt === maxSweeps) return remaining;
    await setTimeout(betweenSweepsMs);
  }
}

function isNothing(remaining: Record<string, number>): boolean {
  return Object.values(remaining).every((documents) => documents === 0);
}

async function closeAccount(context: Context, userId: Types.ObjectId): Promise<void> {
  try {
    await setUserStatus(context, { userId, status: "deleted" });
  } catch (error) {
    // Removed by an earlier attempt, which then ended its sessions too.
    if (!isIdentityError(error, "USER_NOT_FOUND")) throw error;
  }
}

async function noteAuditEvents(models: IdentityModels, { _id, userId }: StartedErasure): Promise<void> {
  const user = await models.User.collection.findOne({ _id: userId }, { projection: { auditKey: 1 } });
  if (!user) return;
  const ref = auditRefOf(String(user.auditKey));
  const [asSubject, asActorOnly] = await Promise.all([
    models.AuditEvent.collection.countDocuments({ subjectRef: ref }),
    models.AuditEvent.collection.countDocuments({ actorRef: ref, subjectRef: { $ne: ref } }),
  ]);
  const anonymisedAuditEvents = asSubject + asActorOnly;
  await models.Erasure.collection.updateOne({ _id }, { $max: { anonymisedAuditEvents } });
}

async function handOverApps(
  context: Context,
  ownerId: Types.ObjectId,
  appsTo: Types.ObjectId,
): Promise<void> {
  const { models, now } = context;
  await models.App.collection.updateMany({ ownerId }, { $set: { ownerId: appsTo, updatedAt: now } });
}

// Before the apps, which are what a second attempt finds them by.
async function removeWhatAppsHold(
  models: IdentityModels,
  erasure: StartedErasure,
  ownerId: Types.ObjectId,
): Promise<void> {
  const apps = models.App.collection.find({ ownerId }, { projection: { _id: 1 } });
  for await (const { _id: appId } of apps) {
    await remove(models, erasure, "AppToken", { appId });
    await remove(models, erasure, "AppPermission", { appId });
  }
}

async function remove(
  models: IdentityModels,
  erasure: StartedErasure,
  model: keyof IdentityModels,
  filter: Record<string, unknown>,
): Promise<void> {
  const { collection } = models[model];
  const { deletedCount } = await collection.deleteMany(filter);
  if (deletedCount > 0) await noteRemoved(models, erasure._id, collection.name, deletedCount);
}

async function noteRemoved(
  models: IdentityModels,
  _id: Types.ObjectId,
  collectionName: string,
  documents: number,
): Promise<void> {
  const { collection } = models.Erasure;
  const known = { _id, "removed.collectionName": collectionName };
  const added = await collection.updateOne(known, { $inc: { "removed.$.documents": documents } });
  if (added.matchedCount > 0) return;
  const first = { _id, "removed.collectionName": { $ne: collectionName } };
  const push = { $push: { removed: { collectionName, documents } } } as Record<string, object>;
  await collection.updateOne(first, push);
}

async function countRemaining(
  models: IdentityModels,
  userId: Types.ObjectId,
): Promise<Record<string, number>> {
  const remaining: Record<string, number> = {};
  for (const { model, filter } of collectionsAbout(userId)) {
    const { collection } = models[model];
    remaining[collection.name] = await collection.countDocuments(filter);
  }
  return remaining;
}

/** Notes that nothing is left; at the sweep after that, forgets who it was. */
async function close(
  context: Context,
  erasure: StartedErasure,
  remaining: Record<string, number>,
): Promise<void> {
  const { models, now } = context;
  if (!isNothing(remaining)) return;
  const { collection } = models.Erasure;
  const { finishedAt, sweepAt, _id } = erasure;
  if (!finishedAt) {
    const last = new Date(now.getTime() + lateWritesMs);
    await collection.updateOne(
      { _id, finishedAt: { $exists: false } },
      { $set: { finishedAt: now, sweepAt: last } },
    );
  } else if (sweepAt && sweepAt <= now) {
    const purgeAt = new Date(now.getTime() + context.policies.retention.erasuresMs);
    await collection.updateOne(
      { _id },
      { $set: { purgeAt }, $unset: { userId: "", appsTo: "", sweepAt: "" } },
    );
  }
}

async function reportOf(
  context: Context,
  id: Types.ObjectId,
  remaining: Record<string, number>,
): Promise<ErasureReport> {
  const { models, now } = context;
  const erasure = await models.Erasure.collection.findOne<ErasureDocument>({ _id: id });
  if (!erasure) throw new TypeError("unreachable: an erasure is kept");
  return {
    id,
    requestedAt: erasure.requestedAt,
    finishedAt: erasure.finishedAt ?? now,
    removed: Object.fromEntries(
      erasure.removed.map(({ collectionName, documents }) => [collectionName, documents]),
    ),
    remaining,
    anonymisedAuditEvents: erasure.anonymisedAuditEvents,
  };
}
