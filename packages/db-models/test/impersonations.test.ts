import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { Types } from "mongoose";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { duration } from "../src/core/limits.js";
import type { StoredImpersonation } from "../src/impersonations/summary.js";
import {
  type AdministratorRole,
  type ExportRecord,
  type Identity,
  type ImpersonationInput,
  type ImpersonationStart,
  openIdentity,
} from "../src/index.js";
import { openCached, untilTrusted } from "./cached-identity.js";
import { commandsDuring, createIndexes, makeUser } from "./database.js";
import { makeWorld } from "./oauth-world.js";

const temporary = useTemporaryDatabase({ label: "impersonations" });
const start = new Date("2096-11-02T10:00:00.000Z");
let now = start;
const clock = { now: () => now };
let identity: Identity;
/** Somebody with `identity:admin`, so that others may lose their roles. */
let chief: Types.ObjectId;

beforeAll(async () => {
  identity = await openIdentity(temporary.uri, { clock });
  await createIndexes(identity.models);
  ({ _id: chief } = await makeUser(identity.models));
  await identity.administrators.setRoles({ userId: chief, roles: ["identity:admin"] });
});
beforeEach(() => {
  now = start;
});
afterAll(() => identity?.close());

const takeEnded = async () => (await identity.impersonations.takeEnded()).ended;
const reason = "Ticket 4711";
const pass = (ms: number) => {
  now = new Date(now.getTime() + ms);
};

interface Actor {
  userId: Types.ObjectId;
  sessionId: Types.ObjectId;
}

async function makeActor(...roles: AdministratorRole[]): Promise<Actor> {
  const { _id: userId } = await makeUser(identity.models);
  await identity.administrators.setRoles({
    userId,
    roles: roles.length > 0 ? roles : ["identity:impersonator"],
  });
  const { id: sessionId } = await identity.sessions.open({ userId, proofs: ["password", "totp"] });
  return { userId, sessionId };
}

const asActor = ({ userId, sessionId }: Actor) => ({ actor: userId, actorSession: sessionId });
const begin = (actor: Actor, userId: Types.ObjectId, changed: Partial<ImpersonationInput> = {}) =>
  identity.impersonations.start({ ...asActor(actor), userId, reason, ...changed });

function started(result: ImpersonationStart) {
  if (!result.ok) throw new Error(`refused: ${result.reason}`);
  return result;
}

async function acting(fields: object = {}) {
  const actor = await makeActor();
  const { _id: userId } = await makeUser(identity.models, fields);
  return { actor, userId, ...started(await begin(actor, userId)) };
}

const storedOf = (_id: Types.ObjectId) => identity.models.UserSession.collection.findOne({ _id });

