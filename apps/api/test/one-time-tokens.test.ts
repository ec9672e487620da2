import type { Notice } from "@org/fastify-identity";
import { Types } from "mongoose";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { cookie, cookieOf, type Person, password, useApi } from "./support/api.js";

const notices: Notice[] = [];
const notifier = { send: async (notice: Notice) => void notices.push(notice), close: async () => undefined };
const never = () => new Promise<never>(() => undefined);
const api = useApi({}, { notifier });
const chosen = "a password that was just chosen";
let person: Person;

beforeEach(async () => {
  notices.length = 0;
  person = await api.register();
});
afterEach(() => vi.restoreAllMocks());

const post = (url: string, payload: object = {}, headers: Record<string, string> = {}, app = api.app) =>
  app.inject({ method: "POST", url, payload, headers });
const signIn = (typed: string) => post("/v1/sessions", { identifier: person.email, password: typed });

/** The last notice of a kind, once it is there. */
async function sent(kind: Notice["kind"]): Promise<Notice> {
  const last = () => notices.findLast((notice) => notice.kind === kind);
  await vi.waitUntil(() => last() !== undefined);
  return last() as Notice;
}

const tokenOf = async (kind: Notice["kind"]) => (await sent(kind)).facts.token as string;

async function askForReset(email = person.email): Promise<string> {
  notices.length = 0;
  expect((await post("/v1/password-reset", { email })).statusCode).toBe(202);
  return tokenOf("password_reset");
}

const trailOf = async (action: string) =>
  (await api.models.AuditEvent.find({ action }).sort({ at: 1, sequence: 1 }).lean()).map(
    ({ outcome, details }) => [outcome, ...details.map(({ value }) => value)].join(" "),
  );

describe("an email address", () => {
  test("is verified with the token that registering has sent, on any device, and once", async () => {
    const { to, text, facts } = await sent("email_verification");
    expect(to).toBe(person.email);
    expect(text).toContain(facts.token);
    const confirm = () => post("/v1/email-verification/confirm", { token: facts.token });
    expect((await confirm()).statusCode).toBe(204);
    const { bearer } = await api.signIn(person);
    const profile = await api.app.inject({ url: "/v1/profile", headers: bearer });
    expect(profile.json().emailVerified).toBe(true);
    expect((await confirm()).json()).toMatchObject({ status: 400, code: "TOKEN_INVALID", reason: "used" });
    expect((await trailOf("email.verified")).slice(-2)).toEqual(["success", "failure used"]);
    const again = await post("/v1/email-verification", {}, bearer);
    expect(again.json()).toMatchObject({ status: 409, code: "EMAIL_ALREADY_VERIFIED" });
  });

  test("is sent another token, in the place of the one before, and no more than five in an hour", async () => {
    const first = await tokenOf("email_verification");
    const { bearer } = await api.signIn(person);
    const ask = () => post("/v1/email-verification", {}, bearer);
    const answer = await ask();
    expect(answer.statusCode).toBe(202);
    const { token, expiresAt } = (await sent("email_verification")).facts;
    expect(answer.json()).toEqual({ expiresAt });
    const confirm = (token: string) => post("/v1/email-verification/confirm", { token });
    expect((await confirm(first)).json().reason).toBe("unknown");
    for (let more = 0; more < 3; more++) expect((await ask()).statusCode).toBe(202);
    expect((await ask()).json()).toMatchObject({ status: 429, code: "MESSAGE_LIMIT" });
    expect((await confirm(token as string)).json().reason).toBe("unknown");
    expect((await confirm(await tokenOf("email_verification"))).statusCode).toBe(204);
  });

  test("needs a session, and a mail that was not sent is reported", async () => {
    expect((await post("/v1/email-verification")).json().code).toBe("SESSION_REQUIRED");
    const { bearer } = await api.signIn(person);
    const send = () => Promise.reject(new Error("no mail server"));
    const app = await api.build({}, { notifier: { ...notifier, send } });
    expect((await post("/v1/email-verification", {}, bearer, app)).json().code).toBe("NOTICE_NOT_SENT");
    const registered = await post("/v1/users", { email: "unsent@example.com", password }, {}, app);
    expect(registered.statusCode).toBe(201);
  });
});

