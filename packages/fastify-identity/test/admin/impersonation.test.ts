import type { FastifyInstance } from "fastify";
import { Types } from "mongoose";
import { describe, expect, it } from "vitest";
import { useIdentity } from "../support.js";
import {
  actingProgram,
  approved,
  begun,
  type Cast,
  makeCast,
  reason,
  withImpersonation,
} from "./impersonation-world.js";
import { auditOf, makeAdmin, makeUser } from "./world.js";

const setting = useIdentity();
const halfAnHour = 30 * 60_000;

/** Routes of an application. */
function withRoutes(app: FastifyInstance): void {
  app.get("/notes", { config: { identity: "session" } }, async (request) => ({
    userId: app.identity.userOf(request).toHexString(),
    actor: (request.identity as { actor?: Types.ObjectId } | null)?.actor?.toHexString(),
  }));
  app.post("/transfer", { config: { identity: "session", impersonated: false } }, async () => ({
    done: true,
  }));
  app.post("/pay", { config: { identity: { acr: 1, within: 300 } } }, async () => ({ done: true }));
  app.post("/sign", { preHandler: app.identity.guard("session") }, async () => ({ done: true }));
  app.post(
    "/seal",
    { config: { impersonated: false }, preHandler: app.identity.guard("session") },
    async () => ({
      done: true,
    }),
  );
  app.get("/public", { config: { identity: "public" } }, async () => ({ done: true }));
}

const appWith = (...options: Parameters<typeof withImpersonation>) =>
  setting.app(withImpersonation(...options), withRoutes);
const idOf = ({ user }: Cast) => user.id.toHexString();
const codeOf = (answer: { json(): { code?: string } }) => answer.json().code;