describe("start", () => {
  it("opens a session of the user's that says who acts and why, and no more about anybody", async () => {
    const { actor, userId, id, token, expiresAt } = await acting({ roles: ["editor"] });
    expect(expiresAt).toEqual(new Date(start.getTime() + 30 * duration.minute));
    expect(await identity.sessions.validate(token)).toMatchObject({
      ok: true,
      session: { id, userId, actor: actor.userId, roles: ["editor"], acr: 0, amr: [], proofs: [] },
    });
    const stored = await identity.models.UserSession.findById(id);
    await stored?.validate();
    const whereabouts = ["ip", "network", "userAgent", "location", "risk", "proofs"];
    expect(Object.keys((await storedOf(id)) ?? {}).filter((field) => whereabouts.includes(field))).toEqual(
      [],
    );
    const [listed] = await identity.sessions.list({ userId });
    expect(listed).toMatchObject({ id, impersonation: { reason } });
    const [event] = await identity.securityEvents.list({ userId });
    expect(event).toMatchObject({ kind: "impersonation_started", sessionId: id, severity: "warning" });
    expect(event?.actorRef).toMatch(/^[\w-]{43}$/);
  });

  it.each([
    ["identity:support", "not_allowed"],
    ["identity:auditor", "not_allowed"],
    // No other role includes it, the highest neither.
    ["identity:admin", "not_allowed"],
  ] as const)("is refused to who has %s alone", async (role, refusal) => {
    const actor = await makeActor(role);
    const { _id: userId } = await makeUser(identity.models);
    expect(await begin(actor, userId)).toEqual({ ok: false, reason: refusal });
  });

  it.each(["identity:support", "identity:auditor", "identity:impersonator", "identity:admin"] as const)(
    "is refused for who has %s: nobody acts for an equal or a higher one",
    async (role) => {
      const other = await makeActor(role);
      const actor = await makeActor("identity:impersonator", "identity:admin");
      expect(await begin(actor, other.userId)).toEqual({ ok: false, reason: "protected" });
    },
  );

  it("is refused for oneself, and for who has a protected role of the application", async () => {
    const actor = await makeActor();
    expect(await begin(actor, actor.userId)).toEqual({ ok: false, reason: "protected" });
    const { _id: userId } = await makeUser(identity.models, { roles: ["editor", "owner"] });
    const refused = await begin(actor, userId, { protectedRoles: ["owner"] });
    expect(refused).toEqual({ ok: false, reason: "protected" });
  });

  it("is refused from a session that is over, is another one's, or is an impersonation itself", async () => {
    const { actor, id } = await acting();
    const { _id: userId } = await makeUser(identity.models);
    const other = await makeActor();
    const refused = { ok: false, reason: "not_allowed" };
    const from = (actorSession: Types.ObjectId) => begin(actor, userId, { actorSession });
    expect(await from(id)).toEqual(refused);
    expect(await from(other.sessionId)).toEqual(refused);
    expect(await from(new Types.ObjectId())).toEqual(refused);
    await identity.sessions.revoke(actor);
    expect(await from(actor.sessionId)).toEqual(refused);
  });

  it.each([
    ["no reason", { reason: "" }],
    ["a reason of two lines", { reason: "one\ntwo" }],
    ["a reason that is too long", { reason: "x".repeat(201) }],
    ["a reason that is none", { reason: 4711 as never }],
    ["longer than 30 minutes", { lifetimeMs: 30 * duration.minute + 1 }],
    ["no time at all", { lifetimeMs: 0 }],
    ["no number", { lifetimeMs: Number.NaN }],
  ])("refuses %s, and leaves nothing", async (_what, changed) => {
    const actor = await makeActor();
    const { _id: userId } = await makeUser(identity.models);
    await expect(begin(actor, userId, changed)).rejects.toMatchObject({ code: "INVALID_INPUT" });
    expect(await identity.models.UserSession.countDocuments({ userId })).toBe(0);
  });

  it("refuses a reason with the id of either, which the trail could not take at the end", async () => {
    const actor = await makeActor();
    const { _id: userId } = await makeUser(identity.models);
    for (const id of [userId, actor.userId]) {
      const asked = begin(actor, userId, { reason: `Ticket of ${id.toHexString().toUpperCase()}` });
      await expect(asked).rejects.toMatchObject({ code: "INVALID_INPUT" });
    }
  });

  it.each(["pending", "suspended", "deleted"])("refuses an account that is %s", async (status) => {
    const actor = await makeActor();
    const { _id: userId } = await makeUser(identity.models, { status });
    await expect(begin(actor, userId)).rejects.toMatchObject({ code: "USER_NOT_ACTIVE" });
    await expect(begin(actor, new Types.ObjectId())).rejects.toMatchObject({ code: "USER_NOT_FOUND" });
  });

  it("lets one act for a user at a time, of any number that try", async () => {
    const { _id: userId } = await makeUser(identity.models);
    const actors = await Promise.all(Array.from({ length: 8 }, () => makeActor()));
    const results = await Promise.all(actors.map((actor) => begin(actor, userId)));
    expect(results.filter(({ ok }) => ok)).toHaveLength(1);
    expect(results.filter((one) => !one.ok && one.reason === "in_progress")).toHaveLength(7);
    expect(await identity.models.UserSession.countDocuments({ userId })).toBe(1);
    await identity.sessions.revokeAll({ userId });
    expect(await begin(actors[0] as Actor, userId)).toMatchObject({ ok: true });
  });

  it("takes the place of one whose time is up", async () => {
    const { actor, userId } = await acting();
    pass(31 * duration.minute);
    expect(await begin(actor, userId)).toMatchObject({ ok: true });
  });
});

