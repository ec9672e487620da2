import { defineModels } from "@org/db-models";
import { mongo } from "mongoose";
import { pino } from "pino";
import { afterEach, expect, test, vi } from "vitest";
import { defineConfig } from "../src/config.js";
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

test("a member that is recovering from one check to the next is critical after two minutes", async () => {
  recovering();
  const { connection } = store.database;
  const database = { connection, models: defineModels(connection), close: async () => undefined };
  const job = healthJob(database, defineConfig({ mongodbUri: "mongodb://unused" }), createMetrics());
  const context = { log: pino({ level: "silent" }), signal: new AbortController().signal } as never;
  const severity = async () => {
    const { findings } = (await job.run(context)).result as {
      findings: { code: string; severity: string }[];
    };
    return findings.find(({ code }) => code === "MEMBER_UNWELL")?.severity;
  };
  expect(await severity()).toBe("warning");
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 121_000 });
  expect(await severity()).toBe("critical");
});
