import { defineModels } from "@org/db-models";
import { attemptJob, listRuns } from "@org/db-optimizer/jobs";
import { allNeed } from "@org/dev-kit/vitest";
import { pino } from "pino";
import { expect, test } from "vitest";
import { defineConfig } from "../src/config.js";
import { storageJob } from "../src/jobs/storage.js";
import { useStore } from "./support/store.js";

allNeed("clusterMonitoring");
const store = useStore();

test("a scan of the storage keeps what it found with its run, and logs it", async () => {
  const { connection } = store.database;
  const warned: unknown[] = [];
  const log = pino({ level: "warn" }, { write: (line) => void warned.push(JSON.parse(line)) });
  await connection.collection("carts").insertMany(
    Array.from({ length: 1_500 }, (_, n) => ({
      _id: n as never,
      lines: Array.from({ length: n === 1_200 ? 700 : 2 }, () => "x"),
    })),
  );
  const database = { connection, models: defineModels(connection), close: async () => undefined };
  const job = storageJob(database, defineConfig({ mongodbUri: "mongodb://unused", maxSlowdown: "off" }));
  expect(job.schedule).toBe("off");
  await attemptJob(connection, job, {}, async (run) => ({
    value: undefined,
    ...(await job.run({ run, signal: run.signal, log })),
  }));
  const [run] = await listRuns(connection, { jobs: ["storage"] });
  const found = { code: "ARRAY_UNBOUNDED", subject: "carts", message: expect.any(String) };
  expect(run).toMatchObject({ state: "succeeded", result: { findings: [found] } });
  expect(run?.result?.documents).toBeGreaterThanOrEqual(1_500);
  expect(warned).toMatchObject([{ ...found, evidence: expect.stringContaining("in document 1200") }]);
});