type Update = (...input: unknown[]) => Promise<unknown>;

/** Does something before the first update of a session that the condition names. */
async function beforeUpdate<T>(
  isMeant: (update: { $set?: Record<string, unknown> }) => boolean,
  act: () => Promise<unknown>,
  during: () => Promise<T>,
): Promise<T> {
  const collection = identity.models.UserSession.collection as unknown as { updateOne: Update };
  const real = collection.updateOne.bind(collection);
  collection.updateOne = async (...input) => {
    if (isMeant(input[1] as object)) {
      delete (collection as Partial<typeof collection>).updateOne;
      await act();
    }
    return real(...input);
  };
  try {
    return await during();
  } finally {
    delete (collection as Partial<typeof collection>).updateOne;
  }
}

describe("a start that comes to nothing", () => {
  const revoked = { code: "SESSIONS_REVOKED" };

  it("as it was ended while it waited for the slot, leaves the slot to the next one", async () => {
    const { userId } = await acting();
    const other = await makeActor();
    const begins = () => begin(other, userId);
    const isSlot = ({ $set }: { $set?: Record<string, unknown> }) => $set?.slot !== undefined;
    const ends = () => identity.sessions.revokeAll({ userId });
    await expect(beforeUpdate(isSlot, ends, begins)).rejects.toMatchObject(revoked);
    const held = { userId, slot: { $exists: true }, revokedAt: { $exists: true } };
    expect(await identity.models.UserSession.countDocuments(held)).toBe(0);
    expect(await begins()).toMatchObject({ ok: true });
  });

  it("as its process was killed while it waited, is in no list and has no end", async () => {
    const { userId } = await acting();
    const other = await makeActor();
    const killed = () => Promise.reject(new Error("killed"));
    const { collection } = identity.models.UserSession;
    const remove = collection.deleteOne;
    collection.deleteOne = killed as never;
    try {
      await expect(
        beforeUpdate(
          () => true,
          killed,
          () => begin(other, userId),
        ),
      ).rejects.toThrow("killed");
    } finally {
      collection.deleteOne = remove;
    }
    expect(await identity.impersonations.list({ actor: other.userId })).toEqual([]);
    pass(duration.hour);
    const taken = await takeEnded();
    expect(taken.filter(({ actor }) => actor.equals(other.userId))).toEqual([]);
  });

  it("as the user can't be told, leaves nothing, and another one may begin", async () => {
    const actor = await makeActor();
    const { _id: userId } = await makeUser(identity.models);
    const { collection } = identity.models.SecurityEvent;
    const write = collection.insertOne;
    collection.insertOne = () => Promise.reject(new Error("no events"));
    try {
      await expect(begin(actor, userId)).rejects.toThrow("no events");
    } finally {
      collection.insertOne = write;
    }
    expect(await identity.models.UserSession.countDocuments({ userId })).toBe(0);
    expect(await begin(actor, userId)).toMatchObject({ ok: true });
  });

  it.each([
    [
      "the user gets a role",
      ({ userId }: { userId: Types.ObjectId }) => identity.users.setRoles({ userId, roles: ["owner"] }),
    ],
    [
      "the administrator loses theirs",
      ({ actor }: { actor: Actor }) =>
        identity.administrators.setRoles({ userId: actor.userId, roles: ["identity:support"] }),
    ],
  ])("as %s before it is there, leaves nothing", async (_what, change) => {
    const actor = await makeActor();
    const { _id: userId } = await makeUser(identity.models);
    const { collection } = identity.models.UserSession;
    const insert = collection.insertOne.bind(collection);
    collection.insertOne = (async (document: never) => {
      await change({ userId, actor });
      return insert(document);
    }) as never;
    try {
      const outcome = await begin(actor, userId, { protectedRoles: ["owner"] }).catch((error) => error);
      expect(outcome.ok ?? false).toBe(false);
    } finally {
      delete (collection as Partial<typeof collection>).insertOne;
    }
    expect(await identity.models.UserSession.countDocuments({ userId })).toBe(0);
  });
});

