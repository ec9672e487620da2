import type { AuditInput } from "@org/db-models";
import { Types } from "mongoose";
import { beforeAll, describe, expect, test } from "vitest";
import { useIdentity } from "../support.js";
import { type Admin, auditOf, makeAdmin, makeUser } from "./world.js";

const setting = useIdentity();
const reason = "Ticket 4711";
const health = async () => ({ score: 100, parts: [], findings: [], undecided: false });
const start = () => setting.app({ admin: { health } });
const code = (response: { json(): { code: string } }) => response.json().code;

/** The first one stays, so that the others can be demoted. */
beforeAll(async () => {
  const user = await setting.identity.users.register({
    email: "root@example.com",
    password: "correct horse battery staple",
  });
  await setting.identity.administrators.setRoles({ userId: user._id, roles: ["identity:admin"] });
});

describe("who may use the admin area", () => {
  test("nobody without a session, and nobody whose account has no role there; what is refused is recorded", async () => {
    const app = await start();
    expect((await app.inject("/v1/admin/users")).statusCode).toBe(401);
    const user = await makeUser(app);
    const asked = await app.inject({ url: "/v1/admin/users", headers: user.bearer });
    expect([asked.statusCode, code(asked)]).toEqual([403, "INSUFFICIENT_ROLE"]);
    const [event] = await setting.identity.audit.list({ actorId: user.id });
    expect(event).toMatchObject({
      action: "admin.refused",
      outcome: "denied",
      details: [{ key: "permission", value: "users:read" }],
    });
  });

  test("a role by its name alone opens nothing: what an application sets is no role of the admin area", async () => {
    const app = await start();
    const user = await makeUser(app);
    // As an application with rights on the database might write it.
    await setting.identity.models.User.updateOne({ _id: user.id }, { $set: { roles: ["identity:admin"] } });
    await setting.identity.models.UserSession.updateMany(
      { userId: user.id },
      { $set: { roles: ["identity:admin"] } },
    );
    const asked = await app.inject({ url: "/v1/admin/users", headers: user.bearer });
    expect(code(asked)).toBe("INSUFFICIENT_ROLE");
  });

  test("no administrator with one factor", async () => {
    const app = await start();
    const user = await makeUser(app);
    await setting.identity.administrators.setRoles({ userId: user.id, roles: ["identity:support"] });
    const asked = await app.inject({ url: "/v1/admin/users", headers: user.bearer });
    expect(asked.json()).toMatchObject({ code: "RECENT_AUTHENTICATION_REQUIRED", enrol: true });
  });

  test("to read, two factors of the last twelve hours; to write, of the last quarter of an hour", async () => {
    const app = await start();
    const admin = await makeAdmin(setting, app, "identity:admin");
    const user = await makeUser(app);
    expect((await admin.get("/users")).statusCode).toBe(200);
    setting.clock.advance(16 * 60_000);
    expect((await admin.get("/users")).statusCode).toBe(200);
    const lock = await admin.post(`/users/${user.userId}/lock`, { reason });
    expect(lock.json()).toMatchObject({ code: "RECENT_AUTHENTICATION_REQUIRED", acr: 2 });
    expect((await setting.identity.users.read(user.id)).status).toBe("active");
    setting.clock.advance(11 * 3_600_000);
    await admin.get("/users");
    setting.clock.advance(3_600_000);
    expect(code(await admin.get("/users"))).toBe("RECENT_AUTHENTICATION_REQUIRED");
  });

  test("a role that is taken away is gone at the next request", async () => {
    const app = await start();
    const admin = await makeAdmin(setting, app, "identity:admin");
    await setting.identity.administrators.setRoles({ userId: admin.id, roles: [] });
    expect(code(await admin.get("/users"))).toBe("INSUFFICIENT_ROLE");
  });

  test.each([
    [
      "identity:auditor",
      [
        "users:read",
        "apps:read",
        "audit:read",
        "audit:export",
        "database:read",
        "keys:read",
        "administrators:read",
      ],
    ],
    ["identity:support", ["users:read", "users:write", "apps:read"]],
  ] as const)("%s may do what the table says and no more", async (role, permissions) => {
    const app = await start();
    const admin = await makeAdmin(setting, app, role);
    const user = await makeUser(app);
    expect((await admin.get("/me")).json()).toEqual({ roles: [role], permissions });
    const id = user.userId;
    const tries = {
      "users:read": () => admin.get("/users"),
      "users:write": () => admin.post(`/users/${id}/sessions/end`, { reason }),
      "users:erase": () => admin.post("/approvals", { action: "user.erase", userId: id, reason }),
      "apps:read": () => admin.get("/apps"),
      "apps:write": () => admin.post("/apps/x/status", { status: "suspended", reason }),
      "audit:read": () => admin.get("/audit"),
      "audit:export": () => admin.post("/approvals", { action: "audit.export", reason }),
      "database:read": () => admin.get("/database"),
      "keys:read": () => admin.get("/signing-keys"),
      "keys:write": () => admin.post("/signing-keys/rotate", { algorithm: "RS256", reason }),
      "administrators:read": () => admin.get("/administrators"),
      "administrators:write": () => admin.put(`/administrators/${id}`, { roles: ["identity:admin"], reason }),
    };
    for (const [permission, attempt] of Object.entries(tries)) {
      const may = (permissions as readonly string[]).includes(permission);
      const { statusCode } = await attempt();
      const done = permission === "audit:export" ? 201 : 200;
      expect({ permission, statusCode }).toEqual({ permission, statusCode: may ? done : 403 });
    }
  });

  test("API keys and access tokens never get in, whatever their scopes", async () => {
    const app = await start();
    const admin = await makeAdmin(setting, app, "identity:admin");
    const { key } = await setting.identity.apiKeys.create({ userId: admin.id, name: "k", scopes: ["*"] });
    const asked = await app.inject({ url: "/v1/admin/users", headers: { authorization: `Bearer ${key}` } });
    expect(asked.statusCode).toBe(403);
  });

  test("without the option there is nothing", async () => {
    const app = await setting.app();
    for (const url of ["/v1/admin/users", "/admin", "/admin/users"]) {
      expect((await app.inject(url)).statusCode).toBe(404);
    }
  });
});

