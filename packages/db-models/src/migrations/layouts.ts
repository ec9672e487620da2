import type { Collection, mongo, Types } from "mongoose";
import type { Context } from "../context/context.js";
import { IdentityError } from "../core/errors.js";
import { lookupHash, type Token } from "../core/secrets.js";
import { placeOf } from "../queries/place.js";
import type { IdentityModels } from "../schemas/models.js";
import { pinToPrimary } from "../schemas/parts/primary.js";
import type { UserSessionDocument } from "../schemas/user-session.js";
import { purgeAtAfter, sessionPolicyOf } from "../sessions/policy.js";
import { endSessions } from "../sessions/revoke.js";
import { collapse } from "./collapse.js";
import { expandSession, expandUser } from "./expand.js";
import { isLocated } from "./legacy-tokens.js";
import { settleSlots } from "./settle.js";
import type { LegacySession, LegacyUser, SessionGate } from "./types.js";

/** A session as one of the layouts has it, after a write to that layout. */
export type Written =
  | { layout: "source"; user: LegacyUser; session: LegacySession }
  | { layout: "target"; session: UserSessionDocument };

/** When a session was used, and when it now expires. */
export interface Touch {
  lastSeenAt: Date;
  idleExpiresAt: Date;
}

/** Operations of both layouts on one session; each returns the resulting session, or nothing if there is none. */
export interface SessionLayout {
  revoke(context: Context, userId: Types.ObjectId, id: Types.ObjectId): Promise<Written | undefined>;
  touch(
    context: Context,
    userId: Types.ObjectId,
    id: Types.ObjectId,
    touch: Touch,
  ): Promise<Written | undefined>;
  /** Takes over what the other layout has of a session: `opened` when it is new there, and its user may be too. */
  take(context: Context, written: Written, what: "opened" | "ended" | "used"): Promise<void>;
}

/** The layout that a migration comes from: sessions in an array of their user. */
export class SourceLayout implements SessionLayout {
  readonly #models: IdentityModels;
  readonly #users: Collection;

  constructor(models: IdentityModels, source: string) {
    this.#models = models;
    this.#users = models.User.db.collection(source);
    // A session that was revoked must not live on in what a secondary has.
    pinToPrimary(this.#users);
  }

  /** The session that a token stands for, whether or not it is live. */
  async find(token: Token): Promise<Extract<Written, { layout: "source" }> | undefined> {
    if (!isLocated(token)) return this.#findBy({}, { token: token.raw });
    const { ownerId, id } = placeOf(token);
    return this.#findBy({ _id: ownerId }, { _id: id, handleHash: lookupHash(token.handle) });
  }

  async sessionsOf(userId: Types.ObjectId): Promise<LegacySession[]> {
    const user = await this.#users.findOne<LegacyUser>({ _id: userId }, { projection: { sessions: 1 } });
    return user?.sessions ?? [];
  }

  /** Adds a session, unless it is there. @throws IdentityError `USER_NOT_FOUND` */
  async add(userId: Types.ObjectId, session: LegacySession): Promise<Written> {
    await this.#users.updateOne(
      { _id: userId, "sessions._id": { $ne: session._id } },
      { $push: { sessions: session as never } },
    );
    const added = await this.#read(userId, session._id);
    if (!added) throw new IdentityError("USER_NOT_FOUND", "there is no such user");
    return added;
  }

  async revoke(context: Context, userId: Types.ObjectId, id: Types.ObjectId): Promise<Written | undefined> {
    await this.#users.updateOne(
      { _id: userId, sessions: { $elemMatch: { _id: id, active: true } } },
      { $set: { "sessions.$.active": false }, $min: { "sessions.$.revokedAt": context.now } },
    );
    return this.#read(userId, id);
  }

  async touch(
    _context: Context,
    userId: Types.ObjectId,
    id: Types.ObjectId,
    touch: Touch,
  ): Promise<Written | undefined> {
    await this.#users.updateOne(
      { _id: userId, sessions: { $elemMatch: { _id: id, active: true } } },
      { $max: { "sessions.$.lastActivity": touch.lastSeenAt, "sessions.$.expiresAt": touch.idleExpiresAt } },
    );
    return this.#read(userId, id);
  }

  async take(_context: Context, from: Written): Promise<void> {
    if (from.layout === "source") return;
    const user = await this.#models.User.collection.findOne({ _id: from.session.userId });
    const targets = new Map([
      ["users", user ? [user] : []],
      ["user_sessions", [from.session as unknown as Record<string, unknown>]],
    ]);
    const operations = collapse(targets, { _id: from.session.userId }).map((one) => ({ updateOne: one }));
    await this.#users.bulkWrite(operations as unknown as mongo.AnyBulkWriteOperation[], { ordered: true });
  }

  #read(userId: Types.ObjectId, id: Types.ObjectId): Promise<Written | undefined> {
    return this.#findBy({ _id: userId }, { _id: id });
  }

  async #findBy(user: { _id?: Types.ObjectId }, session: Record<string, unknown>) {
    const sessions = { $elemMatch: session };
    const projection = { ...headerFields, sessions };
    return written(await this.#users.findOne({ ...user, sessions }, { projection }));
  }
}

const headerFields = { email: 1, name: 1, createdAt: 1, updatedAt: 1 } as const;

function written(found: object | null): Extract<Written, { layout: "source" }> | undefined {
  const user = found as LegacyUser | null;
  const session = user?.sessions?.[0];
  return user && session ? { layout: "source", user, session } : undefined;
}

/** The layout that a migration goes to. */
export class TargetLayout implements SessionLayout {
  readonly #models: IdentityModels;
  readonly #gate: Pick<SessionGate, "put">;

  constructor(models: IdentityModels, gate: Pick<SessionGate, "put">) {
    this.#models = models;
    this.#gate = gate;
  }

  async read(userId: Types.ObjectId, _id: Types.ObjectId): Promise<Written | undefined> {
    const { collection } = this.#models.UserSession;
    const session = await collection.findOne<UserSessionDocument>({ _id, userId });
    return session ? { layout: "target", session } : undefined;
  }

  async revoke(context: Context, userId: Types.ObjectId, id: Types.ObjectId): Promise<Written | undefined> {
    await endSessions(context, { _id: id, userId }, "signed_out");
    return this.read(userId, id);
  }

  async touch(
    context: Context,
    userId: Types.ObjectId,
    id: Types.ObjectId,
    touch: Touch,
  ): Promise<Written | undefined> {
    const { retentionMs } = sessionPolicyOf(context);
    const purgeAt = purgeAtAfter(touch.idleExpiresAt.getTime() + retentionMs);
    await this.#models.UserSession.collection.updateOne(
      { _id: id, userId, revokedAt: null },
      { $max: { ...touch, purgeAt } },
    );
    return this.read(userId, id);
  }

  async take(context: Context, from: Written, what: "opened" | "ended" | "used"): Promise<void> {
    if (from.layout === "target") return;
    const { user, session } = from;
    const owner = what === "opened" ? [expandUser(user)] : [];
    await this.#gate.put([...owner, expandSession(user._id, session)]);
    // A session that is used keeps its slot; one that the backfill has yet to reach gets it there.
    if (what !== "used") await settleSlots(this.#models, user._id, context.now);
  }
}
