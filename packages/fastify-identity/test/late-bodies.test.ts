// Bodies that are held back until what let their request through has ended, after a public report (OpenMausBot 1058).
import { type AddressInfo, connect } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import { Types } from "mongoose";
import { expect, test } from "vitest";
import { credentials, makeClient, post } from "./oauth/world.js";
import { password, someone, useIdentity } from "./support.js";

const setting = useIdentity();
let letThrough = () => undefined as unknown;

const listening = async () => {
  const app = await setting.app({ oauth: true }, (inner) => {
    // Runs after the guard.
    inner.addHook("preParsing", async () => void letThrough());
    const access = { scope: "notes", accept: ["session", "api_key", "client"] } as const;
    inner.post("/notes", { config: { identity: access } }, (request) => ({ by: request.identity?.kind }));
  });
  await app.listen({ host: "127.0.0.1", port: 0 });
  return app;
};

/** Sends the head of a request, and its body when `meanwhile` is done, later than a body may come without a second look. */
async function held(
  app: FastifyInstance,
  [method, path]: readonly [string, string],
  headers: Record<string, string>,
  body: object,
  meanwhile: () => Promise<unknown>,
) {
  const text = JSON.stringify(body);
  const through = new Promise<void>((resolve) => {
    letThrough = resolve as () => undefined;
  });
  const socket = connect((app.server.address() as AddressInfo).port, "127.0.0.1");
  let received = "";
  socket.on("data", (part) => {
    received += String(part);
  });
  const ended = new Promise((resolve) => socket.once("close", resolve));
  const sent = {
    host: "id.example.com",
    "content-type": "application/json",
    "content-length": String(text.length),
    connection: "close",
    ...headers,
  };
  const lines = Object.entries(sent).map(([name, value]) => `${name}: ${value}`);
  socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
  await through;
  letThrough = () => undefined;
  await meanwhile();
  await wait(1_100);
  socket.write(text);
  await ended;
  const [, answer = "{}"] = received.split("\r\n\r\n");
  return { status: Number(received.split(" ")[1]), body: answer ? JSON.parse(answer) : undefined };
}

const nothing = async () => undefined;

test.each([
  ["an API key", ["POST", "/v1/api-keys"], { name: "backdoor", scopes: ["security:read"] }],
  ["a change of the address", ["POST", "/v1/email-change"], { email: "thief@example.com" }],
  ["settings", ["PATCH", "/v1/security"], { alerts: { newDevice: false } }],
  ["a profile", ["PATCH", "/v1/profile"], { displayName: "Mallory" }],
  ["an erasure", ["DELETE", "/v1/account"], { password }],
  ["a route of the application", ["POST", "/notes"], { text: "x" }],
] as const)("%s is not for a session that ended before the body came", async (_what, route, body) => {
  const app = await listening();
  const { userId: id, bearer } = await someone(app);
  const userId = new Types.ObjectId(id);
  const answer = await held(app, route, bearer, body, () => setting.identity.sessions.revokeAll({ userId }));
  expect([answer.status, answer.body.code]).toEqual([401, "SESSION_INVALID"]);
  expect(await setting.identity.apiKeys.list({ userId })).toEqual([]);
  expect(await setting.identity.users.read(userId)).toMatchObject({ status: "active", profile: {} });
});

test("a late body of a session that lives is answered", async () => {
  const app = await listening();
  const { bearer } = await someone(app);
  const answer = await held(app, ["PATCH", "/v1/profile"], bearer, { displayName: "Ada" }, nothing);
  expect(answer).toMatchObject({ status: 200, body: { profile: { displayName: "Ada" } } });
});

test("an API key that was revoked, and one that lives, whose quota counts the request once", async () => {
  const app = await listening();
  const userId = new Types.ObjectId((await someone(app)).userId);
  const input = { userId, name: "notes", scopes: ["notes"], quota: { remaining: 1 } };
  const { key } = await setting.identity.apiKeys.create(input);
  const good = await held(app, ["POST", "/notes"], { "x-api-key": key }, {}, nothing);
  expect(good).toEqual({ status: 200, body: { by: "api_key" } });
  const other = await setting.identity.apiKeys.create({ userId, name: "other", scopes: ["notes"] });
  const revoke = () => setting.identity.apiKeys.revoke({ userId, keyId: other.apiKey.id });
  const ended = await held(app, ["POST", "/notes"], { "x-api-key": other.key }, {}, revoke);
  expect([ended.status, ended.body.code]).toEqual([401, "API_KEY_INVALID"]);
  const suspend = () => setting.identity.users.setStatus({ userId, status: "suspended" });
  const { key: third } = await setting.identity.apiKeys.create({ userId, name: "third", scopes: ["notes"] });
  const off = await held(app, ["POST", "/notes"], { "x-api-key": third }, {}, suspend);
  expect(off.body.code).toBe("USER_NOT_ACTIVE");
});

test.each(["opaque", "jwt"] as const)(
  "an app that acts for itself, with a token: %s",
  async (accessTokenFormat) => {
    const app = await listening();
    const machine = await makeClient(setting, {
      grantTypes: ["client_credentials"],
      redirectUris: [],
      accessTokenFormat,
    });
    const asked = { grant_type: "client_credentials", scope: "notes", ...credentials(machine) };
    const { access_token } = (await post(app, "/oauth/token", asked)).json();
    const bearer = { authorization: `Bearer ${access_token}` };
    expect(await held(app, ["POST", "/notes"], bearer, {}, nothing)).toEqual({
      status: 200,
      body: { by: "client" },
    });
  },
);