describe("a forgotten password", () => {
  test("is reset with the token that was sent: every session ends, none opens, and the owner hears of it", async () => {
    const { bearer } = await api.signIn(person);
    const token = await askForReset();
    expect((await sent("password_reset")).text).toContain(token);
    const answer = await post("/v1/password-reset/confirm", { token, password: chosen });
    expect([answer.statusCode, answer.json()]).toEqual([200, { ended: 1 }]);
    expect(answer.cookies).toEqual([]);
    expect((await api.app.inject({ url: "/v1/session", headers: bearer })).json().reason).toBe("revoked");
    expect((await signIn(password)).json().code).toBe("BAD_CREDENTIALS");
    expect((await signIn(chosen)).statusCode).toBe(201);
    const alert = await sent("password_changed");
    expect(alert).toMatchObject({ to: person.email, facts: { how: "reset" } });
    expect(alert.text).not.toContain("ido_");
    const events = await api.identity.securityEvents.list({ userId: new Types.ObjectId(person.id) });
    expect(events.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(["password_reset_requested", "password_reset"]),
    );
    expect((await trailOf("password.reset")).at(-1)).toBe("success");
  });

  test.each([
    ["a typo", "ido_typo", "malformed"],
    ["one that was used", "", "used"],
  ])("is not reset with %s", async (_name, presented, reason) => {
    const token = await askForReset();
    await post("/v1/password-reset/confirm", { token, password: chosen });
    const again = { token: presented || token, password: "a password of somebody else" };
    const answer = await post("/v1/password-reset/confirm", again);
    expect(answer.json()).toMatchObject({ status: 400, code: "TOKEN_INVALID", reason });
    expect((await trailOf("password.reset")).at(-1)).toBe(`failure ${reason}`);
    expect((await signIn(chosen)).statusCode).toBe(201);
  });

  test("stays with a password too short, and the token stays good", async () => {
    const token = await askForReset();
    const short = await post("/v1/password-reset/confirm", { token, password: "short" });
    expect(short.json().code).toBe("INVALID_INPUT");
    expect((await post("/v1/password-reset/confirm", { token, password: chosen })).statusCode).toBe(200);
  });

  test("gets the same answer for every address, and the audit trail has the difference", async () => {
    const [suspended, flooded] = [await api.register(), await api.register()];
    await api.models.User.updateOne({ _id: suspended.id }, { status: "suspended" });
    for (let mail = 0; mail < 5; mail++) await askForReset(flooded.email);
    notices.length = 0;
    const before = (await trailOf("password.reset_requested")).length;
    const answers = [];
    for (const email of [person.email, "nobody@example.com", suspended.email, flooded.email]) {
      const { statusCode, body, headers } = await post("/v1/password-reset", { email });
      const { "x-request-id": _, date: __, ...same } = headers;
      answers.push({ statusCode, body, same: Object.keys(same).sort() });
      // One after the other, so that the trail has them in this order.
      const served = before + answers.length;
      await vi.waitUntil(async () => (await trailOf("password.reset_requested")).length === served);
    }
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect((await trailOf("password.reset_requested")).slice(-4)).toEqual([
      "success",
      "denied unknown",
      "denied not_active",
      "denied too_many_messages",
    ]);
    await sent("password_reset");
    expect(notices.map(({ to }) => to)).toEqual([person.email]);
  });

  test("is answered before anything is looked up, so that the time tells nothing", async () => {
    vi.spyOn(api.models.User.collection, "findOneAndUpdate").mockImplementation(never);
    const app = await api.build(
      { shutdownTimeoutMs: 100 },
      { auditTrail: never, notifier: { ...notifier, send: never } },
    );
    for (const email of [person.email, "nobody@example.com"]) {
      expect((await post("/v1/password-reset", { email }, {}, app)).statusCode).toBe(202);
    }
    vi.restoreAllMocks();
    // Nor does it hold up the end of the app for good.
    await app.close();
  });

  test("is sent its token although the app closes meanwhile", async () => {
    const app = await api.build();
    notices.length = 0;
    expect((await post("/v1/password-reset", { email: person.email }, {}, app)).statusCode).toBe(202);
    await app.close();
    expect(notices.map(({ kind }) => kind)).toEqual(["password_reset"]);
  });
});

test("of a password that was reset or changed its owner hears, and keeps the cookie, also without the audit trail", async () => {
  const auditTrail = () => Promise.reject(new Error("disk full"));
  const app = await api.build({}, { auditTrail });
  const signedIn = await api.signIn(person);
  const changed = await app.inject({
    method: "PUT",
    url: "/v1/account/password",
    headers: { ...cookie(signedIn.token), "sec-fetch-site": "same-origin" },
    payload: { password, newPassword: chosen },
  });
  expect([changed.statusCode, changed.json().code]).toEqual([503, "AUDIT_NOT_WRITTEN"]);
  expect((await sent("password_changed")).facts.how).toBe("changed");
  const session = await api.app.inject({
    url: "/v1/session",
    headers: cookie(cookieOf(changed)?.value ?? ""),
  });
  expect(session.json().id).toBe(signedIn.id);
  const token = await askForReset();
  const reset = await post("/v1/password-reset/confirm", { token, password }, {}, app);
  expect([reset.statusCode, reset.json().code]).toEqual([503, "AUDIT_NOT_WRITTEN"]);
  expect((await sent("password_changed")).facts.how).toBe("reset");
});

test("a change of the password is notified too", async () => {
  const { bearer: headers } = await api.signIn(person);
  const payload = { password, newPassword: chosen };
  const answer = await api.app.inject({ method: "PUT", url: "/v1/account/password", headers, payload });
  expect(answer.statusCode).toBe(200);
  expect(await sent("password_changed")).toMatchObject({ to: person.email, facts: { how: "changed" } });
});
