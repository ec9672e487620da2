// When tokens end: OpenID Connect Core section 11, offline_access.
import { duration } from "@org/db-models/core";
import type { FastifyInstance } from "fastify";
import { beforeEach, describe, expect, test } from "vitest";
import { formToken } from "../pages/visitor.js";
import { useIdentity } from "../support.js";
import {
  agree,
  answerIn,
  authorizeUrl,
  type Client,
  credentials,
  makeClient,
  makeVisitor,
  post,
  redeem,
  signIn,
} from "./world.js";

const setting = useIdentity();
let app: FastifyInstance;
beforeEach(async () => {
  app = await setting.app({ oauth: true });
});

const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code" as const;

interface Tokens {
  readonly access_token: string;
  readonly refresh_token?: string;
  readonly scope: string;
}

async function byCode(scope: string, changes: Parameters<typeof makeClient>[1] = {}) {
  const client = await makeClient(setting, changes);
  const person = await makeVisitor(setting, app);
  const { code } = answerIn(await agree(person.visitor, person.email, authorizeUrl(client, { scope })));
  return { client, ...person, tokens: (await redeem(app, client, code)) as Tokens };
}

async function atDevice(scope: string) {
  const grantTypes = [deviceGrant, "refresh_token"] as const;
  const client = await makeClient(setting, { type: "public", redirectUris: [], grantTypes: [...grantTypes] });
  const { client_id = "" } = credentials(client);
  const codes = (await post(app, "/oauth/device_authorization", { client_id, scope })).json();
  const person = await makeVisitor(setting, app);
  await signIn(person.visitor, person.email);
  const form_token = formToken((await person.visitor.get("/account/device")).body);
  const form = { form_token, user_code: codes.user_code, decision: "allow" };
  await person.visitor.post("/account/device/decision", form);
  const poll = () =>
    post(app, "/oauth/token", { client_id, grant_type: deviceGrant, device_code: codes.device_code });
  return { client, ...person, poll };
}

const byDevice = async (scope: string) => {
  const { poll, ...device } = await atDevice(scope);
  return { ...device, tokens: (await poll()).json() as Tokens };
};

async function isAlive(client: Client, { access_token, refresh_token = "" }: Tokens) {
  const refresh = { ...credentials(client), grant_type: "refresh_token", refresh_token };
  const refreshed = await post(app, "/oauth/token", refresh);
  const { ok } = await setting.identity.oauth.validate(access_token);
  return { access: ok, refresh: refreshed.statusCode === 200 };
}

const ends = {
  "all sessions are ended": async ({ userId }: Awaited<ReturnType<typeof byCode>>) => {
    await setting.identity.sessions.revokeAll({ userId });
  },
  "the session is idle too long": async () => {
    setting.clock.advance(12 * duration.hour);
  },
};

describe.each([
  ["a code", byCode, "openid notes"],
  ["a code without openid", byCode, "notes"],
  ["a device", byDevice, "openid notes"],
  ["a device without openid", byDevice, "notes"],
] as const)("%s", (_what, granted, scope) => {
  test.each(Object.entries(ends))("without offline_access nothing lives after %s", async (_how, end) => {
    const made = await granted(scope);
    expect(await isAlive(made.client, made.tokens)).toEqual({ access: true, refresh: true });
    await end(made);
    expect(await isAlive(made.client, made.tokens)).toEqual({ access: false, refresh: false });
  });

  test.each(Object.entries(ends))(
    "with offline_access the refresh token lives after %s",
    async (_how, end) => {
      const made = await granted(`${scope} offline_access`);
      await end(made);
      expect(await isAlive(made.client, made.tokens)).toMatchObject({ refresh: true });
    },
  );
});

test("a session that is used goes on, and the tokens with it", async () => {
  const { client, tokens, visitor } = await byCode("openid notes");
  for (let at = 0; at < 3; at += 1) {
    setting.clock.advance(7 * duration.hour);
    expect((await visitor.get("/account")).statusCode).toBe(200);
  }
  expect(await isAlive(client, tokens)).toMatchObject({ refresh: true });
});

test("a device whose user has signed out before it asked gets nothing without offline_access", async () => {
  for (const [scope, status] of [
    ["openid", 400],
    ["openid offline_access", 200],
  ] as const) {
    const { poll, userId } = await atDevice(scope);
    await setting.identity.sessions.revokeAll({ userId });
    expect((await poll()).statusCode).toBe(status);
  }
});

test("an app that gets no refresh tokens gets no offline_access either", async () => {
  const grantTypes = ["authorization_code" as const];
  const { client, tokens, userId } = await byCode("openid offline_access", { grantTypes });
  expect(tokens).toMatchObject({ scope: "openid" });
  expect(tokens).not.toHaveProperty("refresh_token");
  await setting.identity.sessions.revokeAll({ userId });
  expect(await isAlive(client, tokens)).toMatchObject({ access: false });
});

test("Core section 3.1.2.1: scopes that are not known are ignored, and the answer says what was granted", async () => {
  const { tokens, userId } = await byCode("openid groups address notes");
  expect(tokens.scope).toBe("notes openid");
  expect(await setting.identity.oauth.listConsents({ userId })).toMatchObject([
    { scopes: ["notes", "openid"] },
  ]);
  expect((await byDevice("openid groups")).tokens.scope).toBe("openid");
});
