import { setTimeout } from "node:timers/promises";
import { bundleChild, childrenAhead, startChild } from "@org/dev-kit/children";
import { faultLoop } from "@org/dev-kit/faults";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { beforeAll, describe, expect, it } from "vitest";
import { createApiKey } from "../src/api-keys/manage.js";
import { defineModels, type IdentityModels } from "../src/index.js";
import type { Spending } from "./children/key-spender.js";
import { contextAt } from "./context.js";
import { createIndexes, makeUser } from "./database.js";
import { now } from "./moment.js";

const temporary = useTemporaryDatabase({ label: "api-keys-crash" });
let models: IdentityModels;
beforeAll(async () => {
  models = defineModels(temporary.connection);
  await createIndexes(models);
});

const kills = faultLoop({ seed: 20_961_103, kinds: 2 });
const script = await bundleChild(new URL("./children/key-spender.ts", import.meta.url), { whole: true });

async function makeKey(remaining: number) {
  const { _id: userId } = await makeUser(models);
  const input = { userId, name: "ci", scopes: [], quota: { remaining } };
  const { apiKey, key } = await createApiKey(contextAt(models, now), input);
  return { keyId: apiKey.id, key, stored: () => models.ApiKey.findById(apiKey.id).lean() };
}

const count = (printed: string, line: string) => printed.split("\n").filter((one) => one === line).length;

describe.each([
  [37, 100],
  [1_000, 1_300],
])("with %i left, and %i verifications in two processes", (remaining, asked) => {
  it("exactly as many succeed as are left", async () => {
    const { key, stored } = await makeKey(remaining);
    const children = [1, 2].map(() => startChild(script, temporary.uri));
    await Promise.all(children.map((child) => child.hasPrinted("ready\n")));
    const half: Spending = { key, times: asked / 2, parallel: 100, options: {} };
    for (const child of children) child.tell(JSON.stringify(half));
    await Promise.all(children.map(({ exited }) => exited));
    const printed = children.map((child) => child.printed()).join("");
    expect(count(printed, "ok")).toBe(remaining);
    expect(count(printed, "quota_exhausted")).toBe(asked - remaining);
    expect(await stored()).toMatchObject({
      quota: { remaining: 0 },
      leases: [],
      usage: { requests: asked, failures: asked - remaining },
    });
  });
});

it(`after ${kills.planned} kills at random moments no more succeeded than were granted, and the losses are bounded (seed ${kills.seed})`, async () => {
  const granted = 1_000_000;
  const options = { leaseSize: 20, leaseMs: 200, maxUnwritten: 30, flushIntervalMs: 20 };
  const { key, stored } = await makeKey(granted);
  const next = childrenAhead(3, kills.planned, () => startChild(script, temporary.uri));
  const parallel = 4;
  let heard = 0;
  for (const { kind, at } of kills.rounds()) {
    const before = await stored();
    const child = await next();
    child.tell(JSON.stringify({ key, parallel, options } satisfies Spending));
    // Half of them in the middle of spending, however slow the machine is; the others at any moment from the start.
    if (kind === 0) await child.hasPrinted("ok\n");
    await setTimeout(at * 80);
    child.kill();
    await child.exited;
    const succeeded = count(child.printed(), "ok");
    heard += succeeded;
    // Writes that a killed process had sent may still arrive.
    await setTimeout(20);
    const after = await stored();
    const spent = (before?.quota.remaining ?? 0) - (after?.quota.remaining ?? 0);
    const counted = (after?.usage.requests ?? 0) - (before?.usage.requests ?? 0);
    expect(succeeded).toBeLessThanOrEqual(spent);
    // One lease, and what was claimed for verifications whose answers nobody heard.
    expect(spent - succeeded).toBeLessThanOrEqual(options.leaseSize + parallel);
    expect(succeeded - counted).toBeLessThanOrEqual(options.maxUnwritten);
    expect(counted).toBeLessThanOrEqual(spent);
  }
  expect(heard).toBeGreaterThanOrEqual(kills.planned / 2);
  const rest = await stored();
  expect(heard).toBeLessThanOrEqual(granted - (rest?.quota.remaining ?? 0));
  expect(rest?.leases.length).toBeLessThanOrEqual(64);
});

it("a process that is killed with a lease costs that lease, and the others spend all the rest", async () => {
  const { key, stored } = await makeKey(300);
  const holder = startChild(script, temporary.uri);
  await holder.hasPrinted("ready\n");
  const options = { leaseSize: 20, leaseMs: 1_000 };
  holder.tell(JSON.stringify({ key, parallel: 1, options } satisfies Spending));
  await holder.hasPrinted("ok\n");
  holder.kill();
  await holder.exited;
  const { remaining = 0 } = (await stored())?.quota ?? {};
  const other = startChild(script, temporary.uri);
  await other.hasPrinted("ready\n");
  other.tell(JSON.stringify({ key, times: 320, parallel: 50, options } satisfies Spending));
  await other.exited;
  expect(count(other.printed(), "ok")).toBe(remaining);
  expect(count(holder.printed(), "ok") + remaining).toBeGreaterThanOrEqual(300 - options.leaseSize);
  expect((await stored())?.quota.remaining).toBe(0);
});
