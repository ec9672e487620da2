import { generateKeyPairSync } from "node:crypto";
import { auditPublicKey, loadIdentityData } from "@org/dev-kit/identity-data";
import fc from "fast-check";
import { Types } from "mongoose";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { auditEventHash, canonicalAuditEvent, firstHash } from "../src/audit/canonical.js";
import { createAuditCheckpoint, listAuditCheckpoints } from "../src/audit/checkpoints.js";
import { exportAudit } from "../src/audit/list.js";
import { applyAuditRetention } from "../src/audit/retention.js";
import { verifyAudit } from "../src/audit/verify.js";
import { duration } from "../src/core/limits.js";
import { hmac, seal, sha256Text, unseal } from "../src/core/secrets.js";
import {
  type AuditEventDocument,
  type AuditExportRecord,
  type AuditInput,
  type AuditVerificationProgress,
  auditRefOf,
  type IdentityModels,
  type SigningKey,
} from "../src/index.js";
import { queries } from "../src/queries/queries.js";
import { runQuery } from "../src/queries/run-query.js";
import { contextAt } from "./context.js";
import { commandsDuring, makeUser, useIdentityDatabase } from "./database.js";
import { appendAudit } from "./recorders.js";
import { byHand } from "./refused-writes.js";

const database = useIdentityDatabase();
let models: IdentityModels;
let now = new Date("2096-06-01T12:00:00.000Z");
const { privateKey: signingKey, publicKey } = generateKeyPairSync("ed25519");
const keys = { signingKey };
const publicKeys = [publicKey];
const event: AuditInput = { action: "session.opened", outcome: "success" };

beforeAll(() => {
  models = database().models;
});
beforeEach(async () => {
  await models.AuditEvent.collection.deleteMany({});
  await models.AuditCheckpoint.collection.deleteMany({});
  // A writer that was silent for a day begins a chain, so each test has one of its own, with time for retention to pass.
  now = new Date(now.getTime() + 4_000 * duration.day);
});

const append = (input: Partial<AuditInput> = {}, at = now) => appendAudit(models, { ...event, ...input }, at);
const appendMany = (count: number) => Promise.all(Array.from({ length: count }, () => append()));
const events = () => models.AuditEvent.collection;
const readEvents = async (chainId: string) =>
  runQuery(models, queries.auditChain(chainId)) as Promise<AuditEventDocument[]>;

