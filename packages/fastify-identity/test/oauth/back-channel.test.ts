// OpenID Connect Back-Channel Logout: apps hear of every end of a session.

import { createHash } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import type { Types } from "mongoose";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { isClosedAddress, postForm } from "../../src/oauth/post-form.js";
import { password, useIdentity } from "../support.js";
import { makeClient } from "./world.js";

const setting = useIdentity();
const received: string[] = [];
let status = 200;
const receiver = createServer(async (request: IncomingMessage, response) => {
  let body = "";
  for await (const part of request) body += part;
  received.push(body);
  response.writeHead(status).end();
});
let address = "";
beforeAll(async () => {
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  address = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/logout`;
});
afterAll(() => void receiver.close());

const issuer = "http://localhost:3000";
const local = { oauth: { logoutSweepMs: 20 }, issuer };
let people = 0;

/** Somebody who is signed in to an app with a session. */
async function signedIn(backChannelLogoutUri: string) {
  people += 1;
  const { users, oauth } = setting.identity;
  const { _id: userId } = await users.register({ email: `ended${people}@example.com`, password });
  const client = await makeClient(setting, { backChannelLogoutUri });
  await oauth.grantConsent({ userId, appId: client.app._id, scopes: ["openid"] });
  const sessionId = await signedInTo(client, userId);
  return { userId, sessionId, client };
}

/** A session of somebody who consents, with which the app has signed them in. */
async function signedInTo(client: Awaited<ReturnType<typeof makeClient>>, userId: Types.ObjectId) {
  const { sessions, oauth } = setting.identity;
  const { id: sessionId } = await sessions.open({ userId });
  const request = {
    userId,
    clientId: client.clientId,
    redirectUri: client.app.redirectUris[0],
    responseType: "code",
    scope: "openid",
    codeChallenge: createHash("sha256").update("v".repeat(43)).digest("base64url"),
    codeChallengeMethod: "S256",
    facts: { sessionId },
  };
  const authorization = await oauth.authorize(request);
  if (!authorization.ok) throw new Error(authorization.reason);
  return sessionId;
}

const tokenIn = (body: string) => new URLSearchParams(body).get("logout_token") ?? "";

test("sections 2.4 and 2.5: a signed logout token, once, whatever ended the session, from whichever instance", async () => {
  const apps = [await setting.app(local), await setting.app(local)];
  await Promise.all(apps.map((app) => app.ready()));
  received.length = 0;
  status = 200;
  const { userId, sessionId, client } = await signedIn(address);
  await setting.identity.sessions.revoke({ userId, sessionId, reason: "risk" });
  await vi.waitFor(() => expect(received).toHaveLength(1), { timeout: 10_000 });
  const token = tokenIn(received[0] ?? "");
  const { keys } = (await apps[0]!.inject("/oauth/jwks")).json();
  const { payload } = await jwtVerify(token, createLocalJWKSet({ keys }), {
    issuer,
    audience: client.clientId,
    typ: "logout+jwt",
    currentDate: setting.clock.now(),
  });
  expect(payload).toMatchObject({
    sub: userId.toHexString(),
    sid: sessionId.toHexString(),
    jti: expect.any(String),
    events: { "http://schemas.openid.net/event/backchannel-logout": {} },
  });
  expect(payload).not.toHaveProperty("nonce");
  expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBeLessThanOrEqual(120);
  expect(decodeProtectedHeader(token).alg).toBe("RS256");
  const other = await signedIn(address);
  await setting.identity.sessions.revokeAll({ userId: other.userId });
  await vi.waitFor(() => expect(received).toHaveLength(2), { timeout: 10_000 });
  expect(received).toHaveLength(2);
});

test("an app that does not answer is told again, a bounded number of times", async () => {
  const app = await setting.app(local);
  await app.ready();
  received.length = 0;
  status = 500;
  const { userId, sessionId } = await signedIn(address);
  await setting.identity.sessions.revoke({ userId, sessionId });
  await vi.waitFor(() => expect(received).toHaveLength(1), { timeout: 10_000 });
  setting.clock.advance(15_000);
  await vi.waitFor(() => expect(received).toHaveLength(2), { timeout: 10_000 });
  status = 200;
  setting.clock.advance(45_000);
  await vi.waitFor(() => expect(received).toHaveLength(3), { timeout: 10_000 });
  setting.clock.advance(240_000);
  const another = await signedIn(address);
  await setting.identity.sessions.revoke({ userId: another.userId, sessionId: another.sessionId });
  await vi.waitFor(() => expect(received).toHaveLength(4), { timeout: 10_000 });
});

test("an app that hangs keeps no other app from being told, and the service from closing", async () => {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let asked = 0;
  const hanging = createServer(async (_request, response) => {
    asked += 1;
    await released;
    response.writeHead(200).end();
  });
  await new Promise<void>((resolve) => hanging.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void hanging.close());
  const slow = `http://127.0.0.1:${(hanging.address() as AddressInfo).port}/logout`;
  const app = await setting.app({ ...local, noticeTimeoutMs: 60_000 });
  received.length = 0;
  status = 200;
  const { userId, client } = await signedIn(slow);
  for (let more = 0; more < 9; more++) await signedInTo(client, userId);
  const prompt = await signedIn(address);
  await setting.identity.sessions.revokeAll({ userId });
  await setting.identity.sessions.revoke({ userId: prompt.userId, sessionId: prompt.sessionId });
  await app.ready();
  await vi.waitFor(() => expect(received).toHaveLength(1), { timeout: 30_000 });
  // To one app four at a time.
  expect(asked).toBe(4);
  const closing = app.close();
  release();
  await closing;
  expect(asked).toBe(4);
  const another = await setting.app(local);
  await another.ready();
  await vi.waitFor(() => expect(asked).toBe(10), { timeout: 30_000 });
});

