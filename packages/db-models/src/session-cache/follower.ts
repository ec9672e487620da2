import { setTimeout as wait } from "node:timers/promises";
import { mongo } from "mongoose";
import { duration } from "../core/limits.js";
import { cacheHeartbeatSchema } from "../schemas/cache-heartbeat.js";
import type { TrustedCache } from "./cache.js";
import { Heartbeats } from "./heartbeats.js";
import { Link, type LinkEnd, type LinkOptions, type Unavailability } from "./link.js";

/** What memory rests on now. */
export type FollowerState = "starting" | "streaming" | Unavailability | "lost" | "closed";

const heartbeatCollection = cacheHeartbeatSchema.get("collection") as string;
/** Heartbeats in a bound: the newest that came back is then at most a quarter of it old, and its way. */
const beatsPerBound = 4;
/** Without an echo for so many bounds, and at least so long, the link is given up. */
const patienceBounds = 5;
const leastPatienceMs = 5 * duration.second;
/** An instance that nobody asks says so often that it is there. */
const registrationMs = duration.hour;
const firstPauseMs = 100;
const longestPauseMs = 5 * duration.second;
/** A server without change streams may get them. */
const unavailablePauseMs = duration.minute;
/** Links that failed one after the other from a place in the log that none of them got beyond. */
const maxResumes = 5;

/** Keeps a cache linked to its server: one link after the other, each from where the one before was. */
export class Follower {
  readonly #uri: string;
  readonly #instance = new mongo.ObjectId();
  readonly #cache: TrustedCache;
  readonly #heartbeats: Heartbeats;
  readonly #onError: (error: unknown) => void;
  readonly #closing = new AbortController();
  #link: Link | undefined;
  #token: Link["token"];
  #failures = 0;
  #registeredAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #state: FollowerState = "starting";

  constructor(uri: string, cache: TrustedCache, onError: (error: unknown) => void) {
    this.#uri = uri;
    this.#cache = cache;
    this.#heartbeats = new Heartbeats(cache.clocks);
    this.#onError = onError;
  }

  get state(): FollowerState {
    return this.#link?.isOpen ? "streaming" : this.#state;
  }

  start({ database, seesHeartbeat }: Pick<LinkOptions, "database" | "seesHeartbeat">): void {
    if (this.#closing.signal.aborted) return;
    this.#cache.onWake(() => this.#tick());
    this.#timer = setInterval(() => this.#tick(), this.#cache.rules.boundMs / beatsPerBound).unref();
    this.#running = this.#run({
      uri: this.#uri,
      database,
      seesHeartbeat,
      collection: heartbeatCollection,
      instance: this.#instance,
    });
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#closing.abort();
    this.#link?.giveUp();
    await this.#running;
    this.#state = "closed";
    // Nothing tells any more of what others change.
    this.#cache.reset();
  }

  #tick(): void {
    const link = this.#link;
    if (!link) return;
    const now = this.#cache.clocks.now();
    const since = link.awaitedSince;
    if (since && now.monotonic - since.monotonic > this.#patienceMs) {
      link.giveUp(new Error(`the change stream has brought nothing back for ${this.#patienceMs} ms`));
      return;
    }
    if (!link.isOpen) return;
    if (this.#cache.isIdle && now.monotonic - this.#registeredAt < registrationMs) return;
    this.#registeredAt = now.monotonic;
    void link.beat();
  }

  get #patienceMs(): number {
    return Math.max(patienceBounds * this.#cache.rules.boundMs, leastPatienceMs);
  }

  async #run(options: LinkOptions): Promise<void> {
    while (!this.#closing.signal.aborted) {
      this.#heartbeats.forget();
      this.#link = new Link(options, this.#cache, this.#heartbeats, this.#token);
      const { counts } = this.#cache;
      const echoesBefore = counts.echoes;
      const end = await this.#link.run();
      this.#token = this.#link.token;
      this.#link = undefined;
      if (this.#closing.signal.aborted) return;
      this.#settle(end, counts.echoes > echoesBefore);
      const pauseMs = end.kind === "unavailable" ? unavailablePauseMs : this.#pauseMs;
      await wait(pauseMs, undefined, { signal: this.#closing.signal, ref: false }).catch(() => undefined);
    }
  }

  get #pauseMs(): number {
    return Math.min(firstPauseMs * 2 ** this.#failures, longestPauseMs);
  }

  /** @param echoed - whether a heartbeat came back: only then was everything before it passed, whatever it was. */
  #settle(end: LinkEnd, echoed: boolean): void {
    this.#failures = echoed ? 0 : this.#failures + 1;
    if (end.kind === "lost" && this.#failures < maxResumes) {
      if (echoed || this.#state !== "lost") this.#report(end.error);
      this.#state = "lost";
      return;
    }
    this.#token = undefined;
    this.#cache.reset();
    if (end.kind === "unavailable") {
      this.#cache.announced();
      this.#state = end.reason;
    } else {
      this.#report(end.error);
      this.#state = "lost";
    }
  }

  #report(error: unknown): void {
    if (error !== undefined) this.#onError(error);
  }
}
