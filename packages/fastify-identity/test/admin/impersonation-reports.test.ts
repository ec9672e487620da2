// Faults that others have reported of impersonation elsewhere, each played here. The title names the report.
import type { FastifyInstance } from "fastify";
import { expect, test } from "vitest";
import { password, useIdentity } from "../support.js";
import {
  actingBrowser,
  actingProgram,
  approved,
  begun,
  type Cast,
  cookieName,
  makeCast,
  sendTo,
  sessionCookie,
  withImpersonation,
} from "./impersonation-world.js";
import { auditOf, browserOf, makeAdmin } from "./world.js";

const setting = useIdentity();

function withRoutes(app: FastifyInstance): void {
  // A way of signing in of the application's own.
  app.post("/kiosk", { config: { identity: "public" } }, async (request, reply) => {
    const { email, password: secret } = request.body as Record<string, string>;
    const requester = app.identity.requesterOf(request);
    const credentials = { identifier: email ?? "", password: secret ?? "" };
    app.identity.startSession(request, reply, await app.identity.flows.signIn(requester, credentials));
    return {};
  });
  app.post("/projects/delete", { config: { identity: "session" } }, async (request) => ({
    of: app.identity.userOf(request).toHexString(),
  }));
}
const makeWorld = async () => makeCast(setting, await setting.app(withImpersonation(), withRoutes));
const stop = async (visitor: Awaited<ReturnType<typeof actingBrowser>>) =>
  sendTo(visitor, "/account/impersonation", "stop", {});
const whoIs = async (visitor: Awaited<ReturnType<typeof actingBrowser>>) =>
  (await visitor.get("/v1/session")).json();

test("better-auth#2183, #10734: the administrator's own cookie is as before after each stop, however often", async () => {
  const cast = await makeWorld();
  const visitor = await browserOf(cast.app, cast.helper);
  const own = visitor.cookies.get(sessionCookie);
  for (let round = 0; round < 3; round++) {
    visitor.cookies.set(cookieName, (await begun(cast, `${sessionCookie}=${own}`)).token);
    expect(await whoIs(visitor)).toMatchObject({ actor: cast.helper.id.toHexString() });
    const stopped = await stop(visitor);
    expect(stopped.cookies.map(({ name }) => name)).not.toContain(sessionCookie);
    expect(visitor.cookies.get(sessionCookie)).toBe(own);
    expect(await whoIs(visitor)).toMatchObject({ userId: cast.helper.id.toHexString() });
  }
});

test("better-auth#2185, accounts-js#1096: a stop ends the session on the server, not in the browser alone", async () => {
  const cast = await makeWorld();
  const visitor = await actingBrowser(cast);
  const token = visitor.cookies.get(cookieName) ?? "";
  expect((await stop(visitor)).statusCode).toBe(303);
  const again = await cast.app.inject({ url: "/v1/session", headers: { authorization: `Bearer ${token}` } });
  expect(again.json().code).toBe("SESSION_INVALID");
});

test("daikoku#1102: a user who signs in meanwhile gets a session of their own, and nothing of the administrator's", async () => {
  const cast = await makeWorld();
  await actingProgram(cast);
  const payload = { identifier: cast.user.email, password, delivery: "token" };
  const signedIn = await cast.app.inject({ method: "POST", url: "/v1/sessions", payload });
  const headers = { authorization: `Bearer ${signedIn.json().token}` };
  const session = await cast.app.inject({ url: "/v1/session", headers });
  expect(session.json()).not.toHaveProperty("actor");
  await cast.app.inject({ method: "DELETE", url: "/v1/session", headers });
  expect((await cast.app.inject({ url: "/v1/session", headers })).statusCode).toBe(401);
});

test("twenty#23644, expertiza#981: who has the impersonation's cookie alone is nobody, before the stop and after", async () => {
  const cast = await makeWorld();
  const thief = await actingBrowser(cast);
  thief.cookies.delete(sessionCookie);
  expect((await thief.get("/v1/session")).statusCode).toBe(401);
  expect((await stop(thief)).statusCode).toBe(303);
  expect((await thief.get("/v1/session")).statusCode).toBe(401);
  expect((await thief.get("/admin/users")).headers.location).toMatch(/sign-in/);
});

test("ezauth#199, Hephaestus#1885: it does not outlive the role, nor the administrator's session", async () => {
  const cast = await makeWorld();
  const first = await actingProgram(cast);
  await setting.identity.administrators.setRoles({ userId: cast.helper.id, roles: ["identity:support"] });
  expect((await first.call("GET", "/v1/session")).statusCode).toBe(401);
  const other = { ...cast, helper: await makeAdmin(setting, cast.app, "identity:impersonator") };
  await setting.identity.sessions.revokeAll({ userId: cast.user.id });
  const second = await actingProgram(other);
  await cast.app.inject({ method: "DELETE", url: "/v1/session", headers: other.helper.bearer });
  expect((await second.call("GET", "/v1/session")).statusCode).toBe(401);
});

test("Hephaestus#1885, calagopus#91: a user who is made an administrator is no longer acted for", async () => {
  const cast = await makeWorld();
  const { call } = await actingProgram(cast);
  await setting.identity.administrators.setRoles({ userId: cast.user.id, roles: ["identity:admin"] });
  expect((await call("GET", "/v1/session")).statusCode).toBe(401);
  expect((await call("GET", "/v1/admin/users")).statusCode).toBe(401);
});

