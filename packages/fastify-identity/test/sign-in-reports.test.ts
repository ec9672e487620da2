import { codeOf } from "@org/dev-kit/authenticator-app";
import type { FastifyInstance, LightMyRequestResponse } from "fastify";
import { Types } from "mongoose";
import { describe, expect, it } from "vitest";
import { Visitor } from "./pages/visitor.js";
import { enrolled } from "./second-factor.js";
import { type Person, password, someone, useIdentity } from "./support.js";

const setting = useIdentity();
const stranger = {
  "user-agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
};

interface SignedIn {
  readonly id: string;
  readonly bearer: { authorization: string };
}

async function signIn(app: FastifyInstance, { email }: Person, headers = stranger): Promise<SignedIn> {
  const payload = { identifier: email, password, delivery: "token" };
  const answer = await app.inject({ method: "POST", url: "/v1/sessions", payload, headers });
  const { id, token } = answer.json();
  return { id, bearer: { authorization: `Bearer ${token}` } };
}

const post = (app: FastifyInstance, url: string, headers: object, payload: object = {}) =>
  app.inject({ method: "POST", url: `/v1${url}`, headers: { ...headers }, payload });
const report = (app: FastifyInstance, from: { bearer: object }, sessionId: string) =>
  post(app, "/security/feedback", from.bearer, { sessionId, verdict: "not_mine" });
const lives = async (app: FastifyInstance, { bearer }: { bearer: object }) =>
  (await app.inject({ url: "/v1/session", headers: { ...bearer } })).statusCode === 200;
const codeFrom = (answer: LightMyRequestResponse) => answer.json().code;
const mailOf = (kind: string, { email }: Person) =>
  setting.notices.findLast((notice) => notice.kind === kind && notice.to === email);

/** An owner, and a stranger who signed in with their password from a new device. */
async function world(app: FastifyInstance) {
  const owner = await someone(app);
  setting.clock.advance(60_000);
  const theirs = await signIn(app, owner);
  await setting.settle();
  return { owner, theirs };
}