describe("the canonical form", () => {
  const vector = {
    _id: new Types.ObjectId("652f1f77bcf86cd799439011"),
    chainId: "chain",
    sequence: 7,
    at: new Date("2096-06-01T12:00:00.000Z"),
    action: "password.changed",
    outcome: "success",
    subjectRef: sha256Text("subject"),
    network: "203.0.113.0/24",
    details: [{ key: "naïve\n", value: 'a"b' }],
    schemaVersion: 1,
  } as const;

  it("and the hash of an event are these for ever", () => {
    const content = { ...vector, details: [...vector.details] };
    expect(canonicalAuditEvent(content)).toBe(
      '["audit_event",1,"652f1f77bcf86cd799439011","chain",7,"2096-06-01T12:00:00.000Z","password.changed","success",' +
        `null,"${sha256Text("subject")}",null,null,"203.0.113.0/24",null,[["naïve\\n","a\\"b"]]]`,
    );
    expect(firstHash).toBe("47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
    expect(auditEventHash(firstHash, content)).toMatchInlineSnapshot(
      `"k9BKsaUIAkOakYQjc2R5WTpt_HVJIDUe_z39kKdoHKo"`,
    );
  });
});

describe("appendAudit", () => {
  it("has stored the event, linked to the one before, when it resolves", async () => {
    const first = await append({ details: { field: "bio" }, targetType: "session", targetId: "s1" });
    const second = await append({ network: "2001:db8::/64" });
    expect(second).toMatchObject({ chainId: first.chainId, sequence: 1 });
    const stored = await readEvents(first.chainId);
    expect(stored).toMatchObject([
      { sequence: 0, previousHash: firstHash, eventHash: first.eventHash, at: now, targetId: "s1" },
      { sequence: 1, previousHash: first.eventHash, eventHash: second.eventHash, network: "2001:db8::/64" },
    ]);
    for (const document of stored) await new models.AuditEvent(document).validate();
    expect(await verifyAudit(contextAt(models))).toMatchObject({ intact: true, chains: 1, events: 2 });
  });

  it("writes 100 parallel events of 100 people in two groups", async () => {
    const { _id: actorId } = await makeUser(models);
    const { commands, result } = await commandsDuring(database(), () =>
      Promise.all(Array.from({ length: 100 }, () => append({ actorId }))),
    );
    expect(commands.filter((command) => command === "insert")).toHaveLength(2);
    expect(commands.filter((command) => command === "find")).toHaveLength(2);
    expect(result.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 100 }, (_, index) => index));
    expect(await verifyAudit(contextAt(models))).toMatchObject({ intact: true, chains: 1, events: 100 });
  });

  it("names people only by references that their key makes, and seals where they were", async () => {
    const [admin, user] = [await makeUser(models), await makeUser(models)];
    const { chainId } = await append({
      actorId: admin._id,
      subjectId: user._id,
      network: "203.0.113.0/24",
    });
    const [stored] = await readEvents(chainId);
    expect(stored).toMatchObject({
      actorRef: hmac(admin.auditKey, "audit"),
      subjectRef: auditRefOf(user.auditKey),
    });
    const text = JSON.stringify(stored);
    for (const told of [admin._id.toHexString(), user._id.toHexString(), "203.0.113"]) {
      expect(text).not.toContain(told);
    }
    expect(unseal(admin.auditKey, stored?.sealedNetwork ?? "")).toBe("203.0.113.0/24");
    expect(unseal(user.auditKey, stored?.sealedNetwork ?? "")).toBeUndefined();
    const found = await runQuery(models, queries.auditOfSubject(auditRefOf(user.auditKey)));
    expect(found).toHaveLength(1);
  });

  it("of somebody who is gone names nobody and no place", async () => {
    const { chainId } = await append({ actorId: new Types.ObjectId(), network: "203.0.113.0/24" });
    const [stored] = await readEvents(chainId);
    expect(stored).not.toHaveProperty("actorRef");
    expect(JSON.stringify(stored)).not.toContain("203.0.113");
  });

  const someone = new Types.ObjectId();
  const fields = Object.fromEntries(Array.from({ length: 33 }, (_, index) => [`key${index}`, "x"]));
  it.each<[string, Record<string, unknown>]>([
    ["no action", { action: "" }],
    ["an action that is an operator", { action: "$where" }],
    ["an action too long", { action: "a".repeat(65) }],
    ["an outcome that there is not", { outcome: "maybe" }],
    ["an actor who is a string", { actorId: someone.toHexString() }],
    ["an actor who is a query", { actorId: { $ne: null } }],
    ["a single address", { network: "203.0.113.9" }],
    ["a network with host bits", { network: "203.0.113.9/24" }],
    ["an unknown field", { chainId: "mine" }],
    ["too many details", { details: fields }],
    ["a detail too long", { details: { a: "x".repeat(513) } }],
    ["a detail that is an object", { details: { a: { $gt: "" } } }],
    ["half a character", { details: { a: "\ud800" } }],
    ["the actor's id as the target", { actorId: someone, targetId: someone.toHexString() }],
    [
      "the subject's id in a detail",
      { subjectId: someone, details: { path: `/users/${someone.toHexString().toUpperCase()}` } },
    ],
  ])("refuses %s", async (_name, input) => {
    await expect(append(input as Partial<AuditInput>)).rejects.toMatchObject({ code: "INVALID_INPUT" });
    expect(await events().countDocuments()).toBe(0);
  });

  it("stores and verifies any text that is text", async () => {
    const texts = fc.string({ unit: "binary", minLength: 1, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(texts, texts, async (key, value) => {
        await append({ targetType: key, details: { [key]: value } });
      }),
      { numRuns: 60, seed: 61 },
    );
    expect(await verifyAudit(contextAt(models))).toMatchObject({ intact: true, events: 60 });
  });

  /** Models whose first inserts of audit events do something else. */
  function withInserts(...inserts: Array<(insert: () => Promise<unknown>) => Promise<unknown>>) {
    const collection = new Proxy(events(), {
      get: (target, name) => {
        const value = Reflect.get(target, name);
        if (name !== "insertMany") return typeof value === "function" ? value.bind(target) : value;
        return (...args: Parameters<typeof target.insertMany>) => {
          const insert = () => target.insertMany(...args);
          return (inserts.shift() ?? ((act) => act()))(insert);
        };
      },
    });
    // A connection of their own, so that they have a writer of their own.
    return {
      ...models,
      AuditEvent: { db: {}, schema: models.AuditEvent.schema, collection },
    } as unknown as IdentityModels;
  }
  const lost = () => Promise.reject(new Error("connection lost"));
  const storedButUnheard = async (insert: () => Promise<unknown>) => {
    await insert();
    throw new Error("connection lost");
  };

  it("has an event once when the answer to its insert was lost, and when the insert was", async () => {
    const flaky = withInserts(storedButUnheard, lost, lost);
    await appendAudit(flaky, event, now);
    const appended = await Promise.all([appendAudit(flaky, event, now), appendAudit(flaky, event, now)]);
    expect(appended.map(({ sequence }) => sequence)).toEqual([1, 2]);
    expect(await verifyAudit(contextAt(models))).toMatchObject({ intact: true, chains: 1, events: 3 });
  });

  it("says so when an event was not confirmed, and begins a new chain after it", async () => {
    const away = withInserts(lost, lost, lost, lost);
    await expect(appendAudit(away, event, now)).rejects.toMatchObject({
      code: "AUDIT_NOT_WRITTEN",
      kind: "server",
      cause: { message: "connection lost" },
    });
    const { sequence } = await appendAudit(away, event, now);
    expect(sequence).toBe(0);
    expect(await verifyAudit(contextAt(models))).toMatchObject({ intact: true, chains: 1, events: 1 });
  });
});

