import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { readConfig } from "../src/config.js";

const read = (path: string) => readFile(new URL(`../../../${path}`, import.meta.url), "utf8");

/** The variables that a service of compose.yaml, or a target of the Dockerfile, gives to its process. */
function variables(text: string): Record<string, string> {
  const lines = [...text.matchAll(/^\s*(?:ENV )?((?:ORG_API|MONGODB)_\w+)(?:: |=)"?([^"\n]*)"?$/gm)];
  return Object.fromEntries(lines.map(([, name = "", value = ""]) => [name, value]));
}

test("compose.yaml and the Dockerfile set what the service reads", async () => {
  const [compose, dockerfile] = await Promise.all([read("compose.yaml"), read("Dockerfile")]);
  const given = { ...variables(compose), ...variables(dockerfile) };
  expect(Object.keys(given)).toContain("ORG_API_SEAL_KEYS");
  expect(readConfig(given)).toMatchObject({
    host: "0.0.0.0",
    issuer: "http://localhost:3000",
    notifier: "smtp",
    metricsHost: "0.0.0.0",
    insecureCookies: true,
  });
});

test("the images run as somebody without rights, and on the port that is published", async () => {
  const [compose, dockerfile] = await Promise.all([read("compose.yaml"), read("Dockerfile")]);
  expect(dockerfile.split("FROM base AS")[0]).toMatch(/^USER node$/m);
  expect(dockerfile).not.toMatch(/^USER root$/m);
  expect(compose).toContain('"127.0.0.1:3000:3000"');
  expect(readConfig(variables(compose)).port).toBe(3000);
});