describe("to act for a user", () => {
  it("takes the role, a reason, and another administrator's approval, once", async () => {
    const cast = await makeCast(setting, await appWith());
    const { chief, helper, user } = cast;
    const start = (approvalId: string) => helper.post(`/users/${idOf(cast)}/impersonation`, { approvalId });
    const order = { action: "user.impersonate", userId: idOf(cast), reason };
    expect(codeOf(await chief.post("/approvals", order))).toBe("INSUFFICIENT_ROLE");
    expect(codeOf(await helper.post("/approvals", { ...order, reason: "" }))).toBe("INVALID_INPUT");
    expect(codeOf(await start(new Types.ObjectId().toHexString()))).toBe("APPROVAL_REQUIRED");
    const { id } = (await helper.post("/approvals", order)).json();
    expect(codeOf(await start(id))).toBe("APPROVAL_REQUIRED");
    expect(codeOf(await helper.post(`/approvals/${id}/decision`, { approve: true }))).toBe(
      "INSUFFICIENT_ROLE",
    );
    expect((await chief.post(`/approvals/${id}/decision`, { approve: true })).statusCode).toBe(204);
    const begun = await start(id);
    expect(begun.statusCode).toBe(201);
    expect(begun.headers["set-cookie"]).toBeUndefined();
    expect(begun.json()).toMatchObject({ token: expect.stringMatching(/^ids_/) });
    await setting.identity.sessions.revokeAll({ userId: user.id });
    expect(codeOf(await start(id))).toBe("APPROVAL_REQUIRED");
  });

  it("takes an approval of who is an administrator still, for this user and of who asked", async () => {
    const app = await appWith();
    const cast = await makeCast(setting, app);
    const { helper, user } = cast;
    const mine = await approved({ ...cast, chief: await makeAdmin(setting, app, "identity:admin") });
    const other = await makeUser(app);
    const start = (id: string, approvalId: string, who = helper) =>
      who.post(`/users/${id}/impersonation`, { approvalId });
    expect(codeOf(await start(other.id.toHexString(), mine))).toBe("APPROVAL_REQUIRED");
    const another = await makeAdmin(setting, app, "identity:impersonator");
    expect(codeOf(await start(idOf(cast), mine, another))).toBe("APPROVAL_REQUIRED");
    const dismissed = await makeAdmin(setting, app, "identity:admin");
    const given = await approved({ ...cast, chief: dismissed });
    await setting.identity.administrators.setRoles({ userId: dismissed.id, roles: ["identity:auditor"] });
    expect(codeOf(await start(idOf(cast), given))).toBe("APPROVAL_REQUIRED");
    expect((await start(user.id.toHexString(), mine)).statusCode).toBe(201);
  });

  it("takes two factors of the last minutes", async () => {
    const cast = await makeCast(setting, await appWith());
    const approvalId = await approved(cast);
    setting.clock.advance(16 * 60_000);
    const late = await cast.helper.post(`/users/${idOf(cast)}/impersonation`, { approvalId });
    expect(codeOf(late)).toBe("RECENT_AUTHENTICATION_REQUIRED");
  });

  it("is refused for oneself, for administrators, for protected roles and for who is locked", async () => {
    const app = await appWith({ protectedRoles: ["owner"] });
    const { chief, helper, user } = await makeCast(setting, app, "identity:support");
    const ask = (userId: Types.ObjectId) =>
      helper.post("/approvals", { action: "user.impersonate", userId: userId.toHexString(), reason });
    expect(codeOf(await ask(helper.id))).toBe("PROTECTED_ACCOUNT");
    expect(codeOf(await ask(chief.id))).toBe("PROTECTED_ACCOUNT");
    const auditor = await makeAdmin(setting, app, "identity:auditor");
    expect(codeOf(await ask(auditor.id))).toBe("PROTECTED_ACCOUNT");
    await setting.identity.users.setRoles({ userId: user.id, roles: ["owner"] });
    expect(codeOf(await ask(user.id))).toBe("PROTECTED_ACCOUNT");
    await setting.identity.users.setRoles({ userId: user.id, roles: [] });
    await setting.identity.users.setStatus({ userId: user.id, status: "suspended" });
    expect(codeOf(await ask(user.id))).toBe("USER_NOT_ACTIVE");
    expect(codeOf(await ask(new Types.ObjectId()))).toBe("USER_NOT_FOUND");
  });

  it("is refused while another administrator does, whose approval stays good", async () => {
    const cast = await makeCast(setting, await appWith());
    const second = { ...cast, helper: await makeAdmin(setting, cast.app, "identity:impersonator") };
    const waiting = await approved(second);
    const first = await actingProgram(cast);
    const start = () => second.helper.post(`/users/${idOf(cast)}/impersonation`, { approvalId: waiting });
    expect(codeOf(await start())).toBe("IMPERSONATION_IN_PROGRESS");
    await first.call("DELETE", "/v1/session/impersonation");
    expect((await start()).statusCode).toBe(201);
  });

  it("leaves the approval good where nothing came of it: another one was faster, or the trail takes no more", async () => {
    let isBroken = false;
    const auditTrail = async () => {
      if (isBroken) throw new Error("no trail");
    };
    const cast = await makeCast(setting, await setting.app(withImpersonation(true, { auditTrail })));
    const approvalId = await approved(cast);
    const start = () => cast.helper.post(`/users/${idOf(cast)}/impersonation`, { approvalId });
    isBroken = true;
    expect((await start()).statusCode).toBe(503);
    isBroken = false;
    const second = { ...cast, helper: await makeAdmin(setting, cast.app, "identity:impersonator") };
    const first = await begun(second);
    expect(codeOf(await start())).toBe("IMPERSONATION_IN_PROGRESS");
    await setting.identity.sessions.revoke({ userId: cast.user.id, sessionId: first.id });
    const starts = await Promise.all(Array.from({ length: 5 }, start));
    expect(starts.filter(({ statusCode }) => statusCode === 201)).toHaveLength(1);
    await setting.identity.sessions.revokeAll({ userId: cast.user.id });
    expect(codeOf(await start())).toBe("APPROVAL_REQUIRED");
  });

  it("tells the user by mail, in their list and in their events", async () => {
    const cast = await makeCast(setting, await appWith());
    setting.notices.length = 0;
    const { id } = await actingProgram(cast);
    await setting.settle();
    expect(setting.notices).toMatchObject([
      {
        kind: "impersonation_started",
        to: cast.user.email,
        text: expect.stringContaining(reason),
        facts: { reason, expiresAt: expect.any(String) },
      },
    ]);
    expect(setting.notices[0]?.text).not.toContain(cast.helper.email);
    const list = await cast.app.inject({ url: "/v1/sessions", headers: cast.user.bearer });
    expect(list.json().sessions).toContainEqual(
      expect.objectContaining({ id, impersonation: { reason }, current: false }),
    );
    expect(list.body).not.toContain(cast.helper.id.toHexString());
    const events = await cast.app.inject({ url: "/v1/security/events", headers: cast.user.bearer });
    expect(events.body).toContain("impersonation_started");
    expect(events.body).not.toContain("actorRef");
  });

  it("keeps the reason from the user where that is the policy", async () => {
    const cast = await makeCast(setting, await appWith({ showReason: false }));
    setting.notices.length = 0;
    await actingProgram(cast);
    await setting.settle();
    const list = await cast.app.inject({ url: "/v1/sessions", headers: cast.user.bearer });
    expect(list.json().sessions.filter((one: object) => "impersonation" in one)).toMatchObject([
      { impersonation: {} },
    ]);
    expect(JSON.stringify(setting.notices) + list.body).not.toContain(reason);
  });
});