describe("a sign-in that is reported from a session", () => {
  it("ends every session, locks the password, and tells the owner with a way back", async () => {
    const app = await setting.app();
    const { owner, theirs } = await world(app);
    const answer = await report(app, owner, theirs.id);
    expect(answer.json().report).toMatchObject({
      state: "done",
      byMail: false,
      takenOff: { password: true },
      signIn: { device: "Firefox on Windows", methods: ["password"] },
    });
    expect([await lives(app, theirs), await lives(app, owner)]).toEqual([false, false]);
    expect(codeFrom(await post(app, "/sessions", {}, { identifier: owner.email, password }))).toBe(
      "BAD_CREDENTIALS",
    );
    await setting.settle();
    expect(mailOf("sign_in_reported", owner)?.facts).toMatchObject({
      change: "locked",
      device: "Firefox on Windows",
    });
    const { token } = mailOf("password_reset", owner)?.facts ?? {};
    const another = "another battery staple horse";
    expect((await post(app, "/password-reset/confirm", {}, { token, password: another })).statusCode).toBe(
      200,
    );
    const userId = new Types.ObjectId(owner.userId);
    const [kept] = await setting.identity.signInReports.list({ userId });
    expect(kept).toMatchObject({ told: true });
    const events = await setting.identity.audit.list({ subjectId: userId, page: { limit: 20 } });
    expect(events.map(({ action }) => action)).toContain("sign_in.reported");
  });

  it("takes a recent proof, in which the factors that the stranger added do not count", async () => {
    const app = await setting.app({ recentAuthenticationMs: 300_000 });
    const { owner, theirs } = await world(app);
    const begun = await post(app, "/factors/totp", theirs.bearer);
    const code = codeOf(begun.json().secret, setting.clock.now());
    expect((await post(app, "/factors/totp/confirm", theirs.bearer, { code })).statusCode).toBe(200);
    setting.clock.advance(600_000);
    const refused = await report(app, owner, theirs.id);
    expect(refused.json()).toMatchObject({ code: "RECENT_AUTHENTICATION_REQUIRED", ask: ["password"] });
    expect(await lives(app, theirs)).toBe(false); // Its token was replaced when it proved the code.
    const again = await post(app, "/session/authentication", owner.bearer, { password });
    const bearer = { authorization: `Bearer ${again.json().token}` };
    const answer = await report(app, { bearer }, theirs.id);
    expect(answer.json().report).toMatchObject({ takenOff: { totp: true, password: true } });
  });

  it("takes the owner's own second factor where there is one", async () => {
    const app = await setting.app({ recentAuthenticationMs: 300_000 });
    const owner = await enrolled(setting, app);
    setting.clock.advance(600_000);
    const other = await setting.identity.sessions.open({
      userId: new Types.ObjectId(owner.userId),
      proofs: ["password"],
    });
    const again = await post(app, "/session/authentication", owner.bearer, { password });
    const bearer = { authorization: `Bearer ${again.json().token}` };
    const answer = await report(app, { bearer }, other.id.toHexString());
    expect(answer.json()).toMatchObject({
      code: "RECENT_AUTHENTICATION_REQUIRED",
      ask: ["totp", "recovery_code"],
    });
  });

  it("is undone by step-up: what was taken off is listed and given back", async () => {
    const app = await setting.app();
    const { owner } = await world(app);
    const userId = new Types.ObjectId(owner.userId);
    const { signInReports, sessions, externalIdentities } = setting.identity;
    const theirs = await sessions.open({ userId, proofs: ["external"] });
    const subject = { issuer: "https://accounts.example", subject: owner.userId };
    await externalIdentities.link({ userId, sessionId: theirs.id, provider: "example", ...subject });
    await report(app, owner, theirs.id.toHexString());
    const back = await signIn(app, owner);
    const headers = { ...back.bearer };
    const listed = (await app.inject({ url: "/v1/security/reports", headers })).json();
    expect(listed).toMatchObject({
      reports: [{ takenOff: { providers: ["example"], password: false } }],
      next: null,
    });
    const [{ id }] = listed.reports;
    const undone = await post(app, `/security/reports/${id}/undo`, headers);
    expect(undone.json()).toMatchObject({ state: "undone", restored: 1 });
    expect((await externalIdentities.list({ userId })).linked).toMatchObject([{ provider: "example" }]);
    const twice = await post(app, `/security/reports/${id}/undo`, headers);
    expect([twice.statusCode, codeFrom(twice)]).toEqual([404, "REPORT_NOT_FOUND"]);
    expect((await signInReports.list({ userId }))[0]).toMatchObject({ state: "undone" });
    const stale = await setting.app({ recentAuthenticationMs: 1_000 });
    setting.clock.advance(2_000);
    expect(codeFrom(await post(stale, `/security/reports/${id}/undo`, headers))).toBe(
      "RECENT_AUTHENTICATION_REQUIRED",
    );
  });

  it("is gone on with by another instance, which tells the owner", async () => {
    const app = await setting.app();
    const { owner, theirs } = await world(app);
    const userId = new Types.ObjectId(owner.userId);
    const sessionId = new Types.ObjectId(theirs.id);
    // As an instance leaves it that is killed behind the report.
    await setting.identity.signInReports.report({ userId, sessionId, fromSessionId: new Types.ObjectId() });
    setting.clock.advance(3_600_000);
    const other = await setting.app({ sweepMs: 10 });
    await expect.poll(() => mailOf("sign_in_reported", owner)?.facts.change).toBe("locked");
    await other.close();
    const [told] = await setting.identity.signInReports.list({ userId });
    expect(told).toMatchObject({ told: true });
  });
});

