import { sha256 } from "@org/db-models/core";
import { codeOf } from "@org/dev-kit/authenticator-app";
import type { Notice } from "@org/fastify-identity";
import { mongo } from "mongoose";
import { expect, test, vi } from "vitest";
import { cookie, cookieOf, password, useApi } from "./support/api.js";

const notices: Notice[] = [];
const notifier = { send: async (notice: Notice) => void notices.push(notice), close: async () => undefined };
const browser = {
  headers: { "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0" },
};
/** Of which the owner is asked, for people do not sign in with it. */
const strange = { headers: { "user-agent": "curl/8.5.0" } };
const sealKey = "a key of forty-three characters and more, for tests";
const api = useApi({ sealKeys: [{ id: "test", key: sealKey }] }, { notifier });

/** Everything that a bearer was given, by its name; and what people chose. */
const secrets: Record<string, string> = {
  password,
  "the seal key": sealKey,
  "the next password": "a horse of another colour",
  "a third password": "a horse that nobody has seen",
};

const post = (url: string, payload?: object, client: object = browser) =>
  api.app.inject({ method: "POST", url, ...(payload && { payload }), ...client });
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

function keep(name: string, secret: string | undefined): string {
  if (!secret) throw new Error(`${name} was not given`);
  secrets[name] = secret;
  return secret;
}

async function useEverything(): Promise<void> {
  const { email } = await api.register();
  const credentials = { identifier: email, password };
  await useBrowser(credentials);
  const program = await post("/v1/sessions", { ...credentials, delivery: "token" });
  const token = keep("a program's token", program.json().token);
  await useKeys(token);
  await passChallenge(credentials);
  const changed = await api.app.inject({
    method: "PUT",
    url: "/v1/account/password",
    headers: bearer(token),
    payload: { password, newPassword: secrets["the next password"] },
  });
  expect(changed.statusCode).toBe(200);
  keep("the token after a changed password", changed.json().token);
  await resetPassword(email);
  await useFactors();
}

async function useFactors(): Promise<void> {
  const { email } = await api.register();
  const credentials = { identifier: email, password, delivery: "token" };
  const token = keep("a token of one factor", (await post("/v1/sessions", credentials)).json().token);
  const begun = await post("/v1/factors/totp", undefined, { headers: bearer(token) });
  const secret = keep("an app's secret", begun.json().secret);
  const code = codeOf(secret, api.clock.now());
  const confirmed = await post("/v1/factors/totp/confirm", { code }, { headers: bearer(token) });
  const next = keep("a token of two factors", confirmed.json().token);
  const made = await post("/v1/factors/recovery-codes", undefined, { headers: bearer(next) });
  for (const [at, one] of (made.json().codes as string[]).entries()) keep(`recovery code ${at}`, one);
  const held = (await post("/v1/sessions", credentials)).json().challenge;
  keep("a held sign-in", held);
  const done = await post("/v1/sessions/challenge", {
    challenge: held,
    recoveryCode: secrets["recovery code 0"],
    delivery: "token",
  });
  keep("a token by a recovery code", done.json().token);
}

async function resetPassword(email: string): Promise<void> {
  const tokenOf = async (kind: Notice["kind"]) => {
    const sent = () => notices.find((notice) => notice.kind === kind)?.facts.token;
    await vi.waitUntil(sent);
    return keep(`a token of ${kind}`, sent());
  };
  await tokenOf("email_verification");
  await post("/v1/password-reset", { email });
  const token = await tokenOf("password_reset");
  const reset = await post("/v1/password-reset/confirm", { token, password: secrets["a third password"] });
  expect(reset.statusCode).toBe(200);
}

async function useBrowser(credentials: object): Promise<void> {
  const signedIn = await post("/v1/sessions", credentials);
  const token = keep("a browser's token", cookieOf(signedIn)?.value);
  keep("a device's cookie", signedIn.cookies.find(({ name }) => name === "__Host-device")?.value);
  const headers = { ...cookie(token), "sec-fetch-site": "same-origin" };
  const rotated = await post("/v1/session/refresh", undefined, { headers });
  keep("its successor", cookieOf(rotated)?.value);
}

async function useKeys(token: string): Promise<void> {
  const asOwner = { headers: bearer(token) };
  const created = await post(
    "/v1/api-keys",
    { name: "ci", scopes: ["profile:read"], quota: { remaining: 9 } },
    asOwner,
  );
  const key = keep("an API key", created.json().key);
  expect((await api.app.inject({ url: "/v1/profile", headers: { "x-api-key": key } })).statusCode).toBe(200);
  const rotated = await post(`/v1/api-keys/${created.json().apiKey.id}/rotation`, {}, asOwner);
  keep("its successor's key", rotated.json().key);
}

async function passChallenge(credentials: object): Promise<void> {
  const ask = async (name: string) => {
    const { challenge } = (await post("/v1/sessions", { ...credentials, delivery: "token" }, strange)).json();
    return { challenge: keep(name, challenge), code: keep(`${name}'s code`, notices.at(-1)?.facts.code) };
  };
  await ask("an open challenge");
  const answer = { ...(await ask("a challenge")), delivery: "token" };
  const passed = await post("/v1/sessions/challenge", answer, strange);
  keep("a challenge's token", passed.json().token);
}

test("a dump of the database, and the log, have nothing that a bearer or a person was given", async () => {
  await useEverything();
  const db = api.connection.db!;
  const documents: unknown[] = [];
  for (const { name } of await db.listCollections().toArray()) {
    documents.push(...(await db.collection(name).find().toArray()));
  }
  const dump = mongo.BSON.EJSON.stringify(documents);
  const log = api.log.join("");
  // The names of the secrets are in the dump: the search is not of an empty place.
  for (const name of [
    "the token after a changed password",
    "an API key",
    "an open challenge",
    "a held sign-in",
    "a token of password_reset",
  ]) {
    expect(dump, name).toContain(sha256(secrets[name] ?? "").toString("base64"));
  }
  for (const [name, secret] of Object.entries(secrets)) {
    // A code has eight digits, which a longer number may have too.
    const told = new RegExp(secret.length > 40 ? secret.slice(-40, -6) : `(?<![\\w.])${secret}(?!\\w)`);
    expect(dump, name).not.toMatch(told);
    expect(log, name).not.toMatch(told);
  }
});
