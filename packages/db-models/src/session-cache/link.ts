import { mongo } from "mongoose";
import { duration } from "../core/limits.js";
import { currentSchemaVersion } from "../schemas/parts/version.js";
import { applyChange } from "./apply-change.js";
import type { TrustedCache } from "./cache.js";
import type { Change, HeartbeatOrigin } from "./changes.js";
import type { Moment } from "./clocks.js";
import type { Heartbeats } from "./heartbeats.js";
import { pipelineOf } from "./pipeline.js";

/** How a link ended. */
export type LinkEnd =
  /** The next one goes on where this one was. */
  | { readonly kind: "lost"; readonly error?: unknown }
  /** The log no longer reaches back to it, or the server ended the stream for good. */
  | { readonly kind: "gap"; readonly error?: unknown }
  /** There is no one log here that proves anything, or none that this user may follow. */
  | { readonly kind: "unavailable"; readonly reason: Unavailability };

export type Unavailability = "standalone" | "sharded" | "not_permitted";

export interface LinkOptions extends HeartbeatOrigin {
  readonly uri: string;
  readonly database: string;
  /** Whether the connection that checks read by has this instance's heartbeat. */
  readonly seesHeartbeat: (instance: mongo.ObjectId) => Promise<boolean>;
}

type ResumeToken = mongo.ResumeToken;

/** Heartbeats that wait for an answer; more would only queue behind them. */
const maxUnanswered = 4;
/** A heartbeat document outlives its instance by this. */
const heartbeatLifeMs = duration.day;
/** The server answers this late when nothing changes. */
const maxAwaitTimeMs = duration.second;
const connectTimeoutMs = 5 * duration.second;

const notThere =
  "the heartbeat that the session cache wrote is not in the database that sessions are read from: sessionCache.uri must lead to the same server";

/** Unauthorized. */
const notPermitted = 13;
/** Codes of a server or a user without change streams: standalone, unknown stage, no such command. */
const noStreams: ReadonlyMap<unknown, Unavailability> = new Map([
  [notPermitted, "not_permitted"],
  [40573, "standalone"],
  [40324, "standalone"],
  [59, "standalone"],
]);
/**
 * CappedPositionLost, InvalidResumeToken, ChangeStreamFatalError, ChangeStreamHistoryLost; BSONObjectTooLarge, of a change that
 * no stream can deliver: https://www.mongodb.com/docs/manual/changeStreams/#resume-tokens-from-change-events
 */
const gaps: ReadonlySet<unknown> = new Set([136, 260, 280, 286, 10334]);

/**
 * One connection of the cache to the server: a change stream, and the heartbeats that come back in it. It has a client of its
 * own, so that nothing of the service queues before it, and it can be given up whatever the server does.
 */
export class Link {
  readonly #options: LinkOptions;
  readonly #cache: TrustedCache;
  readonly #heartbeats: Heartbeats;
  readonly #client: mongo.MongoClient;
  readonly #startedAt: Moment;
  readonly #given: Promise<LinkEnd>;
  #giveUp: (end: LinkEnd) => void = () => undefined;
  #isOver = false;
  #isOpen = false;
  #unanswered = 0;
  /** Where a next link goes on. */
  token: ResumeToken | undefined;