test("agenticos#1044: the user's own ways out end it: sign out everywhere, a changed password", async () => {
  const cast = await makeWorld();
  const { bearer } = cast.user;
  const first = await actingProgram(cast);
  await cast.app.inject({ method: "DELETE", url: "/v1/sessions", headers: bearer });
  expect((await first.call("GET", "/v1/session")).statusCode).toBe(401);
  const second = await actingProgram(cast);
  const newPassword = "another staple, a battery and a horse";
  const changed = await cast.app.inject({
    method: "PUT",
    url: "/v1/account/password",
    headers: bearer,
    payload: { password, newPassword },
  });
  expect(changed.statusCode).toBeLessThan(300);
  expect((await second.call("GET", "/v1/session")).statusCode).toBe(401);
});

test("django-hijack#83: the user's last sign-in and last use are theirs alone", async () => {
  const cast = await makeWorld();
  await setting.identity.flush();
  const read = async () => {
    const { analytics, lastActiveAt } =
      (await setting.identity.models.User.findById(cast.user.id).lean()) ?? {};
    return { analytics, lastActiveAt };
  };
  const before = await read();
  setting.clock.advance(60_000);
  const { call } = await actingProgram(cast);
  await call("POST", "/projects/delete", {});
  await setting.identity.flush();
  expect(await read()).toEqual(before);
});

test("django-hijack: it begins and stops by a POST of our own pages alone", async () => {
  const cast = await makeWorld();
  const visitor = await browserOf(cast.app, cast.helper);
  const approval = await approved(cast);
  const address = `/admin/users/${cast.user.id.toHexString()}/impersonate`;
  expect((await visitor.get(address)).statusCode).toBe(405);
  const foreign = { "sec-fetch-site": "cross-site", origin: "https://evil.example" };
  expect((await visitor.post(address, { approval }, foreign)).statusCode).toBe(403);
  expect((await visitor.post(address, { approval })).statusCode).toBe(403);
  expect(visitor.cookies.has(cookieName)).toBe(false);
  const own = `${sessionCookie}=${visitor.cookies.get(sessionCookie)}`;
  visitor.cookies.set(cookieName, (await begun(cast, own)).token);
  expect((await visitor.get("/account/impersonation/stop")).statusCode).toBe(405);
  expect((await visitor.post("/account/impersonation/stop", {}, foreign)).statusCode).toBe(403);
  expect((await visitor.post("/account/impersonation/stop", {})).statusCode).toBe(403);
  expect(await whoIs(visitor)).toMatchObject({ actor: cast.helper.id.toHexString() });
});

test("ClubExcellence#12: a refusal leaves nothing behind, and the next user can be acted for", async () => {
  const cast = await makeWorld();
  const refused = { ...cast, user: { ...cast.user, id: cast.chief.id } };
  await expect(approved(refused)).rejects.toThrow("PROTECTED_ACCOUNT");
  expect(await actingProgram(cast)).toMatchObject({ token: expect.any(String) });
});

test("hackatime#614: nobody acts for a user without a record", async () => {
  const cast = await makeWorld();
  const { call } = await actingProgram(cast);
  await call("DELETE", "/v1/session/impersonation");
  const actions = await auditOf(setting, cast.user.id);
  for (const action of ["admin.impersonation_started", "admin.impersonation_ended"]) {
    expect(actions).toContain(action);
  }
});

// Not a report, but what follows from two cookies: a form that was begun as the user is never done as the administrator.
test("what is sent after the end is refused, and not done in the administrator's own account", async () => {
  const cast = await makeWorld();
  const visitor = await actingBrowser(cast);
  const asUser = await visitor.post("/projects/delete", {}, { "content-type": "application/json" });
  expect(asUser.statusCode).toBe(400);
  const json = { "content-type": "application/json", "sec-fetch-site": "same-origin" };
  const send = () => {
    const cookie = [...visitor.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const headers = { ...json, cookie };
    return cast.app.inject({ method: "POST", url: "/projects/delete", headers, payload: {} });
  };
  expect((await send()).json()).toEqual({ of: cast.user.id.toHexString() });
  setting.clock.advance(31 * 60_000);
  const late = await send();
  expect(late.statusCode).toBe(401);
  expect(late.cookies).toEqual([]);
});

test("a browser that acts for a user signs nobody else in by the way", async () => {
  const cast: Cast = await makeWorld();
  const visitor = await actingBrowser(cast);
  for (const path of [
    "/account/sign-in",
    "/account/sign-up",
    "/account/forgotten-password",
    "/account/recover",
  ]) {
    const shown = await visitor.get(path);
    expect([path, shown.statusCode]).toEqual([path, 403]);
    expect(shown.body).toContain(`action="/account/impersonation/stop"`);
  }
  for (const path of ["/account/impersonation", "/account/sign-out", "/account/end-session"]) {
    const shown = await visitor.get(path);
    expect([path, shown.statusCode]).toEqual([path, path.endsWith("end-session") ? 404 : 200]);
    expect(shown.body).toContain(`action="/account/impersonation/stop"`);
  }
  const payload = { identifier: cast.user.email, password };
  const cookie = [...visitor.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  const headers = { cookie, "sec-fetch-site": "same-origin" };
  const signIn = await cast.app.inject({ method: "POST", url: "/v1/sessions", headers, payload });
  expect(signIn.json().code).toBe("IMPERSONATED");
});

test("a sign-in by a route of the application's own takes the place of the impersonation in the browser", async () => {
  const cast = await makeWorld();
  const visitor = await actingBrowser(cast);
  const { email } = cast.user;
  const cookie = [...visitor.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  const headers = { cookie, "sec-fetch-site": "same-origin" };
  const payload = { email, password };
  const signedIn = await cast.app.inject({ method: "POST", url: "/kiosk", headers, payload });
  expect(signedIn.statusCode, signedIn.body).toBe(200);
  expect(signedIn.cookies).toContainEqual(expect.objectContaining({ name: cookieName, value: "" }));
  expect(signedIn.cookies).toContainEqual(expect.objectContaining({ name: sessionCookie }));
});
