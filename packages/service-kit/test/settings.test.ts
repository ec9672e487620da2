import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  ConfigError,
  integer,
  processMetrics,
  readmeSettings,
  settingsOf,
  settingsTable,
} from "../src/index.js";

const schema = z.strictObject({
  mongodbUri: z.string().startsWith("mongodb").describe("Where the database is"),
  port: integer(0, 65_535).default(3000).describe("Port to listen on"),
  workSchedule: z.string().optional().describe("When to work"),
  lists: z.array(z.string()).default([]).describe("Lists"),
});
const settings = settingsOf(schema, "SHOP_");
const uri = "mongodb://127.0.0.1/shop";

describe("settings from the environment", () => {
  it("takes each from its variable, and defaults for the others and for empty ones", () => {
    expect(settings.read({ MONGODB_URI: uri, SHOP_PORT: "", PATH: "/bin" })).toEqual(
      settings.define({ mongodbUri: uri }),
    );
    expect(settings.read({ MONGODB_URI: uri, SHOP_PORT: "0", SHOP_WORK_SCHEDULE: "@daily" })).toMatchObject({
      port: 0,
      workSchedule: "@daily",
    });
  });

  it.each<[string, Record<string, string>, string]>([
    ["a missing one", {}, "MONGODB_URI"],
    ["a misspelt one", { MONGODB_URI: uri, SHOP_PROT: "hunter2" }, "SHOP_PROT: no such setting"],
    ["one that can't be used", { MONGODB_URI: uri, SHOP_PORT: "hunter2" }, "SHOP_PORT"],
    ["all that are wrong", { MONGODB_URI: "hunter2", SHOP_PORT: "-1" }, "SHOP_PORT"],
  ])("names %s by its variable, and no value", (_name, env, named) => {
    const read = () => settings.read(env);
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(named);
    expect(read).not.toThrow("hunter2");
  });

  it("names a setting of a program by its name", () => {
    expect(() => settings.define({ mongodbUri: uri, port: 70_000 })).toThrow(/^port: /);
  });

  // https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
  it.each<[string, string]>([
    ["SHOP_PORT", "tcp://10.0.0.11:6379"],
    ["SHOP_SERVICE_HOST", "10.0.0.11"],
    ["SHOP_SERVICE_HOST", "fd00::b"],
    ["SHOP_SERVICE_PORT", "6379"],
    ["SHOP_SERVICE_PORT_HTTP_ALT", "8080"],
    ["SHOP_PORT_6379_TCP", "tcp://10.0.0.11:6379"],
    ["SHOP_PORT_6379_TCP_PROTO", "tcp"],
    ["SHOP_PORT_6379_UDP_PORT", "6379"],
    ["SHOP_PORT_6379_SCTP_ADDR", "10.0.0.11"],
  ])("ignores Kubernetes' %s=%s", (name, value) => {
    expect(settings.read({ MONGODB_URI: uri, [name]: value }).port).toBe(3000);
  });

  it.each<[string, string]>([
    ["SHOP_SERVICE_HOST", "shop.example"],
    ["SHOP_SERVICE_PORT", "http"],
    ["SHOP_PORT_6379", "tcp://10.0.0.11:6379"],
    ["SHOP_PORT_6379_TCP_PROTO", "icmp"],
    ["SHOP_PORT_6379_TCP_ADDR", "shop"],
    ["SHOP_SERVICE_HOSTS", "10.0.0.11"],
  ])("refuses %s=%s, which is none", (name, value) => {
    expect(() => settings.read({ MONGODB_URI: uri, [name]: value })).toThrow(`${name}: no such setting`);
  });

  it("reads back whatever number it is given", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 65_535 }), (port) => {
        expect(settings.read({ MONGODB_URI: uri, SHOP_PORT: String(port) }).port).toBe(port);
      }),
    );
  });

  it("has a table for the README, and finds the one that is there", () => {
    const table = settingsTable(schema, settings, settings.define({ mongodbUri: uri }));
    expect(table).toEqual([
      ["`MONGODB_URI`", "", "Where the database is"],
      ["`SHOP_PORT`", "`3000`", "Port to listen on"],
      ["`SHOP_WORK_SCHEDULE`", "", "When to work"],
      ["`SHOP_LISTS`", "", "Lists"],
    ]);
    const readme = `| \`OTHER\` | | x |\n## Settings\n| Variable |\n${table.map((row) => `| ${row.join(" | ")} |`).join("\n")}\n`;
    expect(readmeSettings(readme)).toEqual(table);
  });
});

it("keeps the metrics of two services in one process apart", async () => {
  const [one, other] = [processMetrics(), processMetrics()];
  expect(one).not.toBe(other);
  expect(await one.metrics()).toContain("nodejs_eventloop_lag_seconds");
});
