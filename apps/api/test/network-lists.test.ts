import { mkdtemp, rename, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { presets } from "@org/risk-engine";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { readConfig } from "../src/config.js";
import { NetworkLists } from "../src/network-lists.js";
import { password, useApi } from "./support/api.js";

let folder: string;
let path: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lists-"));
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(() => {
  path = join(folder, `${Math.random()}.txt`);
});

const log = { info: () => undefined, warn: () => undefined, error: () => undefined } as never;
const open = (kind: "tor" | "relay" = "tor") => NetworkLists.open({ networkLists: [{ kind, path }] }, log);
const kindsOf = (lists: NetworkLists, address: string) => lists.flagsOf(address).map(({ kind }) => kind);

/** Writes a list as a good feed does: whole, by renaming. */
async function publish(text: string, madeAt?: Date): Promise<void> {
  await writeFile(`${path}.new`, text);
  if (madeAt) await utimes(`${path}.new`, madeAt, madeAt);
  await rename(`${path}.new`, path);
}

describe("a list of addresses", () => {
  test("holds addresses and ranges of both families, with comments and further columns", async () => {
    await publish(
      "# made today\r\n198.51.100.7\n\n203.0.113.0/25,NO,Oslo\n2001:db8:1::/48 # theirs\n::ffff:192.0.2.0/120\n",
    );
    const lists = await open();
    for (const inside of [
      "198.51.100.7",
      "203.0.113.127",
      "2001:db8:1:2::3",
      "192.0.2.200",
      "::ffff:198.51.100.7",
    ]) {
      expect(kindsOf(lists, inside)).toEqual(["tor"]);
    }
    for (const outside of [
      "198.51.100.8",
      "203.0.113.128",
      "2001:db8:2::1",
      "0xcb.0.113.1",
      "",
      "nonsense",
    ]) {
      expect(kindsOf(lists, outside)).toEqual([]);
    }
  });

  test("has the age of its file", async () => {
    const madeAt = new Date("2026-01-05T12:00:00Z");
    await publish("198.51.100.7\n", madeAt);
    expect((await open()).flagsOf("198.51.100.7")).toEqual([{ kind: "tor", asOf: madeAt.getTime() }]);
  });

  test("is suspect while it is young, unless it only takes the place away", async () => {
    const madeAt = new Date("2026-01-05T12:00:00Z");
    await publish("198.51.100.7\n", madeAt);
    const after = (days: number) => new Date(madeAt.getTime() + days * 86_400_000);
    const { maxAgeDays } = presets.balanced.flags;
    const tor = await open();
    expect(tor.isSuspect("198.51.100.7", after(maxAgeDays))).toBe(true);
    expect(tor.isSuspect("198.51.100.7", after(maxAgeDays + 1))).toBe(false);
    expect((await open("relay")).isSuspect("198.51.100.7", after(1))).toBe(false);
  });

  test("that can't be read stops the start, and later leaves what was there", async () => {
    const refused = { code: "CONFIG_INVALID", message: expect.stringContaining("ORG_API_NETWORK_LISTS") };
    await expect(open()).rejects.toMatchObject(refused);
    await publish("198.51.100.7\n203.0.113.999\n");
    await expect(open()).rejects.toMatchObject({ ...refused, message: expect.stringContaining("line 2") });
    await publish("198.51.100.7\n");
    const lists = await open();
    await publish("<html>blocked</html>");
    await lists.refresh(new Date());
    expect(kindsOf(lists, "198.51.100.7")).toEqual(["tor"]);
    await rm(path);
    await lists.refresh(new Date());
    expect(kindsOf(lists, "198.51.100.7")).toEqual(["tor"]);
  });
});

test("lists are configured by kind and path", () => {
  const read = (value: string) =>
    readConfig({ MONGODB_URI: "mongodb://localhost/x", ORG_API_NETWORK_LISTS: value }).networkLists;
  expect(read("tor=/lists/tor.txt, hosting=lists/a=b.txt")).toEqual([
    { kind: "tor", path: "/lists/tor.txt" },
    { kind: "hosting", path: "lists/a=b.txt" },
  ]);
  for (const wrong of ["tor", "unknown=/a", "=/a", "tor="]) {
    expect(() => read(wrong)).toThrow("ORG_API_NETWORK_LISTS");
  }
});

describe("the service", () => {
  const api = useApi({ usageFlushMs: 10 });
  const client = {
    headers: { "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0" },
  };
  const home = { ...client, remoteAddress: "192.0.2.1" };
  const tor = { ...client, remoteAddress: "198.51.100.7" };
  const reasonsOf = async (id: string) =>
    (await api.models.UserSession.findById(id).lean())?.risk?.reasons ?? [];
  const build = () => api.build({ networkLists: [{ kind: "tor", path }], networkListsCheckMs: 10 });
  const outcome = async (app: FastifyInstance) => {
    const { email } = await api.register();
    const payload = { identifier: email, password, delivery: "token" };
    const answer = await app.inject({ method: "POST", url: "/v1/sessions", payload, ...tor });
    return answer.json().code ?? answer.statusCode;
  };

  test("judges sign-ins by its lists, reads a list that has changed, and counts no stale one", async () => {
    await publish("203.0.113.0/24\n", api.clock.now());
    const app = await build();
    expect(await outcome(app)).toBe(201);
    await publish("198.51.100.0/24\n", api.clock.now());
    await expect.poll(() => outcome(app)).toBe("CHALLENGE_REQUIRED");
    const audited = await api.models.AuditEvent.findOne({ action: "session.challenged" }).lean();
    expect(JSON.stringify(audited?.details)).toMatch(/tor \d/);
    await publish("198.51.100.0/24\n", new Date(api.clock.now().getTime() - 8 * 86_400_000));
    await expect.poll(() => outcome(app)).toBe(201);
    await expect.poll(() => api.log.join()).toContain("too old to count");
  });

  test("judges live sessions by its lists", async () => {
    await publish("198.51.100.0/24\n", api.clock.now());
    const app = await build();
    const { id, bearer } = await api.signIn(await api.register(), home);
    api.clock.advance(61_000);
    await app.inject({
      url: "/v1/session",
      remoteAddress: tor.remoteAddress,
      headers: { ...tor.headers, ...bearer },
    });
    expect(await reasonsOf(id)).toContain("session_flagged");
  });
});