describe("users", () => {
  let admin: Admin;
  const fresh = async () => {
    const app = await start();
    admin = await makeAdmin(setting, app, "identity:admin");
    return { app, admin, user: await makeUser(app) };
  };

  test("are listed page by page, each once, and found by anything; reads are recorded", async () => {
    const { user } = await fresh();
    const first = (await admin.get("/users?limit=2")).json();
    const second = (await admin.get(`/users?limit=2&before=${first.next}`)).json();
    const ids = [...first.users, ...second.users].map(({ id }) => id);
    expect(new Set(ids).size).toBe(4);
    expect(ids[0]).toBe(user.userId);
    const found = (await admin.post("/users/search", { text: user.email })).json();
    expect(found).toMatchObject({ by: "email", users: [{ id: user.userId, status: "active" }] });
    const read = (await admin.get(`/users/${user.userId}`)).json();
    expect(read).toMatchObject({ email: user.email, hasPassword: true, sessions: [{}, {}] });
    expect(JSON.stringify(read)).not.toMatch(/passwordHash|auditKey|tokenHash|handleHash/);
    const [event] = await setting.identity.audit.list({ subjectId: user.id });
    expect(event).toMatchObject({ action: "admin.user_read", actorId: admin.id, subjectId: user.id });
    // The words of a search are personal, and would outlive the person.
    const by = await setting.identity.audit.list({ actorId: admin.id });
    expect(JSON.stringify(by)).not.toContain(user.email);
  });

  test("one session of theirs ends, or all, with the reason in the trail", async () => {
    const { app, user } = await fresh();
    const { sessions } = (await admin.get(`/users/${user.userId}/sessions`)).json();
    const end = { reason, sessionId: sessions[0].id };
    expect((await admin.post(`/users/${user.userId}/sessions/end`, end)).json()).toEqual({ ended: 1 });
    expect(code(await admin.post(`/users/${user.userId}/sessions/end`, end))).toBe("SESSION_NOT_FOUND");
    expect((await admin.post(`/users/${user.userId}/sessions/end`, { reason })).json()).toEqual({ ended: 1 });
    const gone = await app.inject({ url: "/v1/session", headers: user.bearer });
    expect(gone.statusCode).toBe(401);
    const history = (await admin.get(`/users/${user.userId}/sessions`)).json().sessions;
    expect(history).toMatchObject([
      { revocationReason: "administrator" },
      { revocationReason: "administrator" },
    ]);
    const [event] = await setting.identity.audit.list({ subjectId: user.id, page: { limit: 2 } });
    expect(event).toMatchObject({ action: "admin.sessions_read" });
    expect(await auditOf(setting, user.id)).toEqual(
      expect.arrayContaining(["admin.sessions_ended", "admin.session_ended failure", "admin.session_ended"]),
    );
  });

  test("are locked and unlocked", async () => {
    const { app, user } = await fresh();
    expect((await admin.post(`/users/${user.userId}/lock`, { reason })).statusCode).toBe(204);
    const signIn = { identifier: user.email, password: "correct horse battery staple" };
    const refused = await app.inject({ method: "POST", url: "/v1/sessions", payload: signIn });
    expect(refused.statusCode).toBe(403);
    expect((await admin.post(`/users/${user.userId}/unlock`, { reason })).statusCode).toBe(204);
    const again = await app.inject({ method: "POST", url: "/v1/sessions", payload: signIn });
    expect(again.statusCode).toBe(201);
  });

  test("whose address waits to be verified wait again once they are unlocked, unless it was verified meanwhile", async () => {
    const { user } = await fresh();
    const { users } = setting.identity;
    const statusAfter = async (meanwhile: () => Promise<unknown>) => {
      await setting.identity.models.User.updateOne({ _id: user.id }, { $unset: { emailVerifiedAt: 1 } });
      await users.setStatus({ userId: user.id, status: "pending" });
      expect((await admin.post(`/users/${user.userId}/lock`, { reason })).statusCode).toBe(204);
      await meanwhile();
      expect((await admin.post(`/users/${user.userId}/unlock`, { reason })).statusCode).toBe(204);
      return (await users.read(user.id)).status;
    };
    expect(await statusAfter(async () => undefined)).toBe("pending");
    // As one that was under way when the account was locked.
    const verify = () =>
      setting.identity.models.User.updateOne(
        { _id: user.id },
        { $set: { emailVerifiedAt: setting.clock.now() } },
      );
    expect(await statusAfter(verify)).toBe("active");
    expect((await admin.post(`/users/${user.userId}/unlock`, { reason })).statusCode).toBe(204);
    expect((await users.read(user.id)).status).toBe("active");
  });

  test("who have lost their factors lose them here too, and are told; no password is ever chosen", async () => {
    const { app } = await fresh();
    const other = await makeAdmin(setting, app);
    setting.notices.splice(0);
    const reset = await admin.post(`/users/${other.userId}/factors/reset`, { reason });
    expect(reset.statusCode).toBe(200);
    expect(reset.json().ended).toBeGreaterThan(0);
    await setting.settle();
    expect(setting.notices.map(({ to, kind }) => [to, kind])).toEqual([
      [other.email, "second_factor_changed"],
    ]);
    expect((await admin.post(`/users/${other.userId}/password-reset`, { reason })).statusCode).toBe(204);
    await setting.settle();
    const mail = setting.notices.find(({ kind }) => kind === "password_reset");
    expect(mail?.to).toBe(other.email);
    // Whence the administrator asked is none of the mail.
    expect(mail?.facts).not.toHaveProperty("network");
  });

  test("get their address verified only as it was seen", async () => {
    const { user } = await fresh();
    const path = `/users/${user.userId}/verification`;
    expect(code(await admin.post(path, { reason, email: "other@example.com" }))).toBe(
      "EMAIL_ALREADY_VERIFIED",
    );
    expect((await admin.post(path, { reason, email: user.email })).statusCode).toBe(204);
    expect((await setting.identity.users.read(user.id)).emailVerifiedAt).toBeInstanceOf(Date);
  });

  test("a write takes a reason, and one that names nobody", async () => {
    const { user } = await fresh();
    for (const wrong of [undefined, "", "x", "a@example.com asked", `about ${user.userId}`, "two\nlines"]) {
      const lock = await admin.post(`/users/${user.userId}/lock`, { reason: wrong });
      expect({ wrong, status: lock.statusCode }).toEqual({ wrong, status: 400 });
    }
    expect((await setting.identity.users.read(user.id)).status).toBe("active");
  });

  test("a reason that names somebody is refused as such, also by a trail of the application", async () => {
    const auditTrail = (event: AuditInput) => setting.identity.audit.append(event);
    const app = await setting.app({ admin: true, auditTrail });
    const by = await makeAdmin(setting, app, "identity:admin");
    const user = await makeUser(app);
    for (const id of [user.userId, by.userId.toUpperCase()]) {
      const answer = await by.post(`/users/${user.userId}/lock`, { reason: `about ${id}` });
      expect(answer.json()).toMatchObject({ code: "INVALID_INPUT", issues: [{ path: "body/reason" }] });
    }
  });

  test("nothing is done that the trail can't take", async () => {
    const failing = await setting.app({
      admin: true,
      auditTrail: async ({ action }) => {
        if (action === "admin.user_locked") throw new Error("no trail");
      },
    });
    const one = await makeAdmin(setting, failing, "identity:admin");
    const user = await makeUser(failing);
    expect((await one.post(`/users/${user.userId}/lock`, { reason })).statusCode).toBe(503);
    expect((await setting.identity.users.read(user.id)).status).toBe("active");
  });

  test("are erased with their address typed, once another administrator has approved it", async () => {
    const { app, user } = await fresh();
    const other = await makeAdmin(setting, app, "identity:admin");
    const path = `/users/${user.userId}/erasure`;
    expect(code(await admin.post(path, { reason, email: user.email }))).toBe("APPROVAL_REQUIRED");
    const asked = await admin.post("/approvals", { action: "user.erase", userId: user.userId, reason });
    const approvalId = asked.json().id;
    const decide = (who: Admin, approve: boolean) =>
      who.post(`/approvals/${approvalId}/decision`, { approve });
    expect(code(await decide(admin, true))).toBe("APPROVAL_NOT_FOUND");
    expect(code(await admin.post(path, { reason, email: user.email, approvalId }))).toBe("APPROVAL_REQUIRED");
    expect((await decide(other, true)).statusCode).toBe(204);
    expect(code(await other.post(path, { reason, email: user.email, approvalId }))).toBe("APPROVAL_REQUIRED");
    expect(code(await admin.post(path, { reason, email: "x@example.com", approvalId }))).toBe(
      "INVALID_INPUT",
    );
    const erased = await admin.post(path, { reason, email: user.email, approvalId });
    expect(erased.statusCode).toBe(200);
    await expect(setting.identity.users.read(user.id)).rejects.toMatchObject({ code: "USER_NOT_FOUND" });
  });

  test("are not erased by an approval of who has the roles from the administrator who asks", async () => {
    const { app, user } = await fresh();
    const appointed = await makeAdmin(setting, app, "identity:admin");
    await admin.put(`/administrators/${appointed.userId}`, { reason, roles: [] });
    const given = await admin.put(`/administrators/${appointed.userId}`, {
      reason,
      roles: ["identity:admin"],
    });
    expect(given.statusCode).toBe(204);
    const wish = { action: "user.erase", userId: user.userId, reason };
    const decision = async (asking: Admin, deciding: Admin, approve: boolean) => {
      const { id } = (await asking.post("/approvals", wish)).json();
      return deciding.post(`/approvals/${id}/decision`, { approve });
    };
    expect(code(await decision(admin, appointed, true))).toBe("APPROVER_NOT_INDEPENDENT");
    expect(code(await decision(appointed, admin, true))).toBe("APPROVER_NOT_INDEPENDENT");
    expect((await decision(admin, appointed, false)).statusCode).toBe(204);
  });

  test("a service with one administrator erases without a second one", async () => {
    const app = await setting.app({ admin: { twoAdministrators: false } });
    const one = await makeAdmin(setting, app, "identity:admin");
    const user = await makeUser(app);
    const erased = await one.post(`/users/${user.userId}/erasure`, { reason, email: user.email });
    expect(erased.statusCode).toBe(200);
  });
});

