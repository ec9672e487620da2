// A database that takes connections and answers nothing, or late.
import { createIdentity, defineModels, type Identity } from "@org/db-models";
import { createIndexes } from "@org/dev-kit";
import { type FlakyProxy, flakyProxy } from "@org/dev-kit/flaky-proxy";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { fastify, type LightMyRequestResponse } from "fastify";
import { type Connection, createConnection, type Types } from "mongoose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { identityPlugin } from "../src/index.js";
import { formToken, textOf, Visitor } from "./pages/visitor.js";
import { issuer, password } from "./support.js";

const database = useTemporaryDatabase({ label: "hangs" });
const sealKeys = [{ id: "test", key: "a key of forty-three characters and more, for tests" }];
let direct: Connection;
let seen: Identity;
let proxy: FlakyProxy;
let people = 0;

beforeAll(async () => {
  direct = await createConnection(database.uri, { autoIndex: false, autoCreate: false }).asPromise();
  seen = createIdentity({ connection: direct, sealKeys });
  await createIndexes(defineModels(direct));
  proxy = await flakyProxy(database.uri);
});
afterAll(async () => {
  await proxy.stop();
  await seen.close();
  await direct.close();
});

/** An app whose database is behind the proxy, and somebody who is signed in. */
async function behindProxy(act: (person: Visitor, email: string, userId: Types.ObjectId) => Promise<void>) {
  proxy.set("open");
  const options = { autoIndex: false, autoCreate: false, serverSelectionTimeoutMS: 300 };
  const connection = await createConnection(proxy.uri, options).asPromise();
  const identity = createIdentity({ connection, sealKeys });
  const app = fastify();
  await app.register(identityPlugin, {
    identity,
    issuer,
    oauth: true,
    riskPolicy: "off",
    answerTimeoutMs: 400,
    maxRequestsUnderWay: 10,
    closeTimeoutMs: 100,
    rateLimit: { requests: 1_000_000, passwords: 1_000_000 },
    notifier: { send: async () => undefined },
  });
  app.get("/orders", { config: { identity: "session" } }, () => "your orders");
  people += 1;
  const email = `someone${people}@example.com`;
  const { _id: userId } = await seen.users.register({ email, password });
  const { token } = await seen.sessions.open({ userId, proofs: ["password"] });
  const person = new Visitor(app);
  person.cookies.set("__Host-session", token);
  try {
    await act(person, email, userId);
  } finally {
    proxy.cut();
    await app.close();
    await identity.close().catch(() => undefined);
    await connection.close(true);
  }
}

test("each request is answered while the database answers nothing", () =>
  behindProxy(async (person, email) => {
    const form_token = formToken((await person.get("/account/password")).body);
    proxy.set("silent");
    const sent = { form_token, password, new_password: "another fine password" };
    const answers = [
      await person.get("/orders"),
      await person.get("/v1/session"),
      await person.get("/account/security"),
      await person.post("/account/password", sent),
      await person.post("/account/reset-password", { ...sent, token: "ido_x" }),
      await person.app.inject({
        method: "POST",
        url: "/oauth/token",
        headers: { "content-type": "application/x-www-form-urlencoded" },
        payload: "grant_type=client_credentials&client_id=x&client_secret=y",
      }),
      await person.app.inject({
        method: "POST",
        url: "/v1/sessions",
        payload: { identifier: email, password },
      }),
    ];
    for (const { statusCode, headers, body, raw } of answers) {
      expect([statusCode, headers["retry-after"]], `${raw.req.url} ${body}`).toEqual([503, "1"]);
    }
    expect(answers[0]?.json()).toMatchObject({ code: "TIMED_OUT" });
    expect(answers[1]?.json()).toMatchObject({ code: "TIMED_OUT" });
    expect(textOf(answers[2]?.body ?? "")).toContain("This took too long. Check whether it was done");
  }));

test("no more than the limit wait for it, and all are served once it answers", () =>
  behindProxy(async (person) => {
    const ask = (count: number) =>
      Promise.all(Array.from({ length: count }, () => person.get("/v1/session")));
    const codesOf = (answers: readonly LightMyRequestResponse[]) =>
      answers.map((answer) => [answer.statusCode, answer.headers["retry-after"], answer.json().code]);
    proxy.set("silent");
    const timedOut = [503, "1", "TIMED_OUT"];
    const refused = [503, "1", "NOT_READY"];
    const answers = codesOf(await ask(100));
    expect(answers.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => timedOut));
    expect(answers.slice(10)).toEqual(Array.from({ length: 90 }, () => refused));
    // Those that were answered wait for the database still.
    expect(codesOf(await ask(1))).toEqual([refused]);
    expect(textOf((await person.get("/account/security")).body)).toContain("not available");
    proxy.set("open");
    proxy.cut();
    await expect.poll(async () => (await ask(1))[0]?.statusCode, { timeout: 30_000 }).toBe(200);
  }));

test("a session that opens after its sign-in was answered ends", () =>
  behindProxy(async ({ app }, email, userId) => {
    proxy.set({ delayMs: 120 });
    const payload = { identifier: email, password };
    const answer = await app.inject({ method: "POST", url: "/v1/sessions", payload });
    expect(answer.json()).toMatchObject({ status: 503, code: "TIMED_OUT" });
    const opened = () => seen.models.UserSession.countDocuments({ userId });
    await expect.poll(opened, { timeout: 30_000 }).toBe(2);
    await expect.poll(async () => (await seen.sessions.list({ userId })).length, { timeout: 30_000 }).toBe(1);
  }));

test("a form whose page can't be shown any more says that the service is not available", () =>
  behindProxy(async ({ app }, _email, userId) => {
    const visitor = new Visitor(app);
    const form_token = formToken((await visitor.get("/account/sign-in")).body);
    const { token } = await seen.logins.createFactorChallenge({
      userId,
      sessionGeneration: 0,
      risk: { level: "unscored", reasons: [] },
      proofs: ["password"],
      client: "a browser",
      ask: ["totp"],
    });
    visitor.cookies.set("__Host-session-pending", token);
    proxy.set("refused");
    const answer = await visitor.post("/account/challenge", { form_token, code: "123456" });
    expect([answer.statusCode, textOf(answer.body)]).toEqual([
      503,
      expect.stringContaining("The service is not available now."),
    ]);
  }));
