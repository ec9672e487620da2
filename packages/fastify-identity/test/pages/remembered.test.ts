import { codeOf } from "@org/dev-kit/authenticator-app";
import { expect, test } from "vitest";
import { enrolled } from "../second-factor.js";
import { password, useIdentity } from "../support.js";
import { textOf, Visitor } from "./visitor.js";

const setting = useIdentity();

test("a remembered device is listed, and forgotten by its owner alone", async () => {
  const app = await setting.app();
  const person = await enrolled(setting, app);
  const begin = { identifier: person.email, password };
  const held = await app.inject({ method: "POST", url: "/v1/sessions", payload: begin });
  const device = held.cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
  const { challenge } = held.json();
  const done = await app.inject({
    method: "POST",
    url: "/v1/sessions/challenge",
    headers: { cookie: device },
    payload: { challenge, totp: person.nextCode(), rememberDevice: true },
  });
  expect(done.statusCode).toBe(201);
  const visitor = new Visitor(app);
  for (const { name, value } of done.cookies) visitor.cookies.set(name, value);
  const page = await visitor.get("/account/security");
  expect(textOf(page.body)).toContain("Remembered devices");
  const id = /devices\/forget[\s\S]*?name="id" value="([0-9a-f]{24})"/.exec(page.body)?.[1] ?? "";
  const token = /name="form_token" value="([^"]*)"/.exec(page.body)?.[1] ?? "";
  const forget = (who: Visitor, form: string) =>
    who.post("/account/security/devices/forget", { form_token: form, id });
  expect((await forget(visitor, token)).statusCode).toBe(303);
  expect(textOf((await visitor.get("/account/security")).body)).not.toContain("Remembered devices");
  const again = await forget(visitor, token);
  expect(again.statusCode).toBe(404);
  const factors = await setting.identity.factors.read({
    userId: (await setting.identity.users.read(done.json().userId))._id,
  });
  expect(factors.rememberedDevices).toEqual([]);
});

// FusionAuth #2706: an app is replaced because the phone is in other hands, and so may be what it proved.
test("a device is forgotten when the app is replaced", async () => {
  const app = await setting.app();
  const person = await enrolled(setting, app);
  const visitor = new Visitor(app);
  const credentials = { identifier: person.email, password };
  const code = { method: "totp", remember: "yes" };
  await visitor.send("/account/sign-in", credentials);
  await visitor.send("/account/challenge", { ...code, code: person.nextCode() });
  await visitor.send("/account/sign-out", {});
  expect((await visitor.send("/account/sign-in", credentials)).headers.location).toBe("/account");
  const post = (url: string, payload?: object) =>
    app.inject({ method: "POST", url, headers: person.bearer, ...(payload && { payload }) });
  const { secret } = (await post("/v1/factors/totp")).json();
  const confirmed = await post("/v1/factors/totp/confirm", { code: codeOf(secret, setting.clock.now()) });
  expect(confirmed.statusCode, confirmed.body).toBe(200);
  await visitor.send("/account/sign-out", {});
  expect((await visitor.send("/account/sign-in", credentials)).headers.location).toBe("/account/challenge");
});
