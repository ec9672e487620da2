import { describe, expect, test } from "vitest";
import type { Document } from "../../src/core/model.js";
import type { SecurityFacts } from "../../src/health/facts/facts.js";
import { probeSecurity } from "../../src/health/facts/security.js";
import { securityFindings } from "../../src/health/rules/security-rules.js";
import { stopCommand } from "../../src/health/rules/stop-command.js";

// Printed commands do on MongoDB as they say: https://www.mongodb.com/docs/manual/reference/command/killOp/,
// /reference/method/db.collection.dropIndexes/, /tutorial/upgrade-cluster-to-ssl/ and /reference/configuration-options/.

const within = async <T>(_doing: string, probe: () => Promise<T>) => {
  try {
    return { known: true, value: await probe() } as const;
  } catch (error) {
    return { known: false, reason: String(error) } as const;
  }
};

async function securityOf(parsed: Document): Promise<SecurityFacts> {
  const answers: Document = {
    connectionStatus: { authInfo: { authenticatedUsers: [{ user: "app", db: "admin" }] } },
    getCmdLineOpts: { parsed },
  };
  const command = async (asked: Document) => answers[Object.keys(asked)[0] as string];
  const connection = {
    db: { admin: () => ({ command }) },
    getClient: () => ({ options: { tls: true, hosts: [{ host: "db.example" }] } }),
  };
  return probeSecurity(connection as never, within as never);
}

describe("authentication", () => {
  test.each<[string, Document, boolean]>([
    ["authorization", { security: { authorization: "enabled" } }, true],
    ["a key file", { security: { keyFile: "/etc/key" } }, true],
    ["certificates of members", { security: { clusterAuthMode: "x509" } }, true],
    ["nothing", {}, false],
    ["a transition to it", { security: { keyFile: "/etc/key", transitionToAuth: true } }, false],
    ["such with authorization", { security: { authorization: "enabled", transitionToAuth: true } }, false],
    ["a transition that is over", { security: { keyFile: "/etc/key", transitionToAuth: false } }, true],
  ])("by %s", async (_what, parsed, on) => {
    const facts = await securityOf(parsed);
    expect(facts.authentication).toEqual({ known: true, value: on });
    const codes = securityFindings(facts, "shop").map(({ code }) => code);
    expect(codes.includes("AUTHENTICATION_OFF")).toBe(!on);
  });
});

describe("the next step of TLS", () => {
  test.each<[Document, string | undefined]>([
    [{ tls: { mode: "allowTLS" } }, 'db.adminCommand({ setParameter: 1, tlsMode: "preferTLS" })'],
    [{ tls: { mode: "preferTLS" } }, 'db.adminCommand({ setParameter: 1, tlsMode: "requireTLS" })'],
    [{ ssl: { mode: "allowSSL" } }, 'db.adminCommand({ setParameter: 1, tlsMode: "preferTLS" })'],
    [{ tls: { mode: "requireTLS" } }, undefined],
  ])("after %j", async (net, command) => {
    const facts = await securityOf({ net, security: { authorization: "enabled" } });
    const found = securityFindings(facts, "shop").find(({ code }) => code === "TLS_OPTIONAL");
    expect(found?.command).toBe(command);
  });
});

describe("an operation that runs for long is stopped", () => {
  const long = { operation: "query", namespace: "shop.orders", runningMs: 90_000 };
  test.each<[string, object, string]>([
    ["by its number on a member", { opid: "4711" }, "db.killOp(4711)"],
    ["by a number that is negative", { opid: "-17" }, "db.killOp(-17)"],
    ["by shard and number through a router", { opid: "shard01:4711" }, 'db.killOp("shard01:4711")'],
    ["by dropping its index", { opid: "7", builds: ["a_1", "b_1"] }, 'db.orders.dropIndexes(["a_1","b_1"])'],
  ])("%s", (_what, more, command) => {
    expect(stopCommand({ opid: "1", ...long, ...more })).toBe(command);
  });
});
