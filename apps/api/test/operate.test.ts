// The operator's command: the first administrator, and the provider's keys.
import { spawnSync } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { bundleChild } from "@org/dev-kit/children";
import { UsageError } from "@org/service-kit";
import type { FastifyInstance } from "fastify";
import { afterEach, describe, expect, test } from "vitest";
import { parseArguments } from "../src/operate/arguments.js";
import { drill } from "../src/operate/drill.js";
import { useApi } from "./support/api.js";

const sealKey = "a".repeat(43);
const issuer = "http://localhost:3000";
const settings = { issuer, insecureCookies: true, sealKeys: [{ id: "test", key: sealKey }] };
// Its clock is another than the command's: it makes no key.
const api = useApi({ ...settings, oauth: false });
const running = useApi(settings);
const program = await bundleChild(new URL("../src/operate/main.ts", import.meta.url), { whole: true });

const operate = (...args: string[]) => operateWith({}, ...args);

function operateWith(changed: Record<string, string>, ...args: string[]) {
  const env = {
    PATH: process.env.PATH ?? "",
    MONGODB_URI: api.uri,
    ORG_API_ISSUER: issuer,
    ORG_API_INSECURE_COOKIES: "true",
    ORG_API_SEAL_KEYS: `test=${sealKey}`,
    ...changed,
  };
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    env,
    encoding: "utf8",
  });
  return { status, stdout, stderr, json: () => JSON.parse(stdout) };
}

const auditOf = async (action: string) =>
  (await api.models.AuditEvent.find({ action }).sort({ _id: 1 }).lean()).map(({ outcome }) => outcome);

describe("the command", () => {
  test("makes the first administrator, says who is one, and keeps the last", async () => {
    const { email } = await api.register();
    expect(operate("administrators").stdout).toBe("Nobody has a role of the admin area yet.\n");
    expect(operate("administrators", "set", email.toUpperCase(), "identity:admin")).toMatchObject({
      status: 0,
      stdout: `${email}  identity:admin\n`,
    });
    expect(operate("administrators", "--json").json()).toEqual([{ email, roles: ["identity:admin"] }]);
    const last = operate("administrators", "set", email);
    expect(last).toMatchObject({ status: 1, stdout: "" });
    expect(last.stderr).toMatch(/^LAST_ADMINISTRATOR: /);
    expect(await auditOf("admin.roles_set")).toEqual(["success", "success", "failure"]);
  });

  test("does not look for instances where nobody said they are", () => {
    const { status, stderr } = operateWith({ ORG_API_ISSUER: "" }, "keys", "drill");
    expect([status, stderr]).toEqual([
      1,
      expect.stringContaining("name the instances with --instance, or set ORG_API_ISSUER"),
    ]);
  });

  test("names who is not there, and roles that there are not", async () => {
    const { email } = await api.register();
    expect(operate("administrators", "set", "nobody@example.com", "identity:admin").stderr).toBe(
      "USER_NOT_FOUND: There is no account with nobody@example.com\n",
    );
    expect(operate("administrators", "set", email, "identity:king", "--json").json()).toMatchObject({
      error: { code: "INVALID_INPUT" },
    });
  });

  test("shows, rotates, reseals and withdraws keys, and prints no secret", async () => {
    const [signing] = operate("keys", "--json").json();
    expect(signing).toMatchObject({ algorithm: "RS256", state: "active" });
    const rotated = operate("keys", "rotate");
    expect(rotated.stdout.split("\n")).toEqual([
      expect.stringMatching(`^${signing.kid}  RS256  active `),
      expect.stringMatching("  RS256  next "),
      "",
    ]);
    expect(operate("keys", "reseal").stdout).toBe("Sealed again: 0 signing keys, 0 second factors.\n");
    expect(operate("keys", "withdraw", signing.kid).stdout).toContain(`Withdrawn: ${signing.kid}.`);
    const after = operate("keys", "--json");
    expect(after.json()).toMatchObject([{ state: "active" }]);
    expect(after.json()[0].kid).not.toBe(signing.kid);
    expect(after.stdout + rotated.stdout).not.toMatch(/"d"|privateJwk/);
    expect(operate("keys", "withdraw", "none").stderr).toBe("INVALID_INPUT: There is no signing key none\n");
  });
});

