import type { Clock, Identity, LimitedRequest, LimitVerdict } from "@org/db-models";
import type { FastifyReply } from "fastify";
import { OAuthError } from "./oauth-error.js";

const windowMs = 60_000;
/** Clients that are counted at the same time; the longest unseen is forgotten first. */
const countedClients = 10_000;

/** Counts requests in windows: of this process, or of all. */
export type RequestCounter = Pick<Identity["requestLimits"], "take">;

interface Window {
  readonly index: number;
  used: number;
}

/** Counts the requests of this process alone. */
export class MemoryCounter implements RequestCounter {
  readonly #clock: Clock;
  readonly #windows = new Map<string, Window>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async take({ client, limit, windowMs }: LimitedRequest): Promise<LimitVerdict> {
    const now = this.#clock.now().getTime();
    const index = Math.floor(now / windowMs);
    const known = this.#windows.get(client);
    const window = known?.index === index ? known : { index, used: 0 };
    window.used += 1;
    this.#windows.delete(client);
    this.#windows.set(client, window);
    const [oldest] = this.#windows.keys();
    if (this.#windows.size > countedClients && oldest !== undefined) this.#windows.delete(oldest);
    const remaining = Math.max(0, limit - window.used);
    return { ok: window.used <= limit, remaining, resetMs: (index + 1) * windowMs - now };
  }
}

/**
 * Requests of each client at the token endpoint, counted once a client has shown who it is: nobody can use up another one's.
 * Every answer says what is left (the RateLimit header fields of the IETF's HTTP API working group).
 */
export class ClientQuota {
  readonly #counter: RequestCounter;
  readonly #perMinute: number;

  constructor(counter: RequestCounter, perMinute: number) {
    this.#counter = counter;
    this.#perMinute = perMinute;
  }

  /** @throws OAuthError `temporarily_unavailable` with 429 and `Retry-After`. */
  async take(client: string, reply: FastifyReply): Promise<void> {
    const limit = this.#perMinute;
    const { ok, remaining, resetMs } = await this.#counter.take({
      kind: "oauth_token",
      client,
      limit,
      windowMs,
    });
    const resetsIn = Math.ceil(resetMs / 1_000);
    reply.headers({
      "ratelimit-policy": `"client";q=${limit};w=${windowMs / 1_000}`,
      ratelimit: `"client";r=${remaining};t=${resetsIn}`,
    });
    if (ok) return;
    throw new OAuthError("temporarily_unavailable", "the client has made too many requests", {
      status: 429,
      headers: { "retry-after": String(resetsIn) },
    });
  }
}
