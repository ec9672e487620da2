import { IdentityProblem } from "@org/fastify-identity";
import { fastifyPlugin } from "fastify-plugin";
import type { Connection } from "mongoose";
import { z } from "zod";
import type { AppDeps } from "../deps.js";

declare module "fastify" {
  interface FastifyInstance {
    /**
     * From now on the readiness check fails, so that a load balancer sends no more requests, and each connection
     * ends with the answer under way: an idle one would hold up the shutdown.
     */
    startDraining(): void;
  }
}

const unlimited = { rateLimit: false } as const;
const tags = ["health"];

/** For supervisors: is the process alive, and can it serve. */
export const health = fastifyPlugin<Pick<AppDeps, "database" | "config">>(
  (app, { database, config }, done) => {
    let draining = false;
    app.decorate("startDraining", () => {
      draining = true;
    });
    app.addHook("onSend", async (_request, reply) => {
      if (draining) reply.header("connection", "close");
    });
    app.get(
      "/health/live",
      {
        config: unlimited,
        schema: { tags, summary: "Whether the process runs", response: { 200: alive } },
      },
      () => ({ status: "alive" as const }),
    );
    app.get(
      "/health/ready",
      {
        config: { ...unlimited, identityProblems: ["NOT_READY"] },
        schema: { tags, summary: "Whether the service can take requests", response: { 200: ready } },
      },
      async () => {
        if (draining) throw new IdentityProblem("NOT_READY", { reason: "shutting_down" });
        await assertAnswers(database.connection, config.readyTimeoutMs);
        return { status: "ready" as const };
      },
    );
    done();
  },
  { name: "health" },
);

const alive = z.object({ status: z.literal("alive") });
const ready = z.object({ status: z.literal("ready") });

async function assertAnswers(connection: Connection, timeoutMs: number): Promise<void> {
  const { db } = connection;
  if (!db) throw new IdentityProblem("NOT_READY", { reason: "database" });
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    await Promise.race([db.command({ ping: 1 }), timeout]);
  } catch (cause) {
    throw new IdentityProblem("NOT_READY", { reason: "database" }, { cause });
  } finally {
    clearTimeout(timer);
  }
}
