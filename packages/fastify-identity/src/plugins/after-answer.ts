import { setTimeout as sleep } from "node:timers/promises";
import { fastifyPlugin } from "fastify-plugin";
import type { ServiceOptions } from "../service.js";

type Act = () => Promise<unknown>;

declare module "fastify" {
  interface FastifyRequest {
    /** What is done once the answer is sent; `null` for nothing. */
    deferred: Act[] | null;
  }
}

/** Long enough that the work does not fall into the next request of the same client either. */
const laterMs = 1_000;

/** Work that only some accounts cause, and whose time no answer must tell. It is done before the app closes. */
export const afterAnswer = fastifyPlugin<ServiceOptions>(
  (app, { service }, done) => {
    const closing = new AbortController();
    app.decorateRequest("deferred", null);
    app.addHook("onResponse", async (request) => {
      const failed = (err: unknown) => request.log.error({ err }, "what follows an answer was not done");
      for (const act of request.deferred ?? [])
        service.background.run(async () => {
          await sleep(laterMs, undefined, { signal: closing.signal }).catch(() => undefined);
          await act();
        }, failed);
    });
    app.addHook("preClose", async () => closing.abort());
    done();
  },
  { name: "after-answer" },
);