describe("an event that can't be as it says", () => {
  // Taken from public reports (spec-kitty 2736, fwlive 413): one impossible date took its neighbours with it.
  it("with no date is refused by itself, and its neighbours in the batch are kept", async () => {
    const dates = [now, now, new Date("2026-02-30T25:00:00"), now, now];
    const settled = await Promise.allSettled(dates.map((at) => appendAudit(models, event, at)));
    expect(settled.map((one) => (one.status === "fulfilled" ? "kept" : one.reason.code))).toEqual([
      "kept",
      "kept",
      "INVALID_INPUT",
      "kept",
      "kept",
    ]);
    expect(await verifyAudit(contextAt(models))).toMatchObject({ intact: true, events: 4 });
  });

  it("with a detail called __proto__ is refused, not stored without it", async () => {
    const details = JSON.parse('{"__proto__":"polluted","a":"b"}');
    await expect(append({ details })).rejects.toMatchObject({ code: "INVALID_INPUT" });
  });

  it("dated years ahead leaves the chain to itself, and retention does not wait for its date", async () => {
    const day = (n: number) => new Date(now.getTime() + n * duration.day);
    await appendAudit(models, event, day(0));
    const wrong = await appendAudit(models, event, day(3_650));
    const right = await appendAudit(models, event, day(0));
    expect(right.chainId).not.toBe(wrong.chainId);
    await createAuditCheckpoint(contextAt(models, day(1)), keys);
    // Of the event alone nobody knows how old it is.
    expect(await applyAuditRetention(contextAt(models, day(800)), keys)).toMatchObject({ events: 2 });
  });

  it("dated ahead within a chain of earlier times goes with the events behind it, not with the fresh ones", async () => {
    const day = (n: number) => new Date(now.getTime() + n * duration.day);
    const { chainId } = await append();
    await append();
    await append({}, day(0.5));
    const [first, ...others] = await readEvents(chainId);
    // As a chain was written before clocks were compared.
    const relinked: AuditEventDocument[] = [];
    for (const one of [{ ...first!, at: day(3_650) }, ...others]) {
      const content = { ...one, previousHash: relinked.at(-1)?.eventHash ?? firstHash };
      relinked.push({ ...content, eventHash: auditEventHash(content.previousHash, content) });
    }
    for (const one of relinked) await events().replaceOne({ _id: one._id }, { ...one });
    await createAuditCheckpoint(contextAt(models, day(1)), keys);
    expect(await applyAuditRetention(contextAt(models, day(100)), keys)).toMatchObject({ events: 0 });
    expect(await applyAuditRetention(contextAt(models, day(730.2)), keys)).toMatchObject({ events: 2 });
  });
});

describe("a majority that is away", () => {
  // Source: MongoDB's manual, write concern `wtimeout`: the write stays, and the answer carries code 64.
  it("is waited for within bounds, and said so", async () => {
    const sent: unknown[] = [];
    const collection = {
      insertMany: (_: unknown, options: { writeConcern: unknown }) => {
        sent.push(options.writeConcern);
        const timedOut = { code: 64, errmsg: "waiting for replication timed out" };
        return Promise.reject(
          Object.assign(new Error("timed out"), { result: { writeConcernError: timedOut } }),
        );
      },
    };
    const away = {
      ...models,
      AuditEvent: { db: {}, schema: models.AuditEvent.schema, collection },
    } as unknown as IdentityModels;
    await expect(appendAudit(away, event, now)).rejects.toMatchObject({
      code: "AUDIT_NOT_WRITTEN",
      details: { reason: "majority_timeout", timeoutMs: 10_000 },
    });
    expect(sent).toEqual([{ w: "majority", journal: true, wtimeoutMS: 10_000 }]);
  });
});

