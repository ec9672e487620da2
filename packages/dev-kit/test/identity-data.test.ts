import { describe, expect, test } from "vitest";

import {
  type GenerateOptions,
  generateIdentityData,
  loadIdentityData,
  sessionCounts,
} from "../src/data/index.js";
import { useTemporaryDatabase } from "../src/vitest.js";

type Documents = Record<string, Record<string, unknown>[]>;

const now = new Date("2026-11-01T12:00:00.000Z");

function generate(options: Partial<GenerateOptions> = {}): Documents {
  const documents: Documents = {};
  for (const { collection, document } of generateIdentityData({
    users: 200,
    sessions: 2_000,
    seed: 5,
    now,
    ...options,
  })) {
    documents[collection] ??= [];
    documents[collection].push(document);
  }
  return documents;
}

describe("sessionCounts", () => {
  test.each([
    [10_000, 100_000],
    [20_000, 80_000],
    [100_000, 1_000_000],
  ])("%i users with %i sessions: median 2, 99th percentile 28, and all of them", (users, sessions) => {
    const counts = [...sessionCounts(users, sessions, 1)].sort((a, b) => a - b);
    expect(counts[users / 2]).toBe(2);
    expect(counts[Math.floor(users * 0.99) - 1]).toBe(28);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(sessions);
  });

  test.each([
    [100, 50],
    [1, 5],
    [3, 0],
    [1_000, 999],
  ])("%i users with %i sessions: all of them, whatever the shape", (users, sessions) => {
    const counts = sessionCounts(users, sessions, 1);
    expect(counts).toHaveLength(users);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(sessions);
  });
});

describe("generateIdentityData", () => {
  test("the same seed gives the same documents, another seed others", () => {
    expect(generate()).toEqual(generate());
    expect(generate({ seed: 6 }).users).not.toEqual(generate().users);
  });

  test("as many users and sessions as asked for, 40 % of the sessions expired, some revoked, the rest live", () => {
    const { users, user_sessions: sessions = [] } = generate();
    expect(users).toHaveLength(200);
    expect(sessions).toHaveLength(2_000);
    const revoked = sessions.filter(({ revokedAt }) => revokedAt);
    const expired = sessions.filter(
      ({ revokedAt, idleExpiresAt }) => !revokedAt && (idleExpiresAt as Date) <= now,
    );
    expect(expired.length / sessions.length).toBeCloseTo(0.4, 2);
    expect(revoked.length).toBeGreaterThan(0);
    const live = sessions.filter(({ slot }) => slot !== undefined);
    expect(live).toHaveLength(sessions.length - expired.length - revoked.length);
    expect(live.every(({ idleExpiresAt }) => (idleExpiresAt as Date) > now)).toBe(true);
  });

  test("of sessions that piled up for a year, the last ten days' live, and the others ended over the year", () => {
    const { user_sessions: sessions = [] } = generate({ uncleanedDays: 365 });
    const live = sessions.filter(({ slot }) => slot !== undefined);
    expect(live.length / sessions.length).toBeCloseTo(10.5 / 365, 2);
    const day = 86_400_000;
    const ended = sessions.filter(({ slot }) => slot === undefined);
    const months = ended.map(({ idleExpiresAt }) =>
      Math.floor((now.getTime() - (idleExpiresAt as Date).getTime()) / (30.5 * day)),
    );
    const perMonth = Array.from({ length: 12 }, (_, month) => months.filter((one) => one === month).length);
    for (const count of perMonth) expect(count / ended.length).toBeCloseTo(1 / 12, 1);
    expect(Math.max(...months)).toBe(11);
  });

  test("every collection has documents, and no two share an id", () => {
    const documents = generate();
    const names = [
      "users",
      "user_sessions",
      "apps",
      "app_tokens",
      "app_permissions",
      "api_keys",
      "audit_events",
    ];
    names.push("security_events", "usage_buckets", "login_profiles", "audit_checkpoints", "erasures");
    names.push("request_limits", "login_challenges", "risk_counters", "user_factors", "passkey_challenges");
    names.push("authorization_requests", "device_authorizations", "used_assertions", "signing_keys");
    names.push(
      "administrators",
      "admin_approvals",
      "sign_in_reports",
      "bulk_jobs",
      "bulk_job_items",
      "app_usage",
    );
    expect(Object.keys(documents).sort()).toEqual(names.sort());
    for (const list of Object.values(documents)) {
      expect(new Set(list.map(({ _id }) => String(_id))).size).toBe(list.length);
    }
  });

  test("what belongs together does: a session comes from a place and a device of its user", () => {
    const { users = [], user_sessions: sessions = [] } = generate();
    const known = new Map(
      users.map(({ _id, analytics }) => [
        String(_id),
        analytics as Record<string, { code: string; deviceHash: Buffer }[]>,
      ]),
    );
    for (const { userId, deviceHash, location } of sessions) {
      const { countries = [], devices = [] } = known.get(String(userId)) ?? {};
      expect(countries.map(({ code }) => code)).toContain(String(location).split(";")[0]);
      expect(devices.map((device) => device.deviceHash)).toContainEqual(deviceHash);
    }
  });

  test("the legacy layout embeds the same sessions, with raw tokens", () => {
    const { legacy_users: users = [], ...others } = generate({ layout: "legacy" });
    expect(others).toEqual({});
    const sessions = users.flatMap((user) => user.sessions as { _id: unknown; token: string }[]);
    const current = generate().user_sessions ?? [];
    expect(sessions.map(({ _id }) => String(_id)).sort()).toEqual(
      current.map(({ _id }) => String(_id)).sort(),
    );
    expect(sessions.every(({ token }) => /^[0-9a-f]{64}$/.test(token))).toBe(true);
    expect(new Set(sessions.map(({ token }) => token)).size).toBe(sessions.length);
  });
});

describe("loadIdentityData", () => {
  const database = useTemporaryDatabase({ label: "load", per: "test" });

  test("writes every document that is generated, and says how far it is", async () => {
    const db = database.connection.db!;
    const written: number[] = [];
    const options = { users: 50, sessions: 500, seed: 5, now, batchSize: 100 };
    const result = await loadIdentityData(db, {
      ...options,
      onProgress: (progress) => written.push(progress.written),
    });
    const expected = generate({ users: 50, sessions: 500 });
    for (const [collection, documents] of Object.entries(expected)) {
      expect(await db.collection(collection).countDocuments()).toBe(documents.length);
      expect(result.collections[collection]).toBe(documents.length);
    }
    expect(written.at(-1)).toBe(result.written);
    expect(result.stopped).toBe(false);
  });

  test("stops after the inserts under way when told to", async () => {
    const db = database.connection.db!;
    const controller = new AbortController();
    const result = await loadIdentityData(db, {
      users: 500,
      sessions: 5_000,
      seed: 5,
      now,
      batchSize: 100,
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    expect(result.stopped).toBe(true);
    expect(await db.collection("user_sessions").countDocuments()).toBe(result.collections.user_sessions ?? 0);
    expect(result.written).toBeLessThan(1_000);
  });

  test("fails with the server's reason when a document can't be written", async () => {
    const db = database.connection.db!;
    const options = { users: 20, sessions: 100, seed: 5, now };
    await loadIdentityData(db, options);
    await expect(loadIdentityData(db, options)).rejects.toMatchObject({ code: 11_000 });
  });
});
