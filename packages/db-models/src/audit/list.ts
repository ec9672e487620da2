import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { IdentityError } from "../core/errors.js";
import { unseal } from "../core/secrets.js";
import { administratorsOf } from "../queries/administrators.js";
import { type Page, queries } from "../queries/queries.js";
import { inWindows, runQuery } from "../queries/run-query.js";
import type { AuditEventDocument } from "../schemas/audit-event.js";
import { actOf } from "./act-of.js";
import { auditRefOf } from "./canonical.js";

/** Which audit events to list: at most one of the three, and a page. */
export interface AuditSearch {
  /** The user whom they are about. */
  subjectId?: Types.ObjectId | undefined;
  /** The user who did it. */
  actorId?: Types.ObjectId | undefined;
  action?: string | undefined;
  page?: Page;
}

/** An audit event for people who may read the trail. */
export interface AuditRecord
  extends Pick<
    AuditEventDocument,
    "at" | "action" | "outcome" | "targetType" | "targetId" | "network" | "details" | "chainId" | "sequence"
  > {
  id: Types.ObjectId;
  /** Present for those whom the list names. */
  actorId?: Types.ObjectId;
  subjectId?: Types.ObjectId;
  /** Whether a person did it, and to a person, named or not. */
  hasActor: boolean;
  hasSubject: boolean;
}

/** A person whose key makes the references in events. */
interface Person {
  readonly id: Types.ObjectId;
  readonly auditKey: string;
}

export async function listAudit(context: Context, search: AuditSearch): Promise<AuditRecord[]> {
  const { models } = context;
  const people = await knownPeople(context, search);
  const events = await runQuery(models, queryFor(search, people));
  return events.map((event) => describe(event, people));
}

/** Which part of the trail to export. */
export interface AuditExportInput {
  /** From this moment on. Default: the first event. */
  since?: Date | undefined;
  /** Up to this moment. Default: now. */
  until?: Date | undefined;
}

/** A record of an exported trail. */
export type AuditExportRecord =
  | { type: "header"; format: 1; exportedAt: Date; since?: Date; until: Date }
  | ({ type: "event"; previousHash: string; eventHash: string } & AuditRecord)
  /** A stored event that cannot be read, for `path` is missing or of the wrong type; `verify` says what became of it. */
  | { type: "damaged"; id: string; path: string }
  | { type: "end"; events: number; damaged: number };

export async function* exportAudit(
  context: Context,
  { since, until = context.now }: AuditExportInput = {},
): AsyncGenerator<AuditExportRecord, void, void> {
  const { models, now: exportedAt } = context;
  yield { type: "header", format: 1, exportedAt, ...(since && { since }), until };
  const people = await knownPeople(context, {});
  const period = { from: since ?? new Date(0), to: until };
  let [events, damaged] = [0, 0];
  const unread: IdentityError[] = [];
  const windows = inWindows(
    models,
    (after) => queries.auditBetween({ ...period, ...after }),
    ({ at }) => at,
    { onDamage: (damage) => void unread.push(damage) },
  );
  for await (const window of windows) {
    for (const { details } of unread)
      yield { type: "damaged", id: String(details.id), path: String(details.path) };
    damaged += unread.splice(0).length;
    for (const event of window) {
      const { previousHash, eventHash } = event;
      yield { type: "event", ...describe(event, people), previousHash, eventHash };
    }
    events += window.length;
  }
  yield { type: "end", events, damaged };
}

type People = ReadonlyMap<string, Person>;

function queryFor({ subjectId, actorId, action, page }: AuditSearch, people: People) {
  if ([subjectId, actorId, action].filter((one) => one !== undefined).length > 1) {
    throw new IdentityError("INVALID_INPUT", "name one of subjectId, actorId and action");
  }
  if (subjectId) return queries.auditOfSubject(refOf(subjectId, people), page);
  if (actorId) return queries.auditByActor(refOf(actorId, people), page);
  return action === undefined ? queries.newestAuditEvents(page) : queries.auditOfAction(action, page);
}

function refOf(id: Types.ObjectId, people: People): string {
  for (const [ref, person] of people) if (person.id.equals(id)) return ref;
  throw new IdentityError("USER_NOT_FOUND", "there is no such user");
}

/** Those who were asked for, and the administrators, by their references. */
async function knownPeople({ models }: Context, { subjectId, actorId }: AuditSearch): Promise<People> {
  const administrators = (await administratorsOf(models)).map(({ userId }) => userId);
  const ids = [...administrators, ...(subjectId ? [subjectId] : []), ...(actorId ? [actorId] : [])];
  const projection = { auditKey: 1 } as const;
  const found = await models.User.collection.find({ _id: { $in: ids } }, { projection }).toArray();
  return new Map(
    found.map(({ _id: id, auditKey }) => {
      const key = String(auditKey);
      return [auditRefOf(key), { id: id as Types.ObjectId, auditKey: key }];
    }),
  );
}

function describe(event: AuditEventDocument, people: People): AuditRecord {
  const { _id: id, chainId, sequence } = event;
  const actor = event.actorRef === undefined ? undefined : people.get(event.actorRef);
  const subject = event.subjectRef === undefined ? undefined : people.get(event.subjectRef);
  // The network is the actor's, and sealed with their key; without an actor, with the subject's.
  const holder = event.actorRef === undefined ? subject : actor;
  const sealed = event.sealedNetwork;
  const network = event.network ?? (holder && sealed ? unseal(holder.auditKey, sealed) : undefined);
  return {
    id,
    ...actOf(event, network),
    chainId,
    sequence,
    ...(actor && { actorId: actor.id }),
    ...(subject && { subjectId: subject.id }),
    hasActor: event.actorRef !== undefined,
    hasSubject: event.subjectRef !== undefined,
  };
}