describe("verifyAudit", () => {
  const length = 12;
  let chainId: string;
  let chain: AuditEventDocument[];
  // Who can write to the database can also drop an index that is in the way.
  beforeAll(() => events().dropIndex("chain_unique"));
  beforeEach(async () => {
    chainId = (await appendMany(length))[0]!.chainId;
    chain = await readEvents(chainId);
  });

  const put = (document: object) => events().insertOne({ ...document } as never);
  const at = (sequence: number) => chain[sequence] as AuditEventDocument;
  const rehash = (document: AuditEventDocument): AuditEventDocument => ({
    ...document,
    eventHash: auditEventHash(document.previousHash, document),
  });
  const replace = (sequence: number, change: object) =>
    events().replaceOne({ _id: at(sequence)._id }, { ...at(sequence), ...change });
  const shift = (from: number, by: number) =>
    events().updateMany(
      { chainId, sequence: { $gte: from } },
      { $inc: { sequence: by } },
      { comment: byHand },
    );
  const forged = () => rehash({ ...at(5), _id: new Types.ObjectId(), action: "consent.granted" });

  it.each<[string, Record<string, unknown>]>([
    ["_id", { _id: undefined }],
    ["at", { at: new Date(0) }],
    ["at, as text", { at: "2096-06-03T12:00:00.000Z" }],
    ["action", { action: "session.revoked" }],
    ["outcome", { outcome: "failure" }],
    ["actorRef", { actorRef: sha256Text("somebody") }],
    ["subjectRef", { subjectRef: sha256Text("somebody") }],
    ["targetType", { targetType: "x" }],
    ["targetId", { targetId: "x" }],
    ["network", { network: "10.0.0.0/8" }],
    ["network, null", { network: null }],
    ["sealedNetwork", { sealedNetwork: "x" }],
    ["details", { details: [{ key: "a", value: "b" }] }],
    ["details, an object", { details: {} }],
    ["schemaVersion", { schemaVersion: 2 }],
    ["eventHash", { eventHash: sha256Text("x") }],
    ["previousHash", { previousHash: sha256Text("x") }],
    ["a field more", { note: "x" }],
  ])("names an event whose %s was edited", async (field, change) => {
    if (field === "_id") {
      await events().deleteOne({ _id: at(5)._id });
      await put({ ...at(5), _id: new Types.ObjectId() });
    } else await replace(5, change);
    expect(await verifyAudit(contextAt(models))).toMatchObject({
      intact: false,
      breaks: [{ chainId, sequence: 5, problem: "edited" }],
    });
  });

  it.each<[string, number, string, () => Promise<unknown>]>([
    ["edited and hashed again", 5, "edited", () => replace(5, rehash({ ...at(5), action: "x" }))],
    ["removed", 5, "missing", () => events().deleteOne({ _id: at(5)._id })],
    ["the first one removed", 0, "missing", () => events().deleteOne({ _id: at(0)._id })],
    [
      "removed and the rest moved up",
      5,
      "missing",
      async () => {
        await events().deleteOne({ _id: at(5)._id });
        await shift(6, -1);
      },
    ],
    [
      "swapped with the next",
      5,
      "reordered",
      async () => {
        await replace(5, { sequence: 6 });
        await replace(6, { sequence: 5 });
      },
    ],
    [
      "swapped with one far away",
      2,
      "reordered",
      async () => {
        await replace(2, { sequence: 9 });
        await replace(9, { sequence: 2 });
      },
    ],
    [
      "a forged one put in, the rest moved down",
      5,
      "inserted",
      async () => {
        await shift(5, 1);
        await put(forged());
      },
    ],
    [
      "nonsense put in, the rest moved down",
      5,
      "inserted",
      async () => {
        await shift(5, 1);
        await put({ ...forged(), eventHash: sha256Text("x") });
      },
    ],
    ["one put in between two", 6, "inserted", () => put({ ...forged(), sequence: 5.5 })],
    ["one put in twice", 6, "inserted", () => put({ ...at(5), _id: new Types.ObjectId() })],
    ["one put in before the first", 0, "inserted", () => put({ ...forged(), sequence: -1 })],
    ["one put in under no number", length, "inserted", () => put({ ...forged(), sequence: "5" })],
  ])("names the break: %s", async (_name, sequence, problem, tamper) => {
    await tamper();
    const { intact, breaks } = await verifyAudit(contextAt(models));
    expect({ intact, breaks }).toEqual({ intact: false, breaks: [{ chainId, sequence, problem }] });
  });

  it("names the first break of each chain, and reads the others to their end", async () => {
    now = new Date(now.getTime() + 2 * duration.day);
    const other = (await appendMany(5))[0]!.chainId;
    await replace(3, { action: "x" });
    await events().deleteOne({ chainId: other, sequence: 1 });
    const { breaks, events: intactEvents, chains } = await verifyAudit(contextAt(models));
    expect(chains).toBe(2);
    expect(intactEvents).toBe(3 + 1);
    expect(breaks).toHaveLength(2);
    expect(breaks).toContainEqual({ chainId, sequence: 3, problem: "edited" });
    expect(breaks).toContainEqual({ chainId: other, sequence: 1, problem: "missing" });
  });

  it("streams: a thousand events at a time, however long the chain", async () => {
    await appendMany(2_500);
    const { result, commands } = await commandsDuring(database(), () => verifyAudit(contextAt(models)));
    expect(result).toMatchObject({ intact: true, chains: 1, events: length + 2_500 });
    expect(commands).toEqual(["distinct", "find", "getMore", "getMore"]);
  });

  describe("with an exported checkpoint", () => {
    const exported = async () =>
      JSON.parse(JSON.stringify(await createAuditCheckpoint(contextAt(models, now), keys)));

    it("finds nothing wrong when nothing is, also after more events", async () => {
      const checkpoint = await exported();
      await appendMany(3);
      const result = await verifyAudit(contextAt(models), { publicKeys, checkpoint });
      expect(result).toEqual({ intact: true, chains: 1, events: length + 3, checkpoints: 1, breaks: [] });
    });

    it.each<[string, number, string, () => Promise<unknown>]>([
      ["a tail cut off", 8, "truncated", () => events().deleteMany({ chainId, sequence: { $gte: 8 } })],
      ["a chain dropped", 0, "chain_missing", () => events().deleteMany({ chainId })],
      [
        "a chain rewritten from an event on",
        length - 1,
        "rewritten",
        async () => {
          let { previousHash } = at(5);
          for (const old of chain.slice(5)) {
            const { eventHash } = rehash({ ...old, previousHash, action: "x" });
            await replace(old.sequence, { previousHash, action: "x", eventHash });
            previousHash = eventHash;
          }
        },
      ],
    ])("names %s, also when the stored checkpoints are gone", async (_name, sequence, problem, tamper) => {
      const checkpoint = await exported();
      await tamper();
      expect((await verifyAudit(contextAt(models), { publicKeys, checkpoint })).breaks).toEqual([
        { chainId, sequence, problem },
      ]);
      await models.AuditCheckpoint.collection.deleteMany({});
      expect((await verifyAudit(contextAt(models), { publicKeys, checkpoint })).breaks).toEqual([
        { checkpoint: 0, problem: "checkpoint_missing" },
        { chainId, sequence, problem },
      ]);
    });

    it.each<[string, (checkpoint: Record<string, unknown>) => object]>([
      ["a head", (checkpoint) => ({ ...checkpoint, chains: [] })],
      ["a number", (checkpoint) => ({ ...checkpoint, number: 7 })],
      ["a date", (checkpoint) => ({ ...checkpoint, at: "2096-01-01T00:00:00.000Z" })],
      ["the hash", (checkpoint) => ({ ...checkpoint, checkpointHash: sha256Text("x") })],
      ["the signature", (checkpoint) => ({ ...checkpoint, signature: "A".repeat(86) })],
      ["the key", (checkpoint) => ({ ...checkpoint, keyId: sha256Text("x") })],
    ])("does not believe one of which %s was changed", async (_name, change) => {
      const checkpoint = change(await exported());
      const { intact, breaks } = await verifyAudit(contextAt(models), { publicKeys, checkpoint });
      expect({ intact, problem: breaks[0] }).toMatchObject({
        intact: false,
        problem: { problem: "checkpoint_forged" },
      });
    });

    it("does not believe one that somebody else signed, stored or exported", async () => {
      const stranger = generateKeyPairSync("ed25519");
      const checkpoint = await createAuditCheckpoint(contextAt(models, now), {
        signingKey: stranger.privateKey,
      });
      expect((await verifyAudit(contextAt(models), { publicKeys, checkpoint })).breaks).toEqual([
        { checkpoint: 0, problem: "checkpoint_forged" },
      ]);
      await expect(createAuditCheckpoint(contextAt(models, now), keys)).rejects.toMatchObject({
        code: "AUDIT_BROKEN",
      });
    });

    const storeAgain = (checkpoint: { at: string }) =>
      models.AuditCheckpoint.collection.insertOne({ ...checkpoint, at: new Date(checkpoint.at) });

    it("finds stored checkpoints removed from the middle and from the end", async () => {
      const checkpoints = [await exported(), await exported(), await exported()];
      const { collection } = models.AuditCheckpoint;
      expect(await verifyAudit(contextAt(models), { publicKeys })).toMatchObject({
        intact: true,
        checkpoints: 3,
      });
      await collection.deleteOne({ number: 2 });
      const cut = await verifyAudit(contextAt(models), { publicKeys, checkpoint: checkpoints[2] });
      expect(cut.breaks).toEqual([{ checkpoint: 2, problem: "checkpoint_missing" }]);
      await collection.deleteMany({ number: 1 });
      await storeAgain(checkpoints[2]);
      const holed = await verifyAudit(contextAt(models), { publicKeys });
      expect(holed.breaks).toEqual([{ checkpoint: 1, problem: "checkpoint_missing" }]);
    });

    it("goes on under a new key, as long as the former is known", async () => {
      await exported();
      const next = generateKeyPairSync("ed25519");
      const changed = { signingKey: next.privateKey.export({ type: "pkcs8", format: "pem" }).toString() };
      await expect(createAuditCheckpoint(contextAt(models, now), changed)).rejects.toMatchObject({
        code: "AUDIT_BROKEN",
      });
      await createAuditCheckpoint(contextAt(models, now), { ...changed, formerKeys: publicKeys });
      const result = await verifyAudit(contextAt(models), { publicKeys: [publicKey, next.publicKey] });
      expect(result).toMatchObject({ intact: true, checkpoints: 2 });
    });

    it("vouches for no chain that is broken", async () => {
      await replace(4, { action: "x" });
      await expect(exported()).rejects.toMatchObject({
        code: "AUDIT_BROKEN",
        details: { chainId, sequence: 4, problem: "edited" },
      });
      expect(await models.AuditCheckpoint.collection.countDocuments()).toBe(0);
    });

    it("gives parallel checkpoints numbers without gaps", async () => {
      const made = await Promise.allSettled(Array.from({ length: 4 }, () => exported()));
      expect(made.map(({ status }) => status)).toEqual(Array(4).fill("fulfilled"));
      expect(await verifyAudit(contextAt(models), { publicKeys })).toMatchObject({
        intact: true,
        checkpoints: 4,
      });
    });

    it.each([null, "x", {}, { number: -1 }])("refuses %j as one", async (checkpoint) => {
      await expect(verifyAudit(contextAt(models), { publicKeys, checkpoint })).rejects.toMatchObject({
        code: "INVALID_INPUT",
      });
    });
  });
});

