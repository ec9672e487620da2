import type { mongo } from "mongoose";
import type { Moment, TrustClocks } from "./clocks.js";
import { type CacheCounts, newCounts } from "./counts.js";
import { Entries, type EntryLimits } from "./entries.js";
import { Invalidations, type Subject, type Ticket } from "./invalidations.js";
import type { Reach } from "./own-writes.js";
import { Trust, type TrustProof } from "./trust.js";

/** A place in the server's log up to which the stream has been followed. */
export interface LogPosition {
  readonly clusterTime: mongo.Timestamp;
  /** The cluster time that the server signed, for a member that has not heard of it. */
  readonly signed?: mongo.ClusterTime | undefined;
}

export interface CacheRules extends EntryLimits {
  readonly boundMs: number;
  readonly proof: TrustProof;
  /** Without a check for so long nobody needs heartbeats. */
  readonly idleMs: number;
}

/** Reads under way at the same time whose results may be kept. */
const maxTickets = 1_000;

/**
 * Memory of what was read, with the rule that decides whether it may answer. It does no I/O: a link feeds it with the
 * changes and heartbeats of a stream, checks with what they read.
 */
export class TrustedCache {
  readonly rules: CacheRules;
  readonly clocks: TrustClocks;
  readonly trust: Trust;
  readonly counts: CacheCounts = newCounts();
  readonly #invalidations = new Invalidations();
  readonly #entries: Entries<unknown>[] = [];
  #position: LogPosition | undefined;
  #isAnnounced = false;
  #usedAt: Moment;
  #lapsedSince: number | undefined;
  #onWake: () => void = () => undefined;

  constructor(rules: CacheRules, clocks: TrustClocks) {
    this.rules = rules;
    this.clocks = clocks;
    this.trust = new Trust(rules.boundMs, rules.proof);
    this.#usedAt = clocks.now();
  }

  /** Memory of one kind of things. */
  newEntries<V>(): Entries<V> {
    const entries = new Entries<V>(this.rules);
    this.#entries.push(entries);
    return entries;
  }

  /** Told when a check comes after a time without any. */
  onWake(act: () => void): void {
    this.#onWake = act;
  }

  get isIdle(): boolean {
    return this.#isIdleAt(this.clocks.now());
  }

  get size(): { entries: number; bytes: number; evicted: number } {
    const sum = (of: (entries: Entries<unknown>) => number) =>
      this.#entries.reduce((total, entries) => total + of(entries), 0);
    return {
      entries: sum((one) => one.size),
      bytes: sum((one) => one.bytes),
      evicted: sum((one) => one.evicted),
    };
  }

  /** Where reads have to be at least; `undefined` without a stream. */
  get position(): LogPosition | undefined {
    return this.#position;
  }

  /** Notes that a check came. */
  used(at: Moment): void {
    const wasIdle = this.#isIdleAt(at);
    this.#usedAt = at;
    if (wasIdle) this.#onWake();
  }

  /** The present, for a check: how long memory has not been trusted is counted while somebody asks. */
  checkedAt(): Moment {
    const at = this.clocks.now();
    this.used(at);
    const { echo } = this.trust;
    if (echo && this.trust.covers(echo, at)) this.#endLapse(at);
    else if (this.#lapsedSince === undefined) {
      this.#lapsedSince = at.monotonic;
      this.counts.lapses += 1;
    }
    return at;
  }

  invalidate(reach: Reach): void {
    if (reach === "everything") {
      this.#dropAll();
      return;
    }
    this.#invalidations.add(reach);
    for (const entries of this.#entries) entries.drop(reach);
  }

  /** A change was applied: no read that is to be kept may be older. */
  applied(position: LogPosition): void {
    this.#position = position;
  }

  /** The stream has a gap: everything goes, and nothing is proven until the first heartbeat of the new epoch returns. */
  reset(): void {
    this.#dropAll();
    this.trust.reset();
    this.#position = undefined;
    this.counts.epochs += 1;
  }

  echoed(sentAt: Moment): void {
    this.trust.echoed(sentAt);
    const at = this.clocks.now();
    const tookMs = at.monotonic - sentAt.monotonic;
    this.counts.echoes += 1;
    this.counts.echoMs += tookMs;
    this.counts.longestEchoMs = Math.max(this.counts.longestEchoMs, tookMs);
    if (this.trust.covers(sentAt, at)) this.#endLapse(at);
  }

  /** Others know of this instance and its bound, or can't. */
  announced(): void {
    this.#isAnnounced = true;
  }

  /**
   * `undefined` while too many reads are under way, and before a caller who waits for all instances would wait for this one: what
   * is read is then answered, and not kept.
   */
  openTicket(): Ticket | undefined {
    if (!this.#isAnnounced) return undefined;
    if (this.#invalidations.open >= maxTickets) return undefined;
    return this.#invalidations.openTicket(this.clocks.now(), this.followsEcho());
  }

  /** Whether a read that is sent now sees everything from before this epoch. */
  followsEcho(): boolean {
    return this.trust.echo !== undefined;
  }

  closeTicket(ticket: Ticket): void {
    this.#invalidations.closeTicket(ticket);
  }

  isDirty(ticket: Ticket, subjects: readonly Subject[]): boolean {
    return this.#invalidations.isDirty(ticket, subjects);
  }

  #isIdleAt(at: Moment): boolean {
    return at.monotonic - this.#usedAt.monotonic > this.rules.idleMs;
  }

  #endLapse(at: Moment): void {
    if (this.#lapsedSince === undefined) return;
    this.counts.lapsedMs += at.monotonic - this.#lapsedSince;
    this.#lapsedSince = undefined;
  }

  #dropAll(): void {
    this.#invalidations.addAll();
    for (const entries of this.#entries) entries.clear();
  }
}