describe("the user", () => {
  it.each(["deny", "evict_oldest"])(
    "has as many sessions as before under the policy %s: it takes none of them and ends none",
    async (limitPolicy) => {
      const actor = await makeActor();
      const security = { maxConcurrentSessions: 1, limitPolicy };
      const { _id: userId } = await makeUser(identity.models, { security });
      const own = await identity.sessions.open({ userId });
      const { token } = started(await begin(actor, userId));
      expect(await identity.sessions.validate(own.token)).toMatchObject({ ok: true });
      await identity.sessions.revoke({ userId, sessionId: own.id });
      const again = await identity.sessions.open({ userId });
      expect(again.evicted).toEqual([]);
      expect(await identity.sessions.validate(token)).toMatchObject({ ok: true });
    },
  );

  it("is as before in every field, and no device is known by it", async () => {
    const { _id: userId } = await makeUser(identity.models);
    const before = await identity.models.User.findById(userId).lean();
    const actor = await makeActor();
    const { token, id } = started(await begin(actor, userId));
    pass(5 * duration.minute);
    await identity.sessions.validate(token);
    await identity.sessions.revoke({ userId, sessionId: id });
    await identity.flush();
    expect(await identity.models.User.findById(userId).lean()).toEqual(before);
    expect(await identity.models.LoginProfile.countDocuments({ userId })).toBe(0);
    expect(await identity.sessions.open({ userId })).toMatchObject({ newDevice: true });
  });

  it("can't report it as a stranger's sign-in, which would take off more than a session", async () => {
    const { userId, id } = await acting();
    const { id: fromSessionId } = await identity.sessions.open({ userId });
    const reported = await identity.signInReports.report({ userId, sessionId: id, fromSessionId });
    expect(reported).toEqual({ ok: false, reason: "unknown" });
  });

  it("finds it in the export without the administrator, whose own erasure removes it", async () => {
    const { actor, userId, id } = await acting();
    const records: ExportRecord[] = [];
    for await (const record of identity.privacy.export(userId)) records.push(record);
    const text = JSON.stringify(records);
    expect(text).toContain(reason);
    expect(text).toContain("impersonation_started");
    expect(text).not.toContain("sweepAt");
    expect(text).not.toContain(actor.userId.toHexString());
    expect(text).not.toContain(actor.sessionId.toHexString());
    await identity.privacy.erase({ userId: actor.userId });
    expect(await storedOf(id)).toBeNull();
  });
});

describe("its token", () => {
  it("ends after 30 minutes, however often it is used", async () => {
    const { token } = await acting();
    for (let used = 0; used < 29; used++) {
      pass(duration.minute);
      expect(await identity.sessions.validate(token)).toMatchObject({ ok: true });
    }
    pass(duration.minute);
    expect(await identity.sessions.validate(token)).toEqual({ ok: false, reason: "absolute_expired" });
  });

  it("ends no later than the administrator's session would", async () => {
    const { _id: userId } = await makeUser(identity.models, {
      security: { idleTimeoutMs: 10 * duration.minute },
    });
    await identity.administrators.setRoles({ userId, roles: ["identity:impersonator"] });
    const { id: sessionId, idleExpiresAt } = await identity.sessions.open({ userId });
    const { _id: target } = await makeUser(identity.models);
    const { expiresAt } = started(await begin({ userId, sessionId }, target));
    expect(expiresAt).toEqual(idleExpiresAt);
    const shorter = { lifetimeMs: duration.minute };
    const { _id: other } = await makeUser(identity.models);
    const brief = started(await begin({ userId, sessionId }, other, shorter));
    expect(brief.expiresAt).toEqual(new Date(start.getTime() + duration.minute));
  });

  it("is never replaced, and nobody is alarmed by who tries", async () => {
    const { userId, token } = await acting();
    expect(await identity.sessions.refresh(token)).toEqual({ ok: false, reason: "impersonated" });
    expect(await identity.sessions.renew({ userId, token })).toEqual({ ok: false, reason: "not_live" });
    const stepUp = await identity.sessions.stepUp({ userId, token, proofs: ["password"] });
    expect(stepUp).toEqual({ ok: false, reason: "not_live" });
    expect(await identity.sessions.validate(token)).toMatchObject({ ok: true, session: { acr: 0 } });
    expect((await identity.securityEvents.list({ userId })).map(({ kind }) => kind)).toEqual([
      "impersonation_started",
    ]);
  });

  it("is decided by a read each time, whatever is kept in memory", async () => {
    const cached = await openCached(temporary.uri, { clock });
    try {
      await untilTrusted(cached);
      const { actor, token } = await acting();
      const db = { connection: cached.models.User.db };
      await cached.sessions.validate(token);
      const again = await commandsDuring(db, () => cached.sessions.validate(token));
      expect(again.result).toMatchObject({ ok: true });
      expect(again.commands).toContain("find");
      // By an instance that has no way to tell the other one.
      await identity.sessions.revoke(actor);
      expect(await cached.sessions.validate(token)).toEqual({ ok: false, reason: "revoked" });
    } finally {
      await cached.close();
    }
  });
});

