import type { Moment } from "./clocks.js";

/** What proves that memory is as the database: `read` takes an entry's own read too, `echo` nothing but heartbeats. */
export type TrustProof = "read" | "echo";

/** Clocks of two machines may run this much apart: memory is trusted for 98 % of the bound. */
const clockRateMargin = 0.98;

/** How an entry came into memory. */
export interface Provenance {
  /** Noted before the read was sent. */
  readonly readAt: Moment;
  /** The read was sent after the first echo of the epoch, so the stream has missed nothing that the read did not see. */
  readonly followsEcho: boolean;
}

/**
 * Decides whether an entry may answer. A heartbeat that came back in the stream proves that every change acknowledged before
 * it was sent has been applied here; the entry's own read proves the same of itself.
 */
export class Trust {
  readonly #trustedMs: number;
  readonly #proof: TrustProof;
  #echo: Moment | undefined;

  constructor(boundMs: number, proof: TrustProof) {
    this.#trustedMs = boundMs * clockRateMargin;
    this.#proof = proof;
  }

  /** A heartbeat that was sent at this moment has come back. One that overtook it does not take anything back. */
  echoed(sentAt: Moment): void {
    if (!this.#echo || sentAt.monotonic > this.#echo.monotonic) this.#echo = sentAt;
  }

  /** When the newest heartbeat that came back was sent; `undefined` before the first of the epoch. */
  get echo(): Moment | undefined {
    return this.#echo;
  }

  /** A new epoch begins: what the stream said before says nothing about it. */
  reset(): void {
    this.#echo = undefined;
  }

  mayAnswer(entry: Provenance, now: Moment): boolean {
    return this.#isEchoed(entry, now) || (this.#proof === "read" && this.covers(entry.readAt, now));
  }

  /** Whether a moment is so recent, by both clocks, that nothing acknowledged a bound ago is later. */
  covers(since: Moment, now: Moment): boolean {
    return this.isWithin(now.monotonic - since.monotonic) && this.isWithin(now.wall - since.wall);
  }

  /** Whether so many milliseconds are within the bound; a clock that was set back proves nothing. */
  isWithin(passedMs: number): boolean {
    return passedMs >= 0 && passedMs < this.#trustedMs;
  }

  #isEchoed(entry: Provenance, now: Moment): boolean {
    return this.#echo !== undefined && entry.followsEcho && this.covers(this.#echo, now);
  }
}
