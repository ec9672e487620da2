import { Types } from "mongoose";
import { beforeAll, describe, expect, it } from "vitest";
import { recordLogin } from "../src/analytics/logins.js";
import { createApiKey } from "../src/api-keys/manage.js";
import { rotateApiKey } from "../src/api-keys/rotate.js";
import type { ProofMethod } from "../src/core/assurance.js";
import { duration } from "../src/core/limits.js";
import { hashPassword } from "../src/core/passwords.js";
import { confirmEmailChange } from "../src/email-changes/confirm.js";
import { requestEmailChange } from "../src/email-changes/request.js";
import { linkExternal, listExternal } from "../src/external/identities.js";
import { readFactors } from "../src/factors/account.js";
import { createRecoveryCodes } from "../src/factors/recovery-codes.js";
import { isDeviceRemembered, rememberDevice } from "../src/factors/remembered-devices.js";
import { confirmTotp, enrolTotp } from "../src/factors/totp.js";
import type { FactorSession, IdentityModels } from "../src/index.js";
import { registerApp } from "../src/oauth/apps.js";
import { grantConsent, listConsents } from "../src/oauth/consents.js";
import { exportUserData } from "../src/privacy/export.js";
import { readRiskKnowledge } from "../src/risk/knowledge.js";
import { listSecurityEvents } from "../src/security-events/events.js";
import { openSession } from "../src/sessions/open.js";
import { offerReport } from "../src/sign-in-reports/begin.js";
import { listReports, noteTold, reportSignIn, resumeReports } from "../src/sign-in-reports/report.js";
import { undoReport } from "../src/sign-in-reports/undo.js";
import { authenticateUser, readUser } from "../src/users/accounts.js";
import { requestPasswordReset, resetPassword } from "../src/users/password-reset.js";
import { contextAt } from "./context.js";
import { makeUser, separateModels, useIdentityDatabase } from "./database.js";
import { eraseUserData } from "./erasing.js";
import { codeOf } from "./factors-world.js";
import { after, now } from "./moment.js";
import { withPasskey } from "./passkeys-world.js";
import { verifyApiKey } from "./recorders.js";

const password = "the password of before";
const database = useIdentityDatabase();
let models: IdentityModels;
let passwordHash: string;
beforeAll(async () => {
  models = database().models;
  passwordHash = await hashPassword(password);
});

const opened = new Date(now.getTime() - duration.hour);
const context = (at = now) => contextAt(models, at);

/** An owner, who signed in before the stranger did. */
async function makeWorld(methods: readonly ProofMethod[] = ["password"], fields: object = {}) {
  const user = await makeUser(models, { passwordHash, emailVerifiedAt: opened, ...fields });
  const own = await signIn(user._id, ["password"], new Date(opened.getTime() - duration.minute));
  return { userId: user._id, email: user.email, own, theirs: await signIn(user._id, methods) };
}

async function signIn(
  userId: Types.ObjectId,
  methods: readonly ProofMethod[],
  at = opened,
): Promise<FactorSession> {
  const userAgent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
  const where = { ip: "203.0.113.7", userAgent, location: { country: "VN" } };
  const { id } = await openSession(contextAt(models, at), { userId, proofs: methods, ...where });
  return { id, userId, proofs: methods.map((method) => ({ method, at })) };
}

type World = Awaited<ReturnType<typeof makeWorld>>;

async function press(
  { userId, own, theirs }: Pick<World, "userId" | "own" | "theirs">,
  at = now,
  from = models,
) {
  const said = { userId, sessionId: theirs.id, fromSessionId: own.id };
  const reported = await reportSignIn(contextAt(from, at), said);
  if (!reported.ok) throw new Error(reported.reason);
  return reported;
}

const isLive = async (id: Types.ObjectId) =>
  (await models.UserSession.countDocuments({ _id: id, revokedAt: null })) === 1;
const signsIn = async (email: string) =>
  (await authenticateUser(context(), { identifier: email, password })).ok;
const subjectOf = () => ({ issuer: "https://accounts.example", subject: String(new Types.ObjectId()) });

async function addTotp(session: FactorSession, at = opened): Promise<void> {
  const enrolment = await enrolTotp(context(at), { session });
  if (!enrolment.ok) throw new Error(enrolment.reason);
  await confirmTotp(context(at), { session, code: codeOf(enrolment.secret, at) });
}

