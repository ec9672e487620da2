// Hooks of the application around our answers: Fastify hands them on to every scope within.
import type { FastifyInstance } from "fastify";
import { expect, test } from "vitest";
import { password, someone, useIdentity } from "./support.js";

const setting = useIdentity();
const sessionsOf = async (app: FastifyInstance, headers: { authorization: string }) =>
  (await app.inject({ url: "/v1/sessions", headers })).json().sessions.length as number;

test("a preSerialization hook wraps the application's answers and none of ours", async () => {
  const wrap = async (app: FastifyInstance) => {
    app.addHook("preSerialization", async (_request, _reply, payload) => ({ data: payload }));
  };
  const mine = async (app: FastifyInstance) => app.get("/mine", async () => ({ ok: true }));
  const app = await setting.app({ oauth: true }, mine, {}, wrap);
  const ada = await someone(app);
  expect((await app.inject("/mine")).json()).toEqual({ data: { ok: true } });
  const profile = await app.inject({ url: "/v1/profile", headers: ada.bearer });
  expect([profile.statusCode, profile.json().email]).toEqual([200, ada.email]);
  expect(profile.headers["content-type"]).toBe("application/json; charset=utf-8");
  const wrong = await app.inject({ url: "/v1/profile" });
  expect([wrong.statusCode, wrong.json().code]).toEqual([401, "SESSION_REQUIRED"]);
  const metadata = await app.inject("/.well-known/openid-configuration");
  expect(metadata.json().issuer).toBe("https://id.example.com");
  const ended = await app.inject({ method: "DELETE", url: "/v1/session", headers: ada.bearer });
  expect([ended.statusCode, ended.body]).toEqual([204, ""]);
});

test.each(["cookie", "token"])(
  "a session whose answer an onSend hook stops does not stay (%s)",
  async (delivery) => {
    let fails = false;
    const stop = async (app: FastifyInstance) => {
      app.addHook("onSend", async (_request, reply, payload) => {
        if (fails && reply.statusCode === 201) throw new Error("the hook's own");
        return payload;
      });
    };
    const app = await setting.app({}, undefined, {}, stop);
    const ada = await someone(app);
    const before = await sessionsOf(app, ada.bearer);
    fails = true;
    const payload = { identifier: ada.email, password, delivery };
    const stopped = await app.inject({ method: "POST", url: "/v1/sessions", payload });
    expect(stopped.json()).toMatchObject({ code: "INTERNAL", status: 500 });
    await setting.settle();
    expect(await sessionsOf(app, ada.bearer)).toBe(before);
  },
);
