import { generateKeyPairSync } from "node:crypto";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import type { Model } from "mongoose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { applyAuditRetention } from "../src/audit/retention.js";
import { duration } from "../src/core/limits.js";
import { defaultRetention, retentionSchema } from "../src/core/policies/retention.js";
import {
  createIdentity,
  type IdentityDatabase,
  openDatabase,
  openIdentity,
  retentionRules,
} from "../src/index.js";
import { recordSecurityEvent } from "../src/security-events/events.js";
import { validateSession } from "../src/sessions/check/validate.js";
import { openSession } from "../src/sessions/open.js";
import { refreshSession } from "../src/sessions/refresh.js";
import { UsageRecorder } from "../src/usage/recorder.js";
import { contextAt } from "./context.js";
import { createIndexes, makeUser } from "./database.js";
import { after, now } from "./moment.js";
import { appendAudit } from "./recorders.js";

const temporary = useTemporaryDatabase({ label: "retention" });
const retention = {
  sessionsMs: 3 * duration.day,
  securityEventsMs: 5 * duration.day,
  hourlyUsageMs: 7 * duration.day,
  dailyUsageMs: 9 * duration.day,
  auditMs: 11 * duration.day,
};
let database: IdentityDatabase;
beforeAll(async () => {
  database = await openDatabase(temporary.uri);
  await createIndexes(database.models);
});
afterAll(() => database?.close());

describe("the retention of an identity object", () => {
  it("dates sessions when they open, are touched and rotate", async () => {
    const { models } = database;
    const user = await makeUser(models, { security: { idleTimeoutMs: duration.day } });
    const { id, token } = await openSession(contextAt(models, now, { retention }), { userId: user._id });
    const purgeAt = async () => (await models.UserSession.findById(id).lean())?.purgeAt;
    const kept = duration.day + retention.sessionsMs;
    const midnightAfter = (ms: number) =>
      new Date(Math.ceil(after(ms).getTime() / duration.day) * duration.day);
    expect(await purgeAt()).toEqual(midnightAfter(kept));
    await validateSession(contextAt(models, after(duration.hour), { retention }), token);
    expect(await purgeAt()).toEqual(midnightAfter(duration.hour + kept));
    await refreshSession(contextAt(models, after(13 * duration.hour), { retention }), token);
    expect(await purgeAt()).toEqual(midnightAfter(13 * duration.hour + kept));
    expect(midnightAfter(13 * duration.hour + kept)).not.toEqual(midnightAfter(kept));
  });

  it("dates security events and usage", async () => {
    const { models } = database;
    const { _id: userId } = await makeUser(models);
    const event = await recordSecurityEvent(contextAt(models, now, { retention }), {
      userId,
      kind: "risk_high",
      severity: "critical",
    });
    expect(event.purgeAt).toEqual(after(retention.securityEventsMs));
    const usage = new UsageRecorder(models, { retention: { ...defaultRetention, ...retention } });
    usage.record({ userId, endpoint: "GET /a" }, now);
    await usage.flush();
    const buckets = await models.UsageBucket.find({ userId }).sort({ interval: 1 }).lean();
    expect(buckets.map(({ purgeAt }) => purgeAt)).toEqual([
      after(12 * duration.hour + retention.dailyUsageMs),
      after(duration.hour + retention.hourlyUsageMs),
    ]);
  });

  it("bounds the audit trail", async () => {
    const { models } = database;
    const signingKey = generateKeyPairSync("ed25519").privateKey;
    await appendAudit(models, { action: "test.done", outcome: "success" }, now);
    const result = (ms: number) =>
      applyAuditRetention(contextAt(models, after(ms), { retention }), { signingKey });
    expect(await result(retention.auditMs)).toMatchObject({ events: 0 });
    expect(await result(retention.auditMs + 1)).toMatchObject({ events: 1 });
  });

  it("has defaults for what is not given, and is its own on a connection that others use too", async () => {
    const { connection } = database;
    const policiesOf = (input: object) => createIdentity({ connection, ...input }).policies.retention;
    expect(policiesOf({ retention })).toEqual({ ...defaultRetention, ...retention });
    expect(retentionSchema.parse({})).toEqual(defaultRetention);
    expect(policiesOf({})).toEqual(defaultRetention);
  });

  it.each([{ sessionsMs: -1 }, { auditMs: duration.day }, { dailyUsageMs: 0.5 }, { foreverMs: 1 }])(
    "is refused out of bounds: %j",
    async (wrong) => {
      await expect(openIdentity(temporary.uri, { retention: wrong })).rejects.toMatchObject({
        code: "INVALID_INPUT",
      });
    },
  );
});

it("is applied by a rule and a TTL index for each collection that has a date to go", () => {
  const dated = Object.values(database.models)
    .filter(({ schema }) => schema.path("purgeAt"))
    .map((model) => model as Model<unknown>);
  for (const { schema } of dated) {
    const ttl = schema.indexes().filter(([, { expireAfterSeconds }]) => expireAfterSeconds === 0);
    expect(ttl.map(([fields]) => fields)).toEqual([{ purgeAt: 1 }]);
    // Anything but a date never expires.
    expect(schema.path("purgeAt").instance).toBe("Date");
  }
  const names = dated.map(({ collection }) => collection.name).sort();
  expect(retentionRules.map(({ collection }) => collection).sort()).toEqual(names);
});