describe("applyAuditRetention", () => {
  const later = (days: number) => new Date(now.getTime() + days * duration.day);
  // Default retention: 730 days.
  const youngDay = 725;
  const dueDay = 740;

  it("removes the front of a chain, and the rest verifies, also against an older checkpoint", async () => {
    const { chainId } = await append();
    for (let hours = 1; hours < 30; hours++) {
      await append({}, new Date(now.getTime() + hours * duration.hour));
    }
    const older = await createAuditCheckpoint(contextAt(models, later(2)), keys);
    const cutoff = new Date(later(730).getTime() + 20 * duration.hour);
    const { events: removed } = await applyAuditRetention(contextAt(models, cutoff), keys);
    expect(removed).toBe(20);
    expect((await readEvents(chainId)).map(({ sequence }) => sequence)).toEqual([
      20, 21, 22, 23, 24, 25, 26, 27, 28, 29,
    ]);
    const result = await verifyAudit(contextAt(models), { publicKeys, checkpoint: older });
    expect(result).toMatchObject({ intact: true, events: 10, breaks: [] });
    expect(await applyAuditRetention(contextAt(models, cutoff), keys)).toMatchObject({ events: 0 });
  });

  it("takes away whole chains, forgets them, and keeps young ones", async () => {
    await appendMany(3);
    const young = await append({}, later(youngDay));
    expect(await applyAuditRetention(contextAt(models, later(dueDay)), keys)).toMatchObject({ events: 3 });
    expect(await verifyAudit(contextAt(models), { publicKeys })).toMatchObject({ intact: true, events: 1 });
    const { chains } = await createAuditCheckpoint(contextAt(models, later(dueDay)), keys);
    expect(chains.map(({ chainId }) => chainId)).toEqual([young.chainId]);
    expect(await verifyAudit(contextAt(models), { publicKeys })).toMatchObject({
      intact: true,
      chains: 1,
      events: 1,
    });
  });

  it("killed before it removes anything, or half-way, leaves what verifies, and goes on", async () => {
    const { chainId } = await append();
    await appendMany(9);
    await append({}, later(youngDay));
    const refusing = {
      ...models,
      AuditEvent: Object.assign(Object.create(models.AuditEvent), {
        collection: new Proxy(events(), {
          get: (target, name) => {
            const value = Reflect.get(target, name);
            if (name === "deleteMany") return () => Promise.reject(new Error("killed"));
            return typeof value === "function" ? value.bind(target) : value;
          },
        }),
      }),
    } as IdentityModels;
    await expect(applyAuditRetention(contextAt(refusing, later(dueDay)), keys)).rejects.toThrow("killed");
    expect(await verifyAudit(contextAt(models), { publicKeys })).toMatchObject({ intact: true, events: 1 });
    await events().deleteMany({ chainId, sequence: { $lt: 4 } });
    expect(await verifyAudit(contextAt(models), { publicKeys })).toMatchObject({ intact: true });
    await createAuditCheckpoint(contextAt(models, later(dueDay)), keys);
    expect(await applyAuditRetention(contextAt(models, later(dueDay)), keys)).toMatchObject({ events: 6 });
    expect(await verifyAudit(contextAt(models), { publicKeys })).toMatchObject({ intact: true, events: 1 });
  });

  it("keeps the old events of a chain that was tampered with", async () => {
    const { chainId } = await append();
    await appendMany(3);
    await createAuditCheckpoint(contextAt(models, now), keys);
    await events().updateOne({ chainId, sequence: 2 }, { $set: { outcome: "failure" } });
    await expect(applyAuditRetention(contextAt(models, later(dueDay)), keys)).rejects.toMatchObject({
      code: "AUDIT_BROKEN",
      details: { sequence: 2, problem: "edited" },
    });
    expect(await events().countDocuments()).toBe(4);
  });

  it("can't be played by who has no key: a front that is cut off is missing", async () => {
    const { chainId } = await append();
    await appendMany(3);
    await createAuditCheckpoint(contextAt(models, now), keys);
    await events().deleteMany({ chainId, sequence: { $lt: 2 } });
    expect((await verifyAudit(contextAt(models), { publicKeys })).breaks).toEqual([
      { chainId, sequence: 0, problem: "missing" },
    ]);
  });

  it("removes old checkpoints, and leaves those that stay linked", async () => {
    await append();
    for (const day of [0, 1, youngDay]) await createAuditCheckpoint(contextAt(models, later(day)), keys);
    expect(await applyAuditRetention(contextAt(models, later(dueDay)), keys)).toMatchObject({
      checkpoints: 2,
    });
    expect(await verifyAudit(contextAt(models), { publicKeys })).toMatchObject({
      intact: true,
      checkpoints: 2,
    });
  });
});