type Acting = Awaited<ReturnType<typeof acting>>;

/** What ends an impersonation at once, and the reason that is kept. */
const ends: [string, string, (one: Acting) => Promise<unknown>][] = [
  ["the administrator signs out", "actor_signed_out", ({ actor }) => identity.sessions.revoke(actor)],
  [
    "every session of the administrator ends",
    "actor_signed_out",
    ({ actor }) => identity.sessions.revokeAll(actor),
  ],
  [
    "the administrator signs in again in the same browser",
    "actor_signed_out",
    ({ actor: { userId, sessionId } }) => identity.sessions.open({ userId, replaces: sessionId }),
  ],
  [
    "the administrator loses the role",
    "actor_not_allowed",
    ({ actor: { userId } }) => identity.administrators.setRoles({ userId, roles: ["identity:support"] }),
  ],
  [
    "the administrator is suspended",
    "actor_not_allowed",
    ({ actor: { userId } }) => identity.users.setStatus({ userId, status: "suspended" }),
  ],
  [
    "the user becomes an administrator",
    "actor_not_allowed",
    ({ userId }) => identity.administrators.setRoles({ userId, roles: ["identity:support"] }),
  ],
  [
    "the user gets another role",
    "actor_not_allowed",
    ({ userId }) => identity.users.setRoles({ userId, roles: ["owner"] }),
  ],
  [
    "the administrator loses the role and has it again",
    "actor_not_allowed",
    async ({ actor: { userId } }) => {
      await identity.administrators.setRoles({ userId, roles: [] });
      await identity.administrators.setRoles({ userId, roles: ["identity:impersonator"] });
    },
  ],
  [
    "the user becomes an administrator for a moment",
    "actor_not_allowed",
    async ({ userId }) => {
      await identity.administrators.setRoles({ userId, roles: ["identity:auditor"] });
      await identity.administrators.setRoles({ userId, roles: [] });
    },
  ],
  [
    "the user is suspended",
    "account_not_active",
    ({ userId }) => identity.users.setStatus({ userId, status: "suspended" }),
  ],
  [
    "the user ends it",
    "signed_out_elsewhere",
    ({ userId, id: sessionId }) =>
      identity.sessions.revoke({ userId, sessionId, reason: "signed_out_elsewhere" }),
  ],
  [
    "the user ends every other session",
    "signed_out_elsewhere",
    ({ userId }) => identity.sessions.revokeOthers({ userId, sessionId: new Types.ObjectId() }),
  ],
  [
    "the administrator stops",
    "signed_out",
    ({ userId, id }) => identity.sessions.revoke({ userId, sessionId: id }),
  ],
];