describe("who acts for a user", () => {
  it("uses the application's routes, which learn both, unless they refuse it or take a proof", async () => {
    const cast = await makeCast(setting, await appWith());
    const { call } = await actingProgram(cast);
    const { helper } = cast;
    const both = { userId: idOf(cast), actor: helper.id.toHexString() };
    expect((await call("GET", "/notes")).json()).toEqual(both);
    expect((await call("GET", "/v1/session")).json()).toMatchObject({ ...both, acr: 0, amr: [] });
    expect((await call("POST", "/sign", {})).json()).toEqual({ done: true });
    expect((await call("GET", "/public")).json()).toEqual({ done: true });
    for (const url of ["/transfer", "/pay", "/seal"]) {
      const refused = await call("POST", url, {});
      expect([url, refused.statusCode, codeOf(refused)]).toEqual([url, 403, "IMPERSONATED"]);
    }
    const own = await cast.app.inject({ url: "/v1/session", headers: cast.user.bearer });
    expect(own.json()).not.toHaveProperty("actor");
  });

  it("leaves no trace in the user's usage and last use", async () => {
    const cast = await makeCast(setting, await appWith());
    await setting.identity.flush();
    const before = await setting.identity.models.User.findById(cast.user.id).lean();
    const { call } = await actingProgram(cast);
    for (let request = 0; request < 3; request++) await call("GET", "/notes");
    await setting.identity.flush();
    expect(await setting.identity.models.User.findById(cast.user.id).lean()).toEqual(before);
  });

  it("can't begin to act for another one", async () => {
    const cast = await makeCast(setting, await appWith());
    const other = await makeUser(cast.app);
    const approvalId = await approved({ ...cast, user: other });
    const { call } = await actingProgram(cast);
    const nested = await call("POST", `/v1/admin/users/${other.id.toHexString()}/impersonation`, {
      approvalId,
    });
    expect(codeOf(nested)).toBe("IMPERSONATED");
  });

  it("gets no other token: not by a refresh, not by a proof", async () => {
    const { call } = await actingProgram(await makeCast(setting, await appWith()));
    expect(codeOf(await call("POST", "/v1/session/refresh"))).toBe("IMPERSONATED");
    expect(codeOf(await call("POST", "/v1/session/authentication", { password: "whatever" }))).toBe(
      "IMPERSONATED",
    );
    expect((await call("GET", "/notes")).statusCode).toBe(200);
  });

  it("may do so for as long as the options have it, at most", async () => {
    const short = await actingProgram(await makeCast(setting, await appWith({ lifetimeMs: 60_000 })));
    setting.clock.advance(60_000);
    expect(codeOf(await short.call("GET", "/notes"))).toBe("SESSION_INVALID");
    const long = await actingProgram(await makeCast(setting, await appWith()));
    setting.clock.advance(halfAnHour - 1);
    expect((await long.call("GET", "/notes")).statusCode).toBe(200);
    setting.clock.advance(1);
    expect(codeOf(await long.call("GET", "/notes"))).toBe("SESSION_INVALID");
  });

  it("may not where the plugin has no impersonation any more", async () => {
    const { token } = await actingProgram(await makeCast(setting, await appWith()));
    const off = await setting.app({ admin: true }, withRoutes);
    const headers = { authorization: `Bearer ${token}` };
    expect(codeOf(await off.inject({ url: "/notes", headers }))).toBe("SESSION_INVALID");
  });
});