describe("verifyAudit meanwhile", () => {
  it("finds nothing wrong while writers append and retention removes", async () => {
    const later = (days: number) => new Date(now.getTime() + days * duration.day);
    await Promise.all(Array.from({ length: 1_500 }, () => append()));
    await append({}, later(725));
    let working = true;
    const work = (async () => {
      for (let day = 726; day < 734; day++) {
        await Promise.all(Array.from({ length: 40 }, () => append({}, later(day))));
        await applyAuditRetention(contextAt(models, later(day)), keys);
      }
    })().finally(() => {
      working = false;
    });
    let rounds = 0;
    for (; working; rounds++) {
      expect(await verifyAudit(contextAt(models), { publicKeys })).toMatchObject({ breaks: [] });
    }
    await work;
    expect(rounds).toBeGreaterThan(1);
    expect(await events().countDocuments()).toBe(321);
  });
});

describe("generated data", () => {
  it("verifies", async () => {
    const { connection } = database();
    await connection.db!.dropDatabase();
    await loadIdentityData(connection.db!, { users: 120, sessions: 240, seed: 9 });
    const result = await verifyAudit(contextAt(models), { publicKeys: [auditPublicKey] });
    expect(result).toMatchObject({ intact: true, chains: 4, checkpoints: 1 });
    const user = await models.User.findOne().select("+auditKey").lean();
    const found = await runQuery(models, queries.auditOfSubject(auditRefOf(user!.auditKey)));
    expect(unseal(user!.auditKey, found[0]?.sealedNetwork ?? "")).toMatch(/\/(24|64)$/);
  });
});

