import { Types } from "mongoose";
import { begin, type Context, type Shared } from "../context/context.js";
import { duration } from "../core/limits.js";
import { mintLegacyToken, type Token } from "../core/secrets.js";
import { activeSession } from "../sessions/check/active.js";
import type { SessionCheck } from "../sessions/check/answer.js";
import { type CheckedSession, refusalOfToken } from "../sessions/check/judge.js";
import type { ValidationOptions } from "../sessions/check/validate.js";
import { listSessions, type SessionSummary, summarise } from "../sessions/list.js";
import { type OpenedSession, openSession } from "../sessions/open.js";
import { expiryAfterUse, sessionPolicyOf } from "../sessions/policy.js";
import { capUserAgent } from "../stored/device.js";
import { asUserSession, isLiveLegacy } from "./expand.js";
import { type SessionLayout, SourceLayout, TargetLayout, type Written } from "./layouts.js";
import { faultOfSession } from "./legacy-faults.js";
import { findByEither, parseEitherToken } from "./legacy-tokens.js";
import type { LegacySession, SessionGate, SessionRoute } from "./types.js";

/** A session that was opened while a migration is under way. */
export type OpenedMigratingSession = Pick<OpenedSession, "id" | "token" | "idleExpiresAt">;

/** Whose session to open, and what is known of the client. */
export interface OpenMigratingSessionInput {
  userId: Types.ObjectId;
  userAgent?: string;
  ip?: string;
}

const legacyIdleMs = 12 * duration.hour;

/**
 * Sessions while they move from one layout to the other: the one place through which a service reads and writes them
 * from `expand` to `contract`. Each call goes by the phase that the gate knows. A write is done when every layout that
 * the phase writes has it; a call that fails may be made again.
 *
 * @example
 * const sessions = identity.migrations.sessionsThrough(new MigrationGate(connection, sessionsMigration()));
 * const check = await sessions.validate(request.cookies.session);
 */
export class MigratingSessions {
  readonly #identity: Shared;
  readonly #gate: SessionGate;
  readonly #source: SourceLayout;
  readonly #target: TargetLayout;

  /** @param source - collection of the old layout. Default `legacy_users`. */
  constructor(identity: Shared, gate: SessionGate, source = "legacy_users") {
    this.#identity = identity;
    this.#gate = gate;
    this.#source = new SourceLayout(identity.models, source);
    this.#target = new TargetLayout(identity.models, gate);
  }

  /**
   * Opens a session: with a token of the old form as long as the old layout is written first, under the cap as soon as
   * the new one is.
   *
   * @throws IdentityError `USER_NOT_FOUND`, and what `sessions.open` throws.
   */
  async open(input: OpenMigratingSessionInput): Promise<OpenedMigratingSession> {
    const context = begin(this.#identity);
    // Made once, so that an attempt that is made again opens the same session.
    const legacy = newLegacySession(input, context.now);
    return this.#gate.write(async (route) => {
      if (route.write[0] === "target") return this.#openInTarget(context, route, input);
      const written = await this.#source.add(input.userId, legacy);
      if (route.write.includes("target")) await this.#target.take(context, written, "opened");
      return { id: legacy._id, token: legacy.token as string, idleExpiresAt: legacy.expiresAt };
    });
  }

  /**
   * Decides whether a token of either form stands for a live session, and notes its use at most once in the policy's
   * touch interval.
   */
  async validate(token: unknown, options: ValidationOptions = {}): Promise<SessionCheck> {
    const context = begin(this.#identity);
    const { now } = context;
    const parsed = parseEitherToken(token);
    if (!parsed) return { ok: false, reason: "malformed" };
    const rules = sessionPolicyOf(context);
    const session = await this.#gate.read((route) => this.#find(route, parsed));
    const reason = refusalOfToken(session, parsed, now, rules);
    if (reason || !session) return { ok: false, reason: reason ?? "unknown" };
    if (options.touch === false || now.getTime() - session.lastSeenAt.getTime() < rules.touchIntervalMs)
      return { ok: true, session: activeSession(session, undefined), touched: false };
    const { idleExpiresAt } = expiryAfterUse(session, now, rules);
    const touch = { lastSeenAt: now, idleExpiresAt };
    await this.#onBoth(context, "used", (layout) =>
      layout.touch(context, session.userId, session._id, touch),
    );
    return { ok: true, session: activeSession(session, idleExpiresAt), touched: true };
  }

  /** Ends one session of a user. Ending one that has ended is no error. */
  async revoke(input: { userId: Types.ObjectId; sessionId: Types.ObjectId }): Promise<void> {
    const context = begin(this.#identity);
    await this.#onBoth(context, "ended", (layout) => layout.revoke(context, input.userId, input.sessionId));
  }

  /** The user's live sessions, the last to expire first. */
  list({ userId }: { userId: Types.ObjectId }): Promise<SessionSummary[]> {
    const context = begin(this.#identity);
    return this.#gate.read(async ({ read }) => {
      if (read === "target") return listSessions(context, { userId });
      const sessions = await this.#source.sessionsOf(userId);
      const live = sessions.filter(
        (session) => !faultOfSession(session) && isLiveLegacy(session, context.now),
      );
      return live
        .sort((a, b) => b.expiresAt.getTime() - a.expiresAt.getTime())
        .map((session) => summarise(asUserSession(userId, session)));
    });
  }

  async #find({ read }: SessionRoute, token: Token): Promise<CheckedSession | undefined> {
    if (read === "target") return findByEither(this.#identity.models, token);
    const found = await this.#source.find(token);
    // One that cannot be read stands for nobody; the migration names it.
    return found && !faultOfSession(found.session) ? asUserSession(found.user._id, found.session) : undefined;
  }

  async #openInTarget(
    context: Context,
    { write }: SessionRoute,
    input: OpenMigratingSessionInput,
  ): Promise<OpenedMigratingSession> {
    const opened = await openSession(context, input);
    if (write.includes("source")) {
      const changed = await Promise.all(
        [opened, ...opened.evicted].map(({ id }) => this.#target.read(input.userId, id)),
      );
      for (const one of changed) if (one) await this.#source.take(context, one);
    }
    return { id: opened.id, token: opened.token, idleExpiresAt: opened.idleExpiresAt };
  }

  /**
   * Writes to the layouts of the phase, in its order; the later takes over what the earlier has become. A session that
   * only the later has was left by a process that died: the earlier then takes it over.
   */
  #onBoth(
    context: Context,
    what: "ended" | "used",
    act: (layout: SessionLayout) => Promise<Written | undefined>,
  ): Promise<void> {
    return this.#gate.write(async ({ write }) => {
      const layouts = write.map(
        (layout): SessionLayout => (layout === "source" ? this.#source : this.#target),
      );
      for (const layout of layouts) {
        const written = await act(layout);
        if (!written) continue;
        for (const other of layouts) if (other !== layout) await other.take(context, written, what);
        return;
      }
    });
  }
}

function newLegacySession({ userAgent, ip }: OpenMigratingSessionInput, now: Date): LegacySession {
  const header = capUserAgent(userAgent);
  return {
    _id: new Types.ObjectId(),
    token: mintLegacyToken(),
    ...(header !== undefined && { userAgent: header }),
    ...(ip !== undefined && { ip }),
    createdAt: now,
    lastActivity: now,
    expiresAt: new Date(now.getTime() + legacyIdleMs),
    active: true,
  };
}
