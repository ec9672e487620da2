import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll } from "vitest";
import { bundleChild } from "./children.js";

/** What a person's browser sends. */
const userAgent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/** Takes a request and gives its response: `fetch`, or a handler of the program under test. */
export type Send = (request: Request) => Promise<Response>;

/** A client that keeps cookies, as a browser does. */
export class HttpClient {
  readonly #cookies = new Map<string, string>();
  readonly #origin: string;
  readonly #send: Send;

  constructor(origin: string, send: Send = fetch) {
    this.#origin = origin;
    this.#send = send;
  }

  /** Sends a request with the cookies, and keeps those that the response sets. */
  async call(
    method: string,
    path: string,
    body?: object,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const request = new Request(`${this.#origin}${path}`, {
      method,
      headers: {
        "user-agent": userAgent,
        ...(cookie && { cookie }),
        ...(body && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    const response = await this.#send(request);
    for (const set of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
      if (value) this.#cookies.set(name, value);
      else this.#cookies.delete(name);
    }
    return response;
  }
}

/**
 * Runs a program for the suite in which this is called; it prints its origin in its first line.
 *
 * @param env - for the program, once the suite has begun.
 */
export function useProgram(
  program: URL,
  env: () => Record<string, string> | Promise<Record<string, string>>,
): { readonly origin: string } {
  let child: ChildProcess;
  let origin = "";
  beforeAll(async () => {
    child = spawn(process.execPath, [await bundleChild(program)], {
      env: { ...process.env, ...(await env()) },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [printed] = await once(child.stdout as NodeJS.ReadableStream, "data");
    origin = String(printed).trim();
  });
  afterAll(async () => {
    const exited = child.exitCode === null ? once(child, "exit") : undefined;
    child.kill();
    await exited;
  });
  return {
    get origin() {
      return origin;
    },
  };
}
