import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Engine, startEngine, withDatabase } from "@org/dev-kit";
import { flakyProxy } from "@org/dev-kit/flaky-proxy";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import type { Identity } from "../src/index.js";
import { metricsOf, openCached, until, untilRemembered, untilTrusted } from "./cached-identity.js";
import { createIndexes, makeUser } from "./database.js";

/** A server of the test's own, which the others' is not to be stopped for. */
let storagePath: string | undefined;
let engine: Engine;
const start = () =>
  startEngine({ storagePath: String(storagePath), env: { ...process.env, MONGODB_URI: "" } });
beforeAll(async () => {
  if (inject("engine").kind === "external") return;
  storagePath = await mkdtemp(join(tmpdir(), "session-cache-"));
  engine = await start();
});
afterAll(async () => {
  await engine?.stop();
  if (storagePath) await rm(storagePath, { recursive: true, force: true });
});

/** SIGKILL: nothing is shut down. What was acknowledged is on the disk. */
async function killEngine(): Promise<void> {
  const { process: known } = JSON.parse(await readFile(join(String(storagePath), "engine.json"), "utf8")) as {
    process: { pid: number };
  };
  process.kill(known.pid, "SIGKILL");
  await engine.stop();
}

const isAnswered = async (identity: Identity, token: string) => {
  try {
    return (await identity.sessions.validate(token, { touch: false })).ok;
  } catch {
    return false;
  }
};

// A server that was given is not the test's to kill.
it.skipIf(inject("engine").kind === "external")(
  "a server that is killed takes the trust with it; started again, it gives it back, and what ended is refused",
  async () => {
    const proxy = await flakyProxy(engine.uri);
    const identity = await openCached(withDatabase(proxy.uri, "identity"), {
      database: { serverSelectionTimeoutMS: 300 },
    });
    try {
      await createIndexes(identity.models);
      const { _id: userId } = await makeUser(identity.models);
      const { id: sessionId, token } = await identity.sessions.open({ userId });
      await untilTrusted(identity);
      await untilRemembered(identity, token);
      const { lapses } = metricsOf(identity);

      await killEngine();
      await until(async () => !(await isAnswered(identity, token)));
      expect(metricsOf(identity)).toMatchObject({ trusted: false, lapses: lapses + 1 });

      engine = await start();
      proxy.lead(engine.uri);
      await until(() => isAnswered(identity, token));
      await untilTrusted(identity);
      await untilRemembered(identity, token);
      await identity.sessions.revoke({ userId, sessionId });
      expect(await isAnswered(identity, token)).toBe(false);
    } finally {
      await identity.close();
      await proxy.stop();
    }
  },
);
