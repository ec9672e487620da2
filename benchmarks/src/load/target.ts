import { Agent, request } from "node:http";
import type { LoadRequest, LoadResponse } from "./products.js";

/** An instance without an answer is asked again after so long. */
const restMs = 250;
const timeoutMs = 60_000;

/** The instances of a service, one after the other as a load balancer asks them: not those that have just not answered. */
export class Target {
  readonly #addresses: string[];
  readonly #downUntil = new Map<number, number>();
  readonly #agent: Agent;
  #turn = 0;

  constructor(addresses: readonly string[], connections: number) {
    this.#addresses = [...addresses];
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  get instances(): number {
    return this.#addresses.length;
  }

  /** An instance has another address, having been started again. */
  move(instance: number, address: string): void {
    this.#addresses[instance] = address;
    this.#downUntil.delete(instance);
  }

  /** `undefined` when there was no answer: nobody knows whether it was done. */
  async send(asked: LoadRequest, instance = this.#next()): Promise<LoadResponse | undefined> {
    try {
      return await this.#ask(asked, this.#addresses[instance] ?? "");
    } catch {
      this.#downUntil.set(instance, performance.now() + restMs);
      return undefined;
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #next(): number {
    const now = performance.now();
    for (let tried = 0; tried < this.#addresses.length; tried++) {
      this.#turn = (this.#turn + 1) % this.#addresses.length;
      if ((this.#downUntil.get(this.#turn) ?? 0) <= now) return this.#turn;
    }
    return this.#turn;
  }

  #ask({ method, path, headers, body }: LoadRequest, address: string): Promise<LoadResponse> {
    const payload = body && JSON.stringify(body);
    const sent = {
      ...headers,
      ...(payload && { "content-type": "application/json", "content-length": Buffer.byteLength(payload) }),
    };
    return new Promise((resolve, reject) => {
      const options = { method, headers: sent, agent: this.#agent, timeout: timeoutMs };
      const asked = request(new URL(path, address), options, (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (part: string) => {
          text += part;
        });
        answer.on("error", reject);
        answer.on("end", () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }));
      });
      asked.on("timeout", () => asked.destroy(new Error(`no answer within ${timeoutMs} ms`)));
      asked.on("error", reject);
      asked.end(payload);
    });
  }
}
