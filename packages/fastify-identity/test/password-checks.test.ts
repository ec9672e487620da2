import type { FastifyInstance } from "fastify";
import { describe, expect, test } from "vitest";
import { textOf, Visitor } from "./pages/visitor.js";
import { password, someone, useIdentity } from "./support.js";

const breached = "a password of a breach";
const setting = useIdentity({
  passwords: { words: ["Nordwind"] },
  isBreached: async (one) => one === breached,
});

const weak = [
  ["common", "passwordpassword", "one of the most used passwords"],
  ["repetitive", "%%%%%%%%%%%%%%%", "repeats one short part"],
  ["context", "Nordwind2026!!!", "little more than your name"],
  ["breached", breached, "part of a data breach"],
] as const;

async function resetToken(app: FastifyInstance, email: string): Promise<string> {
  await app.inject({ method: "POST", url: "/v1/password-reset", payload: { email } });
  await setting.settle();
  return (
    setting.notices.findLast(({ to, kind }) => to === email && kind === "password_reset")?.facts.token ?? ""
  );
}

describe("a password that is tried first", () => {
  test.each(weak)("(%s) is refused by each route", async (reason, newPassword) => {
    const app = await setting.app();
    const problem = { code: "PASSWORD_TOO_COMMON", status: 400, reason };
    const payload = { email: `new-${reason}@example.com`, password: newPassword };
    const registered = await app.inject({ method: "POST", url: "/v1/users", payload });
    expect(registered.json()).toMatchObject(problem);
    const person = await someone(app);
    const changed = await app.inject({
      method: "PUT",
      url: "/v1/account/password",
      headers: person.bearer,
      payload: { password, newPassword },
    });
    expect(changed.json()).toMatchObject(problem);
    const reset = await app.inject({
      method: "POST",
      url: "/v1/password-reset/confirm",
      payload: { token: await resetToken(app, person.email), password: newPassword },
    });
    expect(reset.json()).toMatchObject(problem);
    expect(registered.body + changed.body + reset.body).not.toContain(newPassword);
  });

  test.each(weak)("(%s) is refused at the field of each page", async (_reason, newPassword, text) => {
    const app = await setting.app();
    const visitor = new Visitor(app);
    const atField = async (url: string, fields: Record<string, string>) => {
      const answer = await visitor.send(url, { ...fields, new_password: newPassword });
      expect(answer.statusCode).toBe(400);
      expect(
        textOf(/<p class="error" id="new_password-error">.*?<\/p>/.exec(answer.body)?.[0] ?? ""),
      ).toContain(text);
      expect(answer.body).not.toContain(newPassword);
    };
    await atField("/account/sign-up", { email: "page@example.com", display_name: "" });
    const { email } = await someone(app);
    const token = await resetToken(app, email);
    await atField(`/account/reset-password?token=${token}`, { token });
    await visitor.send("/account/sign-in", { identifier: email, password });
    await atField("/account/password", { password });
  });

  test("is refused alike for an address that has an account", async () => {
    const app = await setting.app();
    const { email } = await someone(app);
    const visitor = new Visitor(app);
    const send = async (address: string) => {
      const fields = { email: address, display_name: "", new_password: "passwordpassword" };
      const { statusCode, body } = await visitor.send("/account/sign-up", fields);
      return [statusCode, textOf(body)];
    };
    expect(await send(email)).toEqual(await send("nobody@example.com"));
  });
});