async function consented(userId: Types.ObjectId, sessionId: Types.ObjectId): Promise<void> {
  const { app } = await registerApp(context(), {
    ownerId: (await makeUser(models))._id,
    name: "Notes",
    type: "public",
    redirectUris: ["https://app.example.com/callback"],
    scopes: ["repo"],
  });
  await grantConsent(context(opened), { userId, sessionId, appId: app._id, scopes: ["repo"] });
}

describe("a report of a sign-in", () => {
  it("ends every session where the sign-in showed the password, which opens nothing until another is set by mail", async () => {
    const world = await makeWorld();
    const { report, created } = await press(world);
    expect(created).toBe(true);
    expect(report).toMatchObject({ state: "done", byMail: false, told: false, takenOff: { password: true } });
    expect([await isLive(world.theirs.id), await isLive(world.own.id)]).toEqual([false, false]);
    const { revocationReason } = (await models.UserSession.findById(world.theirs.id)) ?? {};
    expect(revocationReason).toBe("reported");
    expect(await signsIn(world.email)).toBe(false);
    const asked = await requestPasswordReset(context(), { email: world.email });
    if (!asked.ok) throw new Error(asked.reason);
    const another = "another password than before";
    const reset = await resetPassword(context(after(1)), { token: asked.token, password: another });
    expect(reset).toMatchObject({ ok: true });
  });

  it("ends that session alone where it was opened without the password and added nothing", async () => {
    const world = await makeWorld(["passkey"]);
    const { report } = await press(world);
    expect(report.takenOff).toMatchObject({ password: false });
    expect([await isLive(world.theirs.id), await isLive(world.own.id)]).toEqual([false, true]);
    expect(await signsIn(world.email)).toBe(true);
  });

  it("leaves a password that was set since the session ended", async () => {
    const world = await makeWorld();
    const asked = await requestPasswordReset(context(), { email: world.email });
    if (!asked.ok) throw new Error(asked.reason);
    await resetPassword(context(after(1_000)), { token: asked.token, password });
    expect((await press(world, after(2_000))).report.takenOff.password).toBe(false);
    expect(await signsIn(world.email)).toBe(true);
  });

  it("locks a password that was set in the session, whatever opened it", async () => {
    const world = await makeWorld(["external"], { passwordChangedAt: now });
    expect((await press(world, after(1))).report.takenOff.password).toBe(true);
  });

  it("takes off what was added from the session, and nothing else", async () => {
    const world = await makeWorld(["passkey"]);
    const { userId, own, theirs } = world;
    await addTotp(theirs);
    for (const [session, provider] of [
      [own, "first"],
      [theirs, "second"],
    ] as const) {
      await linkExternal(context(opened), { userId, sessionId: session.id, provider, ...subjectOf() });
    }
    const keys = { userId, scopes: ["a:b"] };
    const kept = await createApiKey(context(opened), { ...keys, name: "kept", sessionId: own.id });
    const added = await createApiKey(context(opened), { ...keys, name: "added", sessionId: theirs.id });
    const taken = await createApiKey(context(opened), { ...keys, name: "taken", sessionId: own.id });
    const rotated = { userId, sessionId: theirs.id, keyId: taken.apiKey.id };
    const { key: known } = await rotateApiKey(context(opened), rotated);
    await consented(userId, own.id);
    await consented(userId, theirs.id);
    const proved = { ...theirs, proofs: [...theirs.proofs, { method: "totp", at: opened } as const] };
    await createRecoveryCodes(context(opened), { session: proved });

    const { report } = await press(world);

    expect(report.takenOff).toEqual({
      passkeys: [],
      providers: ["second"],
      apiKeys: ["added", "taken"],
      apps: 1,
      totp: true,
      recoveryCodes: true,
      password: false,
    });
    expect(await readFactors(context(), { userId })).toMatchObject({ passkeys: [], recoveryCodes: 0 });
    expect((await readFactors(context(), { userId })).totp).toBeUndefined();
    expect((await listExternal(context(), { userId })).linked).toMatchObject([{ provider: "first" }]);
    const answers = [kept.key, added.key, known].map((key) => verifyApiKey(models, { key }, now));
    expect((await Promise.all(answers)).map(({ ok }) => ok)).toEqual([true, false, false]);
    expect(await listConsents(context(), { userId })).toHaveLength(1);
    // The reporter may be the stranger, who wanted the owner's factors gone.
    expect(await isLive(own.id)).toBe(false);
  });

  it("undoes a change of the address that the session asked for", async () => {
    const world = await makeWorld();
    const { userId, email, own, theirs } = world;
    const ask = (session: FactorSession, to: string) =>
      requestEmailChange(context(opened), { userId, sessionId: session.id, email: to });
    const asked = await ask(theirs, "stranger@example.org");
    if (!asked.ok) throw new Error(asked.reason);
    await confirmEmailChange(context(opened), { token: asked.token });
    expect((await press(world)).report.takenOff).toMatchObject({ email: "restored", password: true });
    expect((await readUser(context(), userId)).email).toBe(email);
    expect(await isLive(own.id)).toBe(false);

    const waiting = await makeWorld();
    await ask({ ...waiting.theirs }, "other@example.org").catch(() => undefined);
    const request = { userId: waiting.userId, sessionId: waiting.theirs.id, email: "other@example.org" };
    const pending = await requestEmailChange(context(opened), request);
    if (!pending.ok) throw new Error(pending.reason);
    expect((await press(waiting)).report.takenOff.email).toBe("cancelled");
    expect((await confirmEmailChange(context(), { token: pending.token })).ok).toBe(false);
  });

  it("forgets remembered devices, the device and the country of the sign-in, and tells the risk profile", async () => {
    const world = await makeWorld();
    const { userId, own, theirs } = world;
    await addTotp(own);
    const session = { ...own, proofs: [...own.proofs, { method: "totp", at: opened } as const] };
    await rememberDevice(context(opened), { session, deviceCookie: "d".repeat(43), label: "A phone" });
    const { deviceHash } = await models.UserSession.findById(theirs.id).lean().orFail();
    await recordLogin(context(opened), { userId, deviceHash, deviceLabel: "Firefox", country: "VN" });
    await press(world);
    expect(await isDeviceRemembered(context(), { userId, deviceCookie: "d".repeat(43) })).toBe(false);
    expect((await readUser(context(), userId)).analytics).toMatchObject({ devices: [], countries: [] });
    const { feedback } = await readRiskKnowledge(context(), { userId, keys: [] });
    expect(feedback).toMatchObject([
      { verdict: "not_mine", aboutSessionId: theirs.id, fromSessionId: own.id },
    ]);
  });

  it("leaves a way back to an account that had none but those of the session", async () => {
    const { userId, session } = await withPasskey(models, (await makeUser(models))._id, opened);
    const own = await signIn(userId, ["passkey"]);
    const { report } = await press({ userId, own, theirs: session });
    expect(report.takenOff).toMatchObject({ passkeys: ["Passkey"], password: true });
    const { email } = await readUser(context(), userId);
    expect(await requestPasswordReset(context(), { email })).toMatchObject({ ok: true });
  });

  it("knows no session of another user", async () => {
    const [one, other] = [await makeWorld(), await makeWorld()];
    const said = { userId: one.userId, sessionId: other.theirs.id, fromSessionId: one.own.id };
    expect(await reportSignIn(context(), said)).toEqual({ ok: false, reason: "unknown" });
    expect(await isLive(other.theirs.id)).toBe(true);
  });

  it("100 parallel presses, in four processes: one report, and one event", async () => {
    const world = await makeWorld();
    const processes = separateModels(database(), 4);
    const presses = Array.from({ length: 100 }, (_, index) =>
      press(world, now, processes[index % 4] as IdentityModels),
    );
    const made = await Promise.all(presses);
    expect(made.filter(({ created }) => created)).toHaveLength(1);
    expect(new Set(made.map(({ report }) => String(report.id))).size).toBe(1);
    expect(await models.SignInReport.countDocuments({ userId: world.userId })).toBe(1);
    const events = await listSecurityEvents(context(), { userId: world.userId, kind: "sign_in_reported" });
    expect(events).toHaveLength(1);
    expect(await signsIn(world.email)).toBe(false);
  });

  it("stands in the export of its user without keys, and goes with them", async () => {
    const { userId, session, passkey } = await withPasskey(models, (await makeUser(models))._id, opened);
    await press({ userId, own: await signIn(userId, ["passkey"]), theirs: session });
    const stored = await models.SignInReport.findOne({ userId }).lean();
    const [taken] = stored?.takenOff?.passkeys ?? [];
    const lines: unknown[] = [];
    for await (const record of exportUserData(context(), userId)) lines.push(record);
    const text = JSON.stringify(lines);
    expect(text).toContain(passkey.name);
    expect(taken?.publicKey).toBeDefined();
    expect(text).not.toContain(taken?.publicKey);
    await eraseUserData(context(), { userId });
    expect(await models.SignInReport.countDocuments({ userId })).toBe(0);
  });
});

