import type { Notice } from "@org/fastify-identity";
import { expect, test, vi } from "vitest";
import type { ClosableNotifier } from "../src/notifier.js";
import { cookie, password, signIn, useApi } from "./support/api.js";

// The notifier of development writes codes and tokens to the log; this one takes them elsewhere, and sometimes not.
const notices: Notice[] = [];
const notifier: ClosableNotifier = {
  send: async (notice) => {
    notices.push(notice);
    if (notice.kind === "password_reset") throw new Error("the mail server is away");
  },
  close: async () => undefined,
};
const api = useApi({}, { notifier });

test("a failure of the audit trail shows a request id; its cause is in the log only", async () => {
  const app = await api.build(
    {},
    {
      auditTrail: () => Promise.reject(new Error("the trail's file is gone")),
    },
  );
  const person = await api.register();
  const payload = { identifier: person.email, password };
  const answer = await app.inject({ method: "POST", url: "/v1/sessions", payload });
  expect([answer.statusCode, answer.json().code]).toEqual([503, "AUDIT_NOT_WRITTEN"]);
  expect(answer.body).not.toContain("trail's file");
  const line = api.log.find((one) => one.includes("trail's file") && one.includes(answer.json().requestId));
  expect(line).toContain("answered with an error");
});

test("an answer that does not have its documented form is not sent", async () => {
  const person = await api.register();
  const { bearer } = await api.signIn(person);
  const { _id: userId } = await api.models.User.findOne({ email: person.email }).orFail();
  const { app } = await api.identity.oauth.registerApp({
    ownerId: userId,
    name: "Reader",
    type: "confidential",
    redirectUris: ["https://reader.example.com/callback"],
    scopes: ["openid"],
  });
  await api.identity.oauth.grantConsent({ userId, appId: app._id, scopes: ["openid"] });
  await api.models.App.collection.updateOne({ _id: app._id }, { $set: { status: "of another release" } });
  const answer = await api.app.inject({ url: "/v1/consents", headers: bearer });
  expect([answer.statusCode, answer.json().code]).toEqual([500, "INTERNAL"]);
});

test("no log line, at any level, has a password, a token or an address of a body", async () => {
  api.log.length = 0;
  notices.length = 0;
  const person = await api.register();
  const { token, bearer } = await signIn(api.app, person);
  await api.app.inject({ url: `/v1/session?token=${token}`, headers: cookie(token) });
  await api.app.inject({ url: "/v1/security/events?kind=hunter2", headers: bearer });
  const rotated = await api.app.inject({ method: "POST", url: "/v1/session/refresh", headers: bearer });
  const wrong = { identifier: person.email, password: "a wrong password, mistyped" };
  await api.app.inject({ method: "POST", url: "/v1/sessions", payload: wrong });
  await api.app.inject({ method: "POST", url: "/v1/users", payload: { email: person.email, password } });
  await api.app.inject({ method: "POST", url: "/v1/password-reset", payload: { email: person.email } });
  await vi.waitUntil(() => api.log.some((line) => line.includes("the mail server is away")));
  const tokens = notices.flatMap(({ facts }) => (facts.token ? [facts.token] : []));
  expect(tokens).toHaveLength(2);
  const reset = { token: tokens.at(-1), password: "a password that was just chosen" };
  await api.app.inject({ method: "POST", url: "/v1/password-reset/confirm", payload: reset });
  const log = api.log.join("\n");
  expect(log).toContain("request completed");
  const passwords = [password, wrong.password, reset.password];
  for (const secret of [...passwords, ...tokens, token, rotated.json().token, "hunter2", person.email]) {
    expect(log).not.toContain(secret);
  }
});

test("what somebody logs by mistake is redacted", async () => {
  api.log.length = 0;
  api.app.log.info({ headers: { authorization: "Bearer x1", cookie: "x2", "set-cookie": "x3" } }, "headers");
  api.app.log.info({ body: { password: "x4", token: "x5" }, password: "x6" }, "body");
  expect(api.log.join("")).not.toMatch(/x[1-6]/);
});