describe("a key", () => {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
  it.each<[string, SigningKey]>([
    ["of another kind", rsa.privateKey],
    ["that is only the public half", publicKey],
    ["that is no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"],
    ["that is empty", ""],
  ])("%s signs no checkpoint", async (_name, wrong) => {
    await append();
    const signing = createAuditCheckpoint(contextAt(models, now), { signingKey: wrong });
    await expect(signing).rejects.toMatchObject({ code: "INVALID_INPUT" });
    expect(await models.AuditCheckpoint.collection.countDocuments()).toBe(0);
  });

  it("of another kind verifies none", async () => {
    const checkpoint = await createAuditCheckpoint(contextAt(models, now), keys);
    const verifying = verifyAudit(contextAt(models), { publicKeys: [rsa.publicKey], checkpoint });
    await expect(verifying).rejects.toMatchObject({ code: "INVALID_INPUT" });
  });
});

describe("seal", () => {
  it("opens with its key alone, and with no bit changed", () => {
    const sealed = seal("key", "text");
    expect(unseal("key", sealed)).toBe("text");
    expect(unseal("other", sealed)).toBeUndefined();
    expect(unseal("key", "")).toBeUndefined();
    const bytes = Buffer.from(sealed, "base64url");
    for (let index = 0; index < bytes.length; index++) {
      const changed = Buffer.from(bytes);
      changed[index] = (changed[index] ?? 0) ^ 1;
      expect(unseal("key", changed.toString("base64url"))).toBeUndefined();
    }
  });
});