test("an end is told though the clock of the instance that ended it is five minutes ahead", async () => {
  const app = await setting.app(local);
  await app.ready();
  received.length = 0;
  status = 200;
  const { userId, sessionId } = await signedIn(address);
  const revokedAt = new Date(setting.clock.now().getTime() + 300_000);
  const ended = { $set: { revokedAt, revocationReason: "signed_out" }, $unset: { slot: "" } };
  await setting.identity.models.UserSession.collection.updateOne({ _id: sessionId, userId }, ended);
  await vi.waitFor(() => expect(received).toHaveLength(1), { timeout: 10_000 });
});

test("however many sessions end at once, none is hidden behind the others", async () => {
  const { userId, client } = await signedIn(address);
  const sessions: Types.ObjectId[] = [];
  for (let more = 0; more < 12; more++) sessions.push(await signedInTo(client, userId));
  await setting.identity.sessions.revokeAll({ userId });
  const now = setting.clock.now().getTime();
  const period = { from: new Date(now - 1_000), to: new Date(now + 1_000), limit: 5 };
  const found = new Set<string>();
  for await (const { sessionId, apps } of setting.identity.oauth.endedSignIns(period))
    if (apps.some(({ clientId }) => clientId === client.clientId)) found.add(sessionId.toHexString());
  expect(sessions.filter((id) => !found.has(id.toHexString()))).toEqual([]);
});

test("ASVS 10.5.5: no address of this machine or a private network is called", async () => {
  const closed = [
    "127.0.0.1",
    "10.1.2.3",
    "169.254.169.254",
    "192.168.0.1",
    "::1",
    "fd00::1",
    "::ffff:127.0.0.1",
  ];
  expect(closed.filter((one) => !isClosedAddress(one))).toEqual([]);
  expect(["1.1.1.1", "2606:4700::1111"].filter(isClosedAddress)).toEqual([]);
  const options = { timeoutMs: 1_000, local: false };
  received.length = 0;
  const addresses = [
    address,
    address.replace("http:", "https:"),
    "https://localhost/",
    "https://[::1]/",
    "https://127.1/",
  ];
  for (const one of addresses) await expect(postForm(one, {}, options)).rejects.toThrow();
  expect(received).toEqual([]);
});