describe("an impersonation is over at once, and its tokens of apps with it, when", () => {
  it.each(ends)("%s", async (_what, why, act) => {
    const world = await makeWorld(identity.models);
    const actor = await makeActor();
    const userId = world.user._id;
    const session = { actor, userId, ...started(await begin(actor, userId)) };
    const facts = { actor: actor.userId, sessionId: session.id, boundSessionId: session.id };
    const request = { ...world.request, userId, facts, endsBy: session.expiresAt };
    const authorization = await identity.oauth.authorize(request);
    if (!authorization.ok) throw new Error(authorization.reason);
    const tokens = await identity.oauth.exchange({
      client: world.client,
      code: authorization.code,
      redirectUri: world.request.redirectUri,
      codeVerifier: world.verifier,
    });
    if (!tokens.ok) throw new Error(tokens.reason);
    expect(await identity.oauth.validate(tokens.accessToken)).toMatchObject({ ok: true });
    await act(session);
    expect(await identity.sessions.validate(session.token)).toEqual({ ok: false, reason: "revoked" });
    expect(await identity.oauth.validate(tokens.accessToken)).toMatchObject({ ok: false });
    const ended = (await takeEnded()).filter(({ id }) => id.equals(session.id));
    expect(ended).toMatchObject([{ userId, actor: actor.userId, reason, ended: { why } }]);
    const events = await identity.securityEvents.list({ userId, kind: "impersonation_ended" });
    expect(events).toMatchObject([{ sessionId: session.id, actorRef: expect.any(String) }]);
  });

  it("but not when the user's roles are set to what they are, or it has expired by itself", async () => {
    const { userId, id, token } = await acting({ roles: ["editor"] });
    await identity.users.setRoles({ userId, roles: ["editor"] });
    expect(await identity.sessions.validate(token)).toMatchObject({ ok: true });
    pass(30 * duration.minute);
    await identity.users.setRoles({ userId, roles: ["owner"] });
    const ended = (await takeEnded()).filter((one) => one.id.equals(id));
    expect(ended).toMatchObject([{ ended: { why: "time_up" } }]);
  });

  it("the user is erased, which leaves nothing of it", async () => {
    const { userId, token, id } = await acting();
    await identity.privacy.erase({ userId });
    expect(await identity.sessions.validate(token)).toEqual({ ok: false, reason: "unknown" });
    expect(await storedOf(id)).toBeNull();
  });
});