describe("the record", () => {
  it("names both people, with the reason, at the request, the approval, the begin and the end", async () => {
    const cast = await makeCast(setting, await appWith());
    const { call } = await actingProgram(cast);
    expect((await call("DELETE", "/v1/session/impersonation")).statusCode).toBe(204);
    expect(await auditOf(setting, cast.user.id)).toEqual(
      expect.arrayContaining([
        "admin.approval_requested",
        "admin.approval_given",
        "admin.impersonation_started",
        "admin.impersonation_ended",
      ]),
    );
    const events = await setting.identity.audit.list({ subjectId: cast.user.id, page: { limit: 200 } });
    const ofIt = events.filter(({ action }) => /^admin\.(approval|impersonation)/.test(action));
    expect(ofIt).toHaveLength(4);
    for (const { action, details, actorId, subjectId } of ofIt) {
      expect([action, details]).toEqual([action, expect.arrayContaining([{ key: "reason", value: reason }])]);
      const { id } = action === "admin.approval_given" ? cast.chief : cast.helper;
      expect([action, String(actorId), String(subjectId)]).toEqual([action, String(id), idOf(cast)]);
    }
    const ended = ofIt.find(({ action }) => action === "admin.impersonation_ended");
    expect(ended?.details).toContainEqual({ key: "why", value: "signed_out" });
  });

  it.each([
    ["time_up", async () => setting.clock.advance(halfAnHour)],
    [
      "actor_not_allowed",
      ({ helper: { id: userId } }: Cast) => setting.identity.administrators.setRoles({ userId, roles: [] }),
    ],
    [
      "actor_signed_out",
      ({ helper: { id: userId } }: Cast) => setting.identity.sessions.revokeAll({ userId }),
    ],
    ["all_signed_out", ({ user: { id: userId } }: Cast) => setting.identity.sessions.revokeAll({ userId })],
  ] as const)("of an end by %s is made by the next look, whatever ended it", async (why, end) => {
    const cast = await makeCast(setting, await appWith(true, { sweepMs: 20 }));
    await actingProgram(cast);
    await end(cast);
    await expect
      .poll(() => auditOf(setting, cast.user.id), { timeout: 30_000 })
      .toContain("admin.impersonation_ended");
    const events = await setting.identity.audit.list({ subjectId: cast.user.id });
    const event = events.find(({ action }) => action === "admin.impersonation_ended");
    expect(event?.details).toContainEqual({ key: "why", value: why });
  });

  it("is a list for administrators, page by page, of all or of one", async () => {
    const cast = await makeCast(setting, await appWith());
    const first = await actingProgram(cast);
    await first.call("DELETE", "/v1/session/impersonation");
    const second = await actingProgram({ ...cast, user: await makeUser(cast.app) });
    const list = async (query = "") => (await cast.chief.get(`/impersonations${query}`)).json();
    const { impersonations } = await list();
    expect(impersonations.slice(0, 2)).toMatchObject([
      { id: second.id, reason, actorEmail: cast.helper.email },
      { id: first.id, userEmail: cast.user.email, endedAt: expect.any(String), why: "signed_out" },
    ]);
    const newest = await list("?limit=1");
    expect(newest.impersonations).toMatchObject([{ id: second.id }]);
    expect((await list(`?limit=1&before=${newest.next}`)).impersonations).toMatchObject([{ id: first.id }]);
    expect((await list(`?actor=${cast.chief.id.toHexString()}`)).impersonations).toEqual([]);
    expect((await list(`?actor=${cast.helper.id.toHexString()}`)).impersonations).toHaveLength(2);
    const refused = await makeAdmin(setting, cast.app);
    expect(codeOf(await refused.get("/impersonations"))).toBe("INSUFFICIENT_ROLE");
  });
});

describe("the option", () => {
  it.each([
    ["without a second administrator", { impersonation: true, twoAdministrators: false }],
    ["for longer than half an hour", { impersonation: { lifetimeMs: halfAnHour + 1 } }],
    ["for no time", { impersonation: { lifetimeMs: 0 } }],
    ["with what it does not know", { impersonation: { lifetime: 5 } as object }],
  ])("is refused %s", async (_what, admin) => {
    await expect(setting.app({ admin })).rejects.toThrow(/admin/);
  });
});
