import { readFile } from "node:fs/promises";
import { ConfigError, readmeSettings, settingsTable } from "@org/service-kit";
import { expect, test } from "vitest";
import { configSchema, defineConfig, readConfig, variableOf } from "../src/config.js";

const mongodbUri = "mongodb://127.0.0.1:27017/identity";

test("has a default for everything but the connection string", () => {
  expect(readConfig({ MONGODB_URI: mongodbUri })).toEqual(defineConfig({ mongodbUri }));
  expect(readConfig({ MONGODB_URI: mongodbUri, ORG_API_PORT: "" }).port).toBe(3000);
});

test("reads each setting from its variable", () => {
  const config = readConfig({
    MONGODB_URI: mongodbUri,
    ORG_API_PORT: "0",
    ORG_API_INSECURE_COOKIES: "true",
    ORG_API_TRUST_PROXY: "10.0.0.0/8, 127.0.0.1",
    PATH: "/bin",
  });
  expect(config).toMatchObject({ port: 0, insecureCookies: true, trustProxy: ["10.0.0.0/8", "127.0.0.1"] });
});

test.each([
  [{}, "MONGODB_URI"],
  [{ MONGODB_URI: "postgres://user:hunter2@host" }, "MONGODB_URI"],
  [{ MONGODB_URI: mongodbUri, ORG_API_PORT: "hunter2" }, "ORG_API_PORT"],
  [{ MONGODB_URI: mongodbUri, ORG_API_TRUST_PROXY: "0177.0.0.1,hunter2" }, "ORG_API_TRUST_PROXY"],
  [{ MONGODB_URI: mongodbUri, ORG_API_INSECURE_COOKIE: "hunter2" }, "ORG_API_INSECURE_COOKIE"],
  [{ MONGODB_URI: mongodbUri, ORG_API_IMPERSONATION: "true" }, "ORG_API_IMPERSONATION"],
  [
    { MONGODB_URI: mongodbUri, ORG_API_ADMIN: "one-administrator", ORG_API_IMPERSONATION: "true" },
    "ORG_API_IMPERSONATION",
  ],
])("names what is wrong with %o, and no value", (env, name) => {
  const read = () => readConfig(env as Record<string, string>);
  expect(read).toThrow(ConfigError);
  expect(read).toThrow(name);
  expect(read).not.toThrow("hunter2");
});

test("the README lists every setting with its default and description", async () => {
  const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
  expect(readmeSettings(readme)).toEqual(
    settingsTable(configSchema, { variableOf }, defineConfig({ mongodbUri })),
  );
});