describe("an end", () => {
  const detailsOf = (why: string) => [
    { key: "reason", value: reason },
    { key: "why", value: why },
  ];
  beforeEach(async () => void (await identity.models.UserSession.deleteMany({})));

  it("is given to one of any number that look, and again after a minute to who comes, until it is noted", async () => {
    const one = await acting();
    expect(await takeEnded()).toEqual([]);
    pass(30 * duration.minute);
    const looks = await Promise.all(Array.from({ length: 8 }, takeEnded));
    expect(looks.flat()).toMatchObject([{ id: one.id, ended: { why: "time_up" } }]);
    expect(await takeEnded()).toEqual([]);
    // Who had it was killed.
    pass(duration.minute);
    expect(await takeEnded()).toMatchObject([{ id: one.id }]);
    const events = await identity.securityEvents.list({ userId: one.userId, kind: "impersonation_ended" });
    expect(events).toHaveLength(1);
    await identity.impersonations.noteEnd(one);
    pass(duration.hour);
    expect(await takeEnded()).toEqual([]);
  });

  it.each([
    ["the user", "account_not_active", ({ userId }: { userId: Types.ObjectId }) => userId],
    ["the administrator", "actor_not_allowed", ({ actor }: { actor: Actor }) => actor.userId],
  ])("is recorded before the erasure of %s takes it along", async (_who, why, erased) => {
    const act = await acting();
    const other = act.actor.userId.equals(erased(act)) ? act.userId : act.actor.userId;
    const report = await identity.privacy.erase({ userId: erased(act) });
    const role = other.equals(act.userId) ? { subjectId: other } : { actorId: other };
    const [event] = await identity.audit.list(role);
    const details = detailsOf(why);
    expect(event).toMatchObject({ action: "admin.impersonation_ended", outcome: "success", details });
    expect(report.anonymisedAuditEvents).toBe(1);
    const told = await identity.securityEvents.list({ userId: act.userId, kind: "impersonation_ended" });
    expect(told).toHaveLength(other.equals(act.userId) ? 1 : 0);
    pass(duration.hour);
    expect(await takeEnded()).toEqual([]);
  });

  it("by itself is recorded by an erasure as such, and once where a sweep has noted it", async () => {
    const expired = await acting();
    pass(30 * duration.minute);
    await identity.privacy.erase({ userId: expired.userId });
    const ofActor = (actor: Actor) => identity.audit.list({ actorId: actor.userId });
    expect(await ofActor(expired.actor)).toMatchObject([{ details: detailsOf("time_up") }]);
    const noted = await acting();
    await identity.sessions.revoke({ userId: noted.userId, sessionId: noted.id });
    for (const { id, userId } of await takeEnded()) await identity.impersonations.noteEnd({ id, userId });
    await identity.privacy.erase({ userId: noted.userId });
    expect(await ofActor(noted.actor)).toEqual([]);
  });

  const endsOf = ({ actor }: { actor: Actor }) => identity.audit.list({ actorId: actor.userId });

  it("that a sweep is recording is waited for by an erasure, which records it no second time", async () => {
    const act = await acting();
    await identity.sessions.revoke({ userId: act.userId, sessionId: act.id });
    const [taken] = await takeEnded();
    if (!taken) throw new Error("none was taken");
    const { collection } = identity.models.UserSession;
    const looked = new Promise<void>((resolve) => {
      const find = collection.find.bind(collection);
      vi.spyOn(collection, "find").mockImplementation(((...query: Parameters<typeof find>) => {
        if (JSON.stringify(query).includes("sweepAt")) resolve();
        return find(...query);
      }) as typeof find);
    });
    const erasing = identity.privacy.erase({ userId: act.userId });
    await looked;
    vi.restoreAllMocks();
    await identity.audit.append(taken.event);
    await identity.impersonations.noteEnd(taken);
    await erasing;
    expect(await endsOf(act)).toHaveLength(1);
  });

  it.each<[string, (act: Awaited<ReturnType<typeof acting>>) => Promise<unknown>]>([
    ["an erasure", ({ userId }) => identity.privacy.erase({ userId })],
    ["another sweep", takeEnded],
  ])("whose sweep was killed after it was recorded is not recorded again by %s", async (_who, goOn) => {
    const act = await acting();
    await identity.sessions.revoke({ userId: act.userId, sessionId: act.id });
    const [taken] = await takeEnded();
    if (!taken) throw new Error("none was taken");
    await identity.audit.append(taken.event);
    pass(duration.minute);
    await goOn(act);
    expect(await endsOf(act)).toHaveLength(1);
    pass(duration.hour);
    expect(await takeEnded()).toEqual([]);
  });

  it("is given to the trail of who erases, and to no other", async () => {
    const act = await acting();
    const record = vi.fn(async () => undefined);
    await identity.privacy.erase({ userId: act.userId, record });
    const targetId = act.id.toHexString();
    expect(record.mock.calls).toMatchObject([[{ action: "admin.impersonation_ended", targetId }]]);
    expect(await endsOf(act)).toEqual([]);
  });

  it("that the trail does not take stops the erasure, which goes on when it does", async () => {
    const { actor, userId, id } = await acting();
    const { collection } = identity.models.AuditEvent;
    const write = collection.insertMany;
    collection.insertMany = () => Promise.reject(new Error("no trail"));
    const refused = identity.privacy.erase({ userId });
    await expect(refused).rejects.toMatchObject({ code: "AUDIT_NOT_WRITTEN" });
    expect(await storedOf(id)).not.toBeNull();
    collection.insertMany = write;
    await identity.privacy.erase({ userId });
    expect(await storedOf(id)).toBeNull();
    expect(await identity.audit.list({ actorId: actor.userId })).toMatchObject([
      { details: detailsOf("account_not_active") },
    ]);
  });

  it("is noted though who took it had a clock that was a year ahead", async () => {
    const { id, userId } = await acting();
    await identity.sessions.revoke({ userId, sessionId: id });
    await identity.models.UserSession.updateOne(
      { _id: id, userId },
      { $set: { "impersonation.sweepAt": new Date(now.getTime() + 365 * duration.day) } },
    );
    expect(await takeEnded()).toMatchObject([{ id, ended: { why: "signed_out" } }]);
  });

  it("is found behind any number that go on", async () => {
    const { id } = await acting();
    const { slot: _slot, ...goesOn } = (await storedOf(id)) as StoredImpersonation;
    const impersonation = { ...goesOn.impersonation, sweepAt: new Date(start.getTime() - 1) };
    const older = Array.from({ length: 1_200 }, () => ({
      ...goesOn,
      _id: new Types.ObjectId(),
      impersonation,
    }));
    await identity.models.UserSession.collection.insertMany(older);
    await identity.sessions.revoke({ userId: goesOn.userId, sessionId: id });
    expect(await takeEnded()).toMatchObject([{ id, ended: { why: "signed_out" } }]);
  });

  it("stays in the list, the newest first, of all or of one administrator, page by page", async () => {
    const first = await acting();
    pass(duration.minute);
    const second = await acting();
    await identity.sessions.revoke({ userId: first.userId, sessionId: first.id });
    const list = await identity.impersonations.list({});
    expect(list).toMatchObject([
      { id: second.id, actor: second.actor.userId, userId: second.userId, reason },
      { id: first.id, ended: { at: now, why: "signed_out" } },
    ]);
    expect(list[0]).not.toHaveProperty("ended");
    const [newest] = await identity.impersonations.list({ page: { limit: 1 } });
    const before = { at: newest?.startedAt as Date, id: newest?.id as Types.ObjectId };
    expect(await identity.impersonations.list({ page: { before } })).toMatchObject([{ id: first.id }]);
    expect(await identity.impersonations.list({ actor: first.actor.userId })).toMatchObject([
      { id: first.id },
    ]);
  });
});