describe("administrators", () => {
  test("are protected from support, and everybody from themself", async () => {
    const app = await start();
    const [support, auditor, admin] = [
      await makeAdmin(setting, app, "identity:support"),
      await makeAdmin(setting, app, "identity:auditor"),
      await makeAdmin(setting, app, "identity:admin"),
    ];
    for (const path of ["lock", "password-reset", "factors/reset", "sessions/end", "unlock"]) {
      const lower = await support.post(`/users/${auditor.userId}/${path}`, { reason });
      const own = await admin.post(`/users/${admin.userId}/${path}`, { reason });
      expect([path, code(lower), code(own)]).toEqual([path, "PROTECTED_ACCOUNT", "PROTECTED_ACCOUNT"]);
    }
    expect((await admin.post(`/users/${auditor.userId}/lock`, { reason })).statusCode).toBe(204);
    expect(await setting.identity.administrators.read({ userId: auditor.id })).toBeUndefined();
  });

  // FusionAuth #2170, ThunderID #2103, ABP #24768: somebody who manages users makes themself an administrator.
  test("are made by who manages administrators only, and nobody gives roles to themself", async () => {
    const app = await start();
    const support = await makeAdmin(setting, app, "identity:support");
    const user = await makeUser(app);
    for (const id of [support.userId, user.userId]) {
      const given = await support.put(`/administrators/${id}`, { roles: ["identity:admin"], reason });
      expect(code(given)).toBe("INSUFFICIENT_ROLE");
    }
    const admin = await makeAdmin(setting, app, "identity:admin");
    const own = await admin.put(`/administrators/${admin.userId}`, {
      roles: ["identity:admin", "identity:auditor"],
      reason,
    });
    expect(code(own)).toBe("PROTECTED_ACCOUNT");
    const other = await admin.put(`/administrators/${user.userId}`, { roles: ["identity:auditor"], reason });
    expect(other.statusCode).toBe(204);
    const { administrators } = (await admin.get("/administrators")).json();
    expect(administrators).toContainEqual(
      expect.objectContaining({ userId: user.userId, email: user.email, roles: ["identity:auditor"] }),
    );
  });

  // Keycloak #20662, #20015, Zitadel #11710: the only administrator is deleted, disabled or demoted.
  test("the last one can't demote themself, and says so in words that a program knows", async () => {
    const app = await start();
    const admin = await makeAdmin(setting, app, "identity:admin");
    const { administrators } = setting.identity;
    for (const { userId } of await administrators.list()) {
      if (!userId.equals(admin.id)) await administrators.setRoles({ userId, roles: [] });
    }
    const demoted = await admin.put(`/administrators/${admin.userId}`, { roles: [], reason });
    expect([demoted.statusCode, code(demoted)]).toEqual([409, "LAST_ADMINISTRATOR"]);
    const left = await app.inject({
      method: "DELETE",
      url: "/v1/account",
      headers: admin.bearer,
      payload: { password: "correct horse battery staple" },
    });
    expect(code(left)).toBe("LAST_ADMINISTRATOR");
    expect((await admin.get("/users")).statusCode).toBe(200);
  });

  test("an unknown user is no administrator", async () => {
    const app = await start();
    const admin = await makeAdmin(setting, app, "identity:admin");
    const path = `/administrators/${new Types.ObjectId().toHexString()}`;
    expect(code(await admin.put(path, { roles: ["identity:admin"], reason }))).toBe("USER_NOT_FOUND");
  });
});