describe("what people read of the trail", () => {
  const exported = async (input = {}, at = now) => {
    const records: AuditExportRecord[] = [];
    for await (const record of exportAudit(contextAt(models, at), input)) records.push(record);
    return records;
  };

  it("is exported as records, the oldest first, with an end that counts them, in windows", async () => {
    await append();
    const template = await events().findOne({});
    const many = Array.from({ length: 1_500 }, (_, sequence) => ({
      ...template,
      _id: new Types.ObjectId(),
      chainId: "made",
      sequence,
      at: new Date(now.getTime() + Math.floor(sequence / 3)),
    }));
    await events().deleteMany({});
    await events().insertMany(many as never[]);
    const until = new Date(now.getTime() + 499);
    const records = await exported({ since: now, until });
    expect(records[0]).toEqual({ type: "header", format: 1, exportedAt: now, since: now, until });
    const sequences = records.flatMap((record) => (record.type === "event" ? [record.sequence] : []));
    expect(sequences.toSorted((one, other) => one - other)).toEqual(
      Array.from({ length: 1_497 }, (_, at) => at),
    );
    expect(records.at(-1)).toEqual({ type: "end", events: 1_497, damaged: 0 });
    expect(await exported({ until: now })).toHaveLength(2);
  });

  it("has the checkpoints, the newest first, by pages", async () => {
    for (let count = 0; count < 3; count += 1) {
      await append();
      await createAuditCheckpoint(contextAt(models, now), keys);
    }
    const numbers = async (search = {}) =>
      (await listAuditCheckpoints(contextAt(models, now), search)).map(({ number }) => number);
    expect(await numbers()).toEqual([2, 1, 0]);
    expect(await numbers({ limit: 2 })).toEqual([2, 1]);
    expect(await numbers({ before: 1 })).toEqual([0]);
    expect(() => listAuditCheckpoints(contextAt(models, now), { limit: 0 })).toThrow("limit");
  });

  it("says how far a verification has come, and stops when it is told to", async () => {
    await appendMany(3);
    const progress: AuditVerificationProgress[] = [];
    const onProgress = (now: AuditVerificationProgress) => void progress.push(now);
    const result = await verifyAudit(contextAt(models, now), { onProgress });
    expect(progress[0]).toMatchObject({ done: 0, events: 0 });
    expect(progress.at(-1)).toEqual({ chains: result.chains, done: result.chains, events: result.events });
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(verifyAudit(contextAt(models, now), { signal })).rejects.toThrow("enough");
  });
});