describe("an app", () => {
  it("gets no refresh token and no access while the user is away; the consent does not count as used", async () => {
    const scopes = ["profile", "repo", "offline_access"];
    const world = await makeWorld(identity.models, {
      scopes,
      grantTypes: ["authorization_code", "refresh_token"],
    });
    const userId = world.user._id;
    await identity.oauth.grantConsent({ userId, appId: world.client._id, scopes });
    const actor = await makeActor();
    const session = started(await begin(actor, userId));
    const facts = { actor: actor.userId, sessionId: session.id, boundSessionId: session.id };
    const request = { ...world.request, scope: scopes.join(" "), userId, facts, endsBy: session.expiresAt };
    const answer = await identity.oauth.authorize(request);
    if (!answer.ok) throw new Error(answer.reason);
    expect(answer.scopes).toEqual(["profile", "repo"]);
    pass(25 * duration.minute);
    const late = await identity.oauth.authorize(request);
    if (!late.ok) throw new Error(late.reason);
    const { client, verifier: codeVerifier } = world;
    const { redirectUri } = world.request;
    const tokens = await identity.oauth.exchange({ client, code: late.code, redirectUri, codeVerifier });
    if (!tokens.ok) throw new Error(tokens.reason);
    expect(tokens.refreshToken).toBeUndefined();
    expect(tokens.accessTokenExpiresAt).toEqual(session.expiresAt);
    expect(tokens.facts.actor).toEqual(actor.userId);
    const asker = client as Parameters<typeof identity.oauth.introspect>[0]["client"];
    expect(await identity.oauth.introspect({ client: asker, token: tokens.accessToken })).toMatchObject({
      active: true,
      sub: userId.toHexString(),
      act: { sub: actor.userId.toHexString() },
    });
    const [consent] = await identity.oauth.listConsents({ userId });
    expect(consent).not.toHaveProperty("lastUsedAt");
  });

  it("that has no consent gets no code, and one that asks for nothing else gets none either", async () => {
    const world = await makeWorld(identity.models, { scopes: ["profile", "repo", "offline_access"] });
    const userId = world.user._id;
    const { id, expiresAt: endsBy } = started(await begin(await makeActor(), userId));
    const facts = { actor: chief, sessionId: id, boundSessionId: id };
    const ask = (scope: string) =>
      identity.oauth.authorize({ ...world.request, scope, userId, facts, endsBy });
    expect(await ask("offline_access")).toMatchObject({ ok: false, reason: "invalid_scope" });
    await identity.oauth.revokeConsent({ userId, appId: world.client._id });
    expect(await ask("profile")).toMatchObject({ ok: false, reason: "consent_needed" });
  });
});