describe("the button of a mail", () => {
  const offered = async (world: World) => {
    const { userId, theirs } = world;
    return offerReport(context(), { userId, sessionId: theirs.id });
  };

  it("reports once, without a session", async () => {
    const world = await makeWorld();
    const { token, expiresAt } = await offered(world);
    expect(expiresAt).toEqual(after(7 * duration.day));
    expect(await listReports(context(), { userId: world.userId })).toEqual([]);
    const pressed = await reportSignIn(context(after(1)), { token });
    expect(pressed).toMatchObject({ ok: true, created: true, report: { byMail: true, state: "done" } });
    expect(await isLive(world.theirs.id)).toBe(false);
    expect(await reportSignIn(context(after(2)), { token })).toEqual({ ok: false, reason: "used" });
    expect(await listReports(context(), { userId: world.userId })).toHaveLength(1);
  });

  it("is the same report as that of the page", async () => {
    const world = await makeWorld();
    const { token } = await offered(world);
    const { report } = await press(world);
    expect(await reportSignIn(context(), { token })).toEqual({ ok: false, reason: "used" });
    expect((await listReports(context(), { userId: world.userId })).map(({ id }) => id)).toEqual([report.id]);
  });

  it("is refused when it is none, unknown, or has expired", async () => {
    const world = await makeWorld();
    const { token, expiresAt } = await offered(world);
    const other = (await offered(await makeWorld())).token;
    await models.SignInReport.deleteMany({ userId: { $ne: world.userId } });
    for (const [given, at, reason] of [
      [undefined, now, "malformed"],
      ["x".repeat(100), now, "malformed"],
      [other, now, "unknown"],
      [token, expiresAt, "expired"],
      [token, new Date(now.getTime() - 60 * duration.day), "expired"],
    ] as const) {
      expect(await reportSignIn(context(at), { token: given })).toEqual({ ok: false, reason });
    }
    expect(await isLive(world.theirs.id)).toBe(true);
  });

  it("reports a sign-in whose session is gone by now", async () => {
    const world = await makeWorld();
    const { token } = await offered(world);
    await models.UserSession.deleteOne({ _id: world.theirs.id });
    const pressed = await reportSignIn(context(), { token });
    expect(pressed).toMatchObject({
      ok: true,
      report: { signIn: { country: "VN" }, takenOff: { password: true } },
    });
  });
});