describe("the button of a mail about a sign-in", () => {
  const buttonOf = (owner: Person) => mailOf("new_device", owner)?.facts.token ?? "";

  it("reports by the API, once, without a session", async () => {
    const app = await setting.app();
    const { owner, theirs } = await world(app);
    const token = buttonOf(owner);
    const pressed = await post(app, "/security/reports/mailed", {}, { token });
    expect(pressed.json()).toMatchObject({ sessionId: theirs.id, byMail: true, state: "done" });
    expect(pressed.body).not.toContain(token);
    expect(await lives(app, theirs)).toBe(false);
    const twice = await post(app, "/security/reports/mailed", {}, { token });
    expect([twice.statusCode, twice.json().code, twice.json().reason]).toEqual([
      400,
      "TOKEN_INVALID",
      "used",
    ]);
  });

  // FusionAuth #629, Ghost #12347: programs that scan mails follow every link.
  it("does nothing when its link is followed, however often, and reports when the button is pressed", async () => {
    const app = await setting.app();
    const { owner, theirs } = await world(app);
    const { text, html } = mailOf("new_device", owner) ?? {};
    const link = /https:\/\/id\.example\.com(\/account\/not-me\?token=[\w-]+)/.exec(text ?? "")?.[1] ?? "";
    expect(html).toContain(link.replace("&", "&amp;"));
    const scanner = new Visitor(app);
    for (let visit = 0; visit < 3; visit++) expect((await scanner.get(link)).statusCode).toBe(200);
    await app.inject({ method: "HEAD", url: link });
    expect(await lives(app, theirs)).toBe(true);
    const reader = new Visitor(app);
    const pressed = await reader.send(link, { token: buttonOf(owner) });
    expect([pressed.statusCode, pressed.headers.location]).toEqual([303, "/account/sign-in"]);
    expect(await lives(app, theirs)).toBe(false);
    const again = await reader.send(link, { token: buttonOf(owner) });
    expect(again.statusCode).toBe(400);
  });

  it("shows nothing of its token in a log", async () => {
    const lines: string[] = [];
    const logger = { level: "trace", stream: { write: (line: string) => void lines.push(line) } };
    const app = await setting.app({}, undefined, { logger });
    const { owner } = await world(app);
    const token = buttonOf(owner);
    await post(app, "/security/reports/mailed", {}, { token });
    await post(app, "/security/reports/mailed", {}, { token });
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.join("")).not.toContain(token);
  });
});

describe("the pages", () => {
  it("report a session, send who knew the password to the mail, and show what was taken off", async () => {
    const app = await setting.app();
    const { owner, theirs } = await world(app);
    const browser = new Visitor(app);
    await browser.send("/account/sign-in", { identifier: owner.email, password });
    const security = await browser.get("/account/security");
    expect(security.body).toContain("This was not me");
    const form = {
      form_token: /name="form_token" value="([^"]*)"/.exec(security.body)?.[1] ?? "",
      id: theirs.id,
    };
    const pressed = await browser.post("/account/security/sessions/not-mine", form);
    expect(pressed.headers.location).toBe("/account/sign-in");
    const next = await browser.get("/account/sign-in");
    expect(next.body).toContain("Look in your mail");
    await setting.settle();
    const { token = "" } = mailOf("password_reset", owner)?.facts ?? {};
    const another = "another battery staple horse";
    await browser.send(`/account/reset-password?token=${token}`, { token, new_password: another });
    await browser.send("/account/sign-in", { identifier: owner.email, password: another });
    const after = await browser.get("/account/security");
    expect(after.body).toContain("Sign-ins that were not you");
    expect(after.body).toContain("It was me: undo it");
    const [report] = await setting.identity.signInReports.list({ userId: new Types.ObjectId(owner.userId) });
    const undo = { ...form, id: report?.id.toHexString() ?? "" };
    const page = await browser.post("/account/security/reports/undo", {
      ...undo,
      form_token: /name="form_token" value="([^"]*)"/.exec(after.body)?.[1] ?? "",
    });
    expect(page.headers.location).toBe("/account/security");
    const events = await browser.get("/account/activity");
    expect(events.body).toContain("A sign-in was reported as somebody else");
  });

  it("offer the button at each sign-in that the activity tells of", async () => {
    const app = await setting.app();
    const { owner, theirs } = await world(app);
    const browser = new Visitor(app);
    await browser.send("/account/sign-in", { identifier: owner.email, password });
    const activity = await browser.get("/account/activity");
    expect(activity.body).toContain(`value="${theirs.id}"`);
  });
});
