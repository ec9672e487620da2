import { beforeAll, expect, test } from "vitest";
import { formToken, textOf } from "../pages/visitor.js";
import { password, useIdentity } from "../support.js";
import { browserOf, makeAdmin } from "./world.js";

const setting = useIdentity();
const reason = "Ticket 4711";

beforeAll(async () => {
  const user = await setting.identity.users.register({ email: "root@example.com", password });
  await setting.identity.administrators.setRoles({ userId: user._id, roles: ["identity:admin"] });
});

const code = (answer: { json(): { code: string } }) => answer.json().code;

test("keys are listed, rotated and withdrawn: the successor signs, and the key set loses what was withdrawn", async () => {
  // A look makes none.
  expect(await setting.identity.oauth.listSigningKeys()).toEqual([]);
  expect(await setting.identity.models.SigningKey.countDocuments()).toBe(0);
  const app = await setting.app({ admin: true, oauth: true });
  const admin = await makeAdmin(setting, app, "identity:admin");
  const list = async () => (await admin.get("/signing-keys")).json().keys;
  const published = async () =>
    (await app.inject("/oauth/jwks")).json().keys.map(({ kid }: { kid: string }) => kid);
  const [first] = await published();
  expect(await list()).toMatchObject([
    { kid: first, algorithm: "RS256", state: "active", sealedWith: "test" },
  ]);
  const rotate = () => admin.post("/signing-keys/rotate", { algorithm: "RS256", reason });
  expect((await rotate()).statusCode).toBe(204);
  // One that waits is the rotation that was asked for.
  expect((await rotate()).statusCode).toBe(204);
  const [active, next, ...more] = await list();
  expect([active, next]).toMatchObject([
    { kid: first, state: "active", publishedUntil: expect.any(String) },
    { state: "next" },
  ]);
  expect(more).toEqual([]);
  expect(JSON.stringify([active, next])).not.toMatch(/Jwk|"d"|sealedText/);
  const withdraw = (kid: string) => admin.post("/signing-keys/withdraw", { kid, reason });
  expect((await withdraw(first)).statusCode).toBe(204);
  expect(await list()).toMatchObject([{ kid: next.kid, state: "active" }]);
  expect(code(await withdraw(first))).toBe("SIGNING_KEY_NOT_FOUND");
  setting.clock.advance(10_000);
  expect(await published()).toEqual([next.kid]);
  const { audit } = setting.identity;
  const [event] = await audit.list({ action: "admin.signing_key_withdrawn" });
  expect(event).toMatchObject({
    outcome: "success",
    actorId: admin.id,
    targetType: "signing_key",
    targetId: first,
  });
  expect(await audit.list({ action: "admin.signing_key_rotated" })).toHaveLength(2);
});

test("reading them takes a role, changing them another one and fresh factors", async () => {
  const app = await setting.app({ admin: true, oauth: true });
  const auditor = await makeAdmin(setting, app, "identity:auditor");
  const support = await makeAdmin(setting, app, "identity:support");
  const rotation = { algorithm: "RS256", reason };
  expect((await auditor.get("/signing-keys")).statusCode).toBe(200);
  expect(code(await auditor.post("/signing-keys/rotate", rotation))).toBe("INSUFFICIENT_ROLE");
  expect(code(await support.get("/signing-keys"))).toBe("INSUFFICIENT_ROLE");
  const admin = await makeAdmin(setting, app, "identity:admin");
  setting.clock.advance(16 * 60_000);
  expect(code(await admin.post("/signing-keys/rotate", rotation))).toBe("RECENT_AUTHENTICATION_REQUIRED");
});

test("the page does both for a reason, and says what that means", async () => {
  const app = await setting.app({ admin: true, oauth: true });
  const browser = await browserOf(app, await makeAdmin(setting, app, "identity:admin"));
  await app.inject("/oauth/jwks");
  const page = (await browser.get("/admin/signing-keys")).body;
  const [, kid = ""] = /name="kid" value="([\w-]{43})"/.exec(page) ?? [];
  expect(textOf(page)).toContain("Signs");
  const send = (what: string, fields: Record<string, string>) =>
    browser.post(`/admin/signing-keys/${what}`, { form_token: formToken(page), ...fields });
  const without = await send("withdraw", { kid, reason: "" });
  expect(without.statusCode).toBe(422);
  expect(without.body).toContain(`href="#withdraw-${kid}-reason"`);
  expect((await send("rotate", { algorithm: "RS256", reason })).headers.location).toBe("/admin/signing-keys");
  expect(textOf((await browser.get("/admin/signing-keys")).body)).toContain("Will sign");
  await send("withdraw", { kid, reason });
  const after = (await browser.get("/admin/signing-keys")).body;
  expect(after).not.toContain(kid);
  expect(textOf(after)).toContain("The key is withdrawn.");
});
