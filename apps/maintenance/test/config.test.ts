import { readFile } from "node:fs/promises";
import { ConfigError, readmeSettings, settingsTable, UsageError } from "@org/service-kit";
import { expect, test } from "vitest";
import { parseArguments } from "../src/cli.js";
import { configSchema, defineConfig, instanceName, readConfig, variableOf } from "../src/config.js";

const mongodbUri = "mongodb://127.0.0.1:27017/identity";

test("has a default for everything but the connection string", () => {
  expect(readConfig({ MONGODB_URI: mongodbUri, ORG_MAINTENANCE_LEASE_MS: "" })).toEqual(
    defineConfig({ mongodbUri }),
  );
});

test.each([
  [{}, "MONGODB_URI"],
  [{ MONGODB_URI: mongodbUri, ORG_MAINTENANCE_LEASE_MS: "hunter2" }, "ORG_MAINTENANCE_LEASE_MS"],
  [
    { MONGODB_URI: mongodbUri, ORG_MAINTENANCE_CLEANUP_SCHEDULE: "hunter2" },
    "ORG_MAINTENANCE_CLEANUP_SCHEDULE",
  ],
  [{ MONGODB_URI: mongodbUri, ORG_MAINTENANCE_CLEANUP_SCHEDULE: "99 * * * *" }, "CLEANUP_SCHEDULE"],
  [{ MONGODB_URI: mongodbUri, ORG_MAINTENANCE_MAX_SLOWDOWN: "hunter2" }, "ORG_MAINTENANCE_MAX_SLOWDOWN"],
  [{ MONGODB_URI: mongodbUri, ORG_MAINTENANCE_MAX_SHARE: "0" }, "ORG_MAINTENANCE_MAX_SHARE"],
  [{ MONGODB_URI: mongodbUri, ORG_MAINTENANCE_TIMEZONE: "hunter2" }, "ORG_MAINTENANCE_TIMEZONE"],
  [{ MONGODB_URI: mongodbUri, ORG_MAINTENANCE_SCHEDULE: "hunter2" }, "ORG_MAINTENANCE_SCHEDULE"],
])("names what is wrong with %o, and no value", (env, name) => {
  const read = () => readConfig(env as Record<string, string>);
  expect(read).toThrow(ConfigError);
  expect(read).toThrow(name);
  expect(read).not.toThrow("hunter2");
});

test("takes cron expressions with and without seconds, and off", () => {
  for (const cleanupSchedule of ["0 3 * * *", "*/5 * * * * *", "@daily", "off"]) {
    expect(defineConfig({ mongodbUri, cleanupSchedule }).cleanupSchedule).toBe(cleanupSchedule);
  }
});

test("names an instance after its host and process, unless it has a name", () => {
  expect(instanceName({ instance: undefined })).toContain(String(process.pid));
  expect(instanceName({ instance: "blue" })).toBe("blue");
});

test("the README lists every setting with its default and description", async () => {
  const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
  expect(readmeSettings(readme)).toEqual(
    settingsTable(configSchema, { variableOf }, defineConfig({ mongodbUri })),
  );
});

test.each([
  [[], { help: false }],
  [["--once"], { help: false, command: "once" }],
  [["--once", "health"], { help: false, command: "once", target: "health" }],
  [["--list"], { help: false, command: "list" }],
  [["--pause", "65f"], { help: false, command: "pause", target: "65f" }],
])("reads the arguments %j", (args, expected) => {
  expect(parseArguments(args)).toEqual(expected);
});

test.each([
  [["cleanup"]],
  [["--now"]],
  [["--once", "a", "b"]],
  [["--pause"]],
  [["--queue"]],
  [["--pause", "--cancel", "x"]],
])("refuses the arguments %j", (args) => {
  expect(() => parseArguments(args)).toThrow(UsageError);
});

test("takes a window of two times, and no other", () => {
  const read = (cleanupWindow: string) => defineConfig({ mongodbUri, cleanupWindow }).cleanupWindow;
  expect(read("22:00-04:30")).toBe("22:00-04:30");
  for (const wrong of ["22:00", "1-5", "01:00-05:00-06:00", "05:00-05:00"])
    expect(() => read(wrong)).toThrow(ConfigError);
});