describe("a report that was not carried out", () => {
  /** As a process leaves it that is killed after its first write. */
  async function halfDone(world: World) {
    await press(world);
    const stopped = { state: "pending", sweepAt: after(duration.minute) };
    await models.SignInReport.updateOne({ userId: world.userId }, { $set: stopped });
    await models.UserSession.updateOne({ _id: world.theirs.id }, { $unset: { revokedAt: "" } });
  }

  it("is gone on with by the next press, once nobody works on it", async () => {
    const world = await makeWorld();
    await halfDone(world);
    expect(await press(world, after(1))).toMatchObject({ created: false, report: { state: "pending" } });
    const later = await press(world, after(duration.minute));
    expect(later).toMatchObject({ created: false, report: { state: "done" } });
    expect(await isLive(world.theirs.id)).toBe(false);
  });

  it("is gone on with by resume, and returned until its owner was told", async () => {
    const world = await makeWorld();
    await halfDone(world);
    const own = async (at: Date) =>
      (await resumeReports(context(at))).reports.filter(({ userId }) => userId.equals(world.userId));
    expect(await own(after(duration.minute))).toMatchObject([{ state: "done", told: false }]);
    expect(await own(after(duration.minute))).toEqual([]);
    const [report] = await own(after(duration.hour));
    expect(report).toMatchObject({ told: false });
    if (report) await noteTold(context(), { id: report.id });
    expect(await own(after(2 * duration.hour))).toMatchObject([{ told: true }]);
    expect(await own(after(3 * duration.hour))).toEqual([]);
  });

  it("is gone on with though a clock that was a year ahead has put it off", async () => {
    const world = await makeWorld();
    await halfDone(world);
    await models.SignInReport.updateOne(
      { userId: world.userId },
      { $set: { sweepAt: after(365 * duration.day) } },
    );
    const { reports: resumed } = await resumeReports(context());
    expect(resumed.filter(({ userId }) => userId.equals(world.userId))).toMatchObject([{ state: "done" }]);
    expect(await isLive(world.theirs.id)).toBe(false);
  });

  it("that cannot be gone on with is named, and holds no other up", async () => {
    const [stuck, other] = [await makeWorld(), await makeWorld()];
    await halfDone(stuck);
    await halfDone(other);
    const due = { $set: { sweepAt: now } };
    // A repair by hand has made text of what was taken off.
    await models.SignInReport.collection.updateOne(
      { userId: stuck.userId },
      { $set: { takenOff: "all", sweepAt: now } },
    );
    await models.SignInReport.collection.updateOne({ userId: other.userId }, due);
    const { reports, failures } = await resumeReports(context());
    expect(reports.some(({ userId, state }) => userId.equals(other.userId) && state === "done")).toBe(true);
    const report = await models.SignInReport.collection.findOne({ userId: stuck.userId });
    expect(failures.map(({ id }) => id)).toEqual([report?._id]);
    await models.SignInReport.deleteOne({ userId: stuck.userId });
  });

  it("takes off what a request that was under way added after it", async () => {
    const world = await makeWorld();
    const { userId, theirs } = world;
    await press(world);
    await createApiKey(context(), { userId, sessionId: theirs.id, name: "late", scopes: ["a:b"] });
    await resumeReports(context(after(duration.hour)));
    const [report] = await listReports(context(), { userId });
    expect(report?.takenOff.apiKeys).toEqual(["late"]);
    expect(await models.ApiKey.countDocuments({ userId, revokedAt: null })).toBe(0);
  });
});

