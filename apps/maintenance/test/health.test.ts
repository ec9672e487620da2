import { defineModels } from "@org/db-models";
import { needs } from "@org/dev-kit/vitest";
import { mongo } from "mongoose";
import { pino } from "pino";
import { afterEach, expect, test, vi } from "vitest";
import { type ConfigInput, defineConfig } from "../src/config.js";
import { healthJob } from "../src/jobs/health.js";
import { createMetrics } from "../src/metrics.js";
import { useStore } from "./support/store.js";

const store = useStore();
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** A replica set one member of which is recovering, as the driver hands the server's answer on. */
function recovering(): void {
  const command = mongo.Admin.prototype.command;
  vi.spyOn(mongo.Admin.prototype, "command").mockImplementation(function (this: mongo.Admin, asked, options) {
    if (!("replSetGetStatus" in asked)) return command.call(this, asked, options);
    const members = [{ name: "b:27017", stateStr: "RECOVERING", health: 1 }];
    return Promise.resolve({ date: new Date(), members });
  });
}

const jobWith = (settings: Partial<ConfigInput> = {}) => {
  const { connection } = store.database;
  const database = { connection, models: defineModels(connection), close: async () => undefined };
  const config = defineConfig({ mongodbUri: "mongodb://unused", ...settings });
  return healthJob(database, config, createMetrics());
};
const context = { log: pino({ level: "silent" }), signal: new AbortController().signal } as never;

needs("clusterMonitoring")(
  "each run keeps its figures, unless it is told not to; in a week one has both",
  async () => {
    const kept = () => store.database.connection.collection("org_db_health").countDocuments();
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() - 7 * 86_400_000 });
    await jobWith({ healthKeep: "off" }).run(context);
    expect(await kept()).toBe(0);
    const { result: first } = await jobWith().run(context);
    expect(first).toMatchObject({ week: [] });
    expect(await kept()).toBe(1);
    vi.useRealTimers();
    const { result: second } = await jobWith().run(context);
    expect(second?.week).toContainEqual({
      label: "connections",
      unit: "count",
      now: expect.any(Number),
      weekAgo: expect.any(Number),
    });
  },
);

test("figures that cannot be kept are a finding of the run, which tells all the rest", async () => {
  // Whatever is written there, the server refuses it.
  const validator = { $jsonSchema: { required: ["never"] } };
  await store.database.connection.db?.createCollection("org_db_health", { validator });
  const { result } = await jobWith().run(context);
  const [first, ...others] = (result as { findings: { code: string }[] }).findings;
  expect(first).toMatchObject({ code: "NOT_KEPT", severity: "warning" });
  expect(others.length).toBeGreaterThan(0);
});

needs("memberStates")(
  "a member that is recovering from one check to the next is critical after two minutes",
  async () => {
    recovering();
    const job = jobWith();
    const severity = async () => {
      const { findings } = (await job.run(context)).result as {
        findings: { code: string; severity: string }[];
      };
      return findings.find(({ code }) => code === "MEMBER_UNHEALTHY")?.severity;
    };
    expect(await severity()).toBe("warning");
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 121_000 });
    expect(await severity()).toBe("critical");
  },
);