  constructor(options: LinkOptions, cache: TrustedCache, heartbeats: Heartbeats, token?: ResumeToken) {
    this.#options = options;
    this.#cache = cache;
    this.#heartbeats = heartbeats;
    this.token = token;
    this.#startedAt = cache.clocks.now();
    this.#client = new mongo.MongoClient(options.uri, {
      maxPoolSize: 3,
      appName: "org-identity-cache",
      serverSelectionTimeoutMS: connectTimeoutMs,
      connectTimeoutMS: connectTimeoutMs,
      readPreference: "primary",
    });
    this.#given = new Promise((resolve) => {
      this.#giveUp = resolve;
    });
  }

  /** Whether the stream follows the log. */
  get isOpen(): boolean {
    return this.#isOpen && !this.#isOver;
  }

  /** Since when the server has owed an answer. */
  get awaitedSince(): Moment | undefined {
    return this.#isOpen ? this.#heartbeats.awaitedSince : this.#startedAt;
  }

  /** Follows the stream until it ends or is given up. Never throws. */
  async run(): Promise<LinkEnd> {
    const followed = this.#follow().catch(endOf);
    const end = await Promise.race([followed, this.#given]);
    this.#isOver = true;
    // A server that does not answer would not answer this either.
    void this.#client.close(true).catch(() => undefined);
    return end;
  }

  /** Ends {@link run} at once, whatever it waits for. */
  giveUp(error?: unknown): void {
    this.#giveUp({ kind: "lost", error });
  }

  /**
   * Sends a heartbeat, unless too many wait for an answer.
   *
   * @returns whether it was written.
   */
  async beat(): Promise<boolean> {
    if (this.#isOver || this.#unanswered >= maxUnanswered) return false;
    this.#unanswered += 1;
    const beats = this.#heartbeats.next();
    const { boundMs } = this.#cache.rules;
    const purgeAt = new Date(this.#cache.clocks.now().wall + heartbeatLifeMs);
    try {
      await this.#db
        .collection(this.#options.collection, { writeConcern: { w: 1 } })
        .updateOne(
          { _id: this.#options.instance },
          { $set: { beats, boundMs, purgeAt }, $setOnInsert: { schemaVersion: currentSchemaVersion } },
          { upsert: true },
        );
      this.#cache.announced();
      return true;
    } catch (error) {
      if (codeOf(error) === notPermitted) this.#giveUp({ kind: "unavailable", reason: "not_permitted" });
      // Of any other error the watch dog learns when the heartbeat does not come back.
      return false;
    } finally {
      this.#unanswered -= 1;
    }
  }

  get #db(): mongo.Db {
    return this.#client.db(this.#options.database);
  }

  async #follow(): Promise<LinkEnd> {
    const reason = await this.#topology();
    if (reason) {
      // A caller who waits for all instances is to know the bound of this one too.
      await this.beat();
      return { kind: "unavailable", reason };
    }
    if (!(await this.beat())) return { kind: "lost" };
    // A heartbeat that comes back from another server proves nothing about this one.
    if (!(await this.#options.seesHeartbeat(this.#options.instance)))
      return { kind: "lost", error: new Error(notThere) };
    const session = this.#client.startSession();
    const stream = this.#db.watch<mongo.Document, mongo.ChangeStreamDocument>(pipelineOf(this.#options), {
      maxAwaitTimeMS: maxAwaitTimeMs,
      session,
      ...(this.token !== undefined && { resumeAfter: this.token }),
    });
    const isResumed = this.token !== undefined;
    const apply = (one: Change, signed: mongo.ClusterTime | undefined) =>
      applyChange(this.#cache, this.#heartbeats, this.#options, one, signed);
    let change = await stream.tryNext();
    if (this.#isOver) return { kind: "lost" };
    if (!isResumed) this.#cache.reset();
    this.#isOpen = true;
    void this.beat();
    for (;;) {
      if (change) apply(change as unknown as Change, session.clusterTime);
      this.token = stream.resumeToken;
      // A closed stream answers at once and without yielding, over and over.
      if (stream.closed) return { kind: "gap" };
      change = await stream.tryNext();
      if (this.#isOver) return { kind: "lost" };
    }
  }

  async #topology(): Promise<Unavailability | undefined> {
    const hello = await this.#db.admin().command({ hello: 1 });
    if (hello.msg === "isdbgrid") return "sharded";
    return hello.setName === undefined ? "standalone" : undefined;
  }
}

function endOf(error: unknown): LinkEnd {
  const code = codeOf(error);
  const reason = noStreams.get(code);
  if (reason) return { kind: "unavailable", reason };
  return { kind: gaps.has(code) ? "gap" : "lost", error };
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code;
}