describe("an undone report", () => {
  async function reported() {
    const user = await makeUser(models, { passwordHash });
    const key = await withPasskey(models, user._id, opened);
    const { userId, session: theirs } = key;
    const person = subjectOf();
    await linkExternal(context(opened), { userId, sessionId: theirs.id, provider: "example", ...person });
    const world = { userId, theirs, own: await signIn(userId, ["password"]) };
    return { ...world, ...key, person, report: (await press(world)).report };
  }

  it("gives back passkeys and linked identities, and withdraws what it told the risk profile", async () => {
    const { userId, report, passkey } = await reported();
    expect(report).toMatchObject({ undoUntil: after(7 * duration.day) });
    expect((await readFactors(context(), { userId })).passkeys).toEqual([]);
    const undone = await undoReport(context(after(1)), { userId, id: report.id });
    expect(undone).toMatchObject({ ok: true, report: { state: "undone", restored: 2, undoneAt: after(1) } });
    expect((await readFactors(context(), { userId })).passkeys).toMatchObject([{ id: passkey.id }]);
    expect((await listExternal(context(), { userId })).linked).toMatchObject([{ provider: "example" }]);
    expect((await readRiskKnowledge(context(), { userId, keys: [] })).feedback).toEqual([]);
    // Not taken off again by the sweep that follows each report.
    await resumeReports(context(after(duration.hour)));
    expect((await readFactors(context(), { userId })).passkeys).toHaveLength(1);
  });

  it("is its user's alone, once, and in its time", async () => {
    const { userId, report } = await reported();
    const undo = (at: Date, who = userId) => undoReport(context(at), { userId: who, id: report.id });
    expect(await undo(now, new Types.ObjectId())).toEqual({ ok: false, reason: "unknown" });
    expect(await undo(after(7 * duration.day))).toEqual({ ok: false, reason: "expired" });
    const all = await Promise.all(Array.from({ length: 20 }, () => undo(now)));
    expect(all.filter(({ ok }) => ok)).toHaveLength(1);
    expect(await undo(now)).toEqual({ ok: false, reason: "undone" });
    expect((await readFactors(context(), { userId })).passkeys).toHaveLength(1);
  });

  it("leaves to another account what that has by now", async () => {
    const { userId, report, person } = await reported();
    const other = (await makeUser(models))._id;
    await linkExternal(context(), { userId: other, provider: "example", ...person });
    expect(await undoReport(context(), { userId, id: report.id })).toMatchObject({
      ok: true,
      report: { restored: 1 },
    });
    expect((await listExternal(context(), { userId })).linked).toEqual([]);
    expect((await listExternal(context(), { userId: other })).linked).toHaveLength(1);
  });

  it("is gone on with after a crash", async () => {
    const { userId, report } = await reported();
    await models.SignInReport.updateOne(
      { _id: report.id },
      { $set: { state: "undoing", sweepAt: after(duration.minute) } },
    );
    await resumeReports(context(after(duration.minute)));
    const [now] = await listReports(context(), { userId });
    expect(now).toMatchObject({ state: "undone", restored: 2 });
  });
});
