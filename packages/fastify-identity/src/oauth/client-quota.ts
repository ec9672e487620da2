import type { Clock } from "@org/db-models";
import type { FastifyReply } from "fastify";
import { OAuthError } from "./oauth-error.js";

const windowSeconds = 60;
/** Clients that are counted at the same time; the longest unseen is forgotten first. */
const countedClients = 10_000;

interface Window {
  readonly index: number;
  used: number;
}

/**
 * Requests of each client at the token endpoint, counted by this instance once a client has shown who it is: nobody can use
 * up another one's. Every answer says what is left (the RateLimit header fields of the IETF's HTTP API working group).
 */
export class ClientQuota {
  readonly #clock: Clock;
  readonly #perMinute: number;
  readonly #windows = new Map<string, Window>();

  constructor(clock: Clock, perMinute: number) {
    this.#clock = clock;
    this.#perMinute = perMinute;
  }

  /** @throws OAuthError `temporarily_unavailable` with 429 and `Retry-After`. */
  take(clientId: string, reply: FastifyReply): void {
    const seconds = this.#clock.now().getTime() / 1_000;
    const index = Math.floor(seconds / windowSeconds);
    const known = this.#windows.get(clientId);
    const window = known?.index === index ? known : { index, used: 0 };
    window.used += 1;
    this.#windows.delete(clientId);
    this.#windows.set(clientId, window);
    this.#forget();
    const resetsIn = Math.ceil((index + 1) * windowSeconds - seconds);
    const left = Math.max(0, this.#perMinute - window.used);
    reply.headers({
      "ratelimit-policy": `"client";q=${this.#perMinute};w=${windowSeconds}`,
      ratelimit: `"client";r=${left};t=${resetsIn}`,
    });
    if (window.used <= this.#perMinute) return;
    throw new OAuthError("temporarily_unavailable", "the client has made too many requests", {
      status: 429,
      headers: { "retry-after": String(resetsIn) },
    });
  }

  #forget(): void {
    const [oldest] = this.#windows.keys();
    if (this.#windows.size > countedClients && oldest !== undefined) this.#windows.delete(oldest);
  }
}