describe("a drill", () => {
  let ticking: NodeJS.Timeout | undefined;
  afterEach(() => clearInterval(ticking));

  /** Instances that listen, at a clock that goes fast: they read the keys every ten seconds of it. */
  async function instances(count: number): Promise<{ apps: FastifyInstance[]; origins: string[] }> {
    ticking = setInterval(() => running.clock.advance(1_000), 50);
    const apps: FastifyInstance[] = [];
    for (let one = 0; one < count; one++) apps.push(await running.build(settings));
    const origins = await Promise.all(apps.map((app) => app.listen({ port: 0, host: "127.0.0.1" })));
    return { apps, origins };
  }
  const identityOf = ({ identity }: FastifyInstance) => identity.operations;

  test("rotates and withdraws on instances that run, and no token fails to verify", async () => {
    const { apps, origins } = await instances(2);
    const identity = identityOf(apps[0] as FastifyInstance);
    const report = await drill(identity, {
      algorithm: "RS256",
      instances: origins,
      withdraw: true,
      waitMs: 60_000,
    });
    expect(report.ok).toBe(true);
    expect(report.steps.map(({ step }) => step)).toEqual(["before", "rotated", "withdrawn"]);
    for (const { instances } of report.steps)
      for (const { verified, failed } of instances) expect([verified > 0, failed]).toEqual([true, 0]);
    const [before, , withdrawn] = report.steps;
    expect(withdrawn?.kid).not.toBe(before?.kid);
  });

  test("fails, and changes nothing more, where an instance has other keys, or does not answer", async () => {
    const { apps, origins } = await instances(1);
    const identity = identityOf(apps[0] as FastifyInstance);
    const stale = createServer((request, response) => {
      const keys = { keys: [] };
      const body = request.url === "/keys" ? keys : { jwks_uri: `${issuer}/keys` };
      response.setHeader("content-type", "application/json").end(JSON.stringify(body));
    }).listen(0, "127.0.0.1");
    await new Promise((listening) => stale.once("listening", listening));
    const { port } = stale.address() as AddressInfo;
    const before = await identity.oauth.signingKeys({ algorithms: ["RS256"] });
    const ask = (other: string) =>
      drill(identity, { algorithm: "RS256", instances: [...origins, other], withdraw: true, waitMs: 500 });
    const report = await ask(`http://127.0.0.1:${port}`);
    expect(report.ok).toBe(false);
    expect(report.steps).toHaveLength(1);
    expect(report.steps[0]?.instances[1]).not.toHaveProperty("afterMs");
    stale.close();
    const away = await ask(`http://127.0.0.1:${port}`);
    expect(away.steps[0]?.instances[1]?.error).toEqual(expect.any(String));
    const after = await identity.oauth.signingKeys({ algorithms: ["RS256"] });
    expect(after.map(({ kid }) => kid)).toEqual(before.map(({ kid }) => kid));
  });
});

describe("arguments", () => {
  test.each([
    [
      ["keys", "drill", "--instance", "http://a:1", "--instance", "http://b:2", "--wait", "5"],
      {
        command: "keys drill",
        instances: ["http://a:1", "http://b:2"],
        waitMs: 5_000,
      },
    ],
    [["administrators", "set", "ada@example.com"], { operands: ["ada@example.com"] }],
    [["--help"], { help: true }],
  ])("%j", (args, expected) => {
    expect(parseArguments(args)).toMatchObject(expected);
  });

  test.each([
    [[], "no command"],
    [["keys", "burn"], "no command keys burn"],
    [["keys", "withdraw"], "takes the kid of one key"],
    [["administrators", "set"], "takes an address and roles"],
    [["keys", "rotate", "now"], "takes nothing"],
    [["keys", "--algorithm", "none"], "--algorithm"],
    [["keys", "drill", "--instance", "file:///etc"], "--instance"],
    [["keys", "drill", "--wait", "0"], "--wait"],
    [["keys", "--jsno"], "--jsno"],
  ])("%j is refused: %s", (args, message) => {
    expect(() => parseArguments(args)).toThrow(UsageError);
    expect(() => parseArguments(args)).toThrow(message);
  });
});
