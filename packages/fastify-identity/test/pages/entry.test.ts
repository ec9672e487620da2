import { describe, expect, test } from "vitest";
import { password, useIdentity } from "../support.js";
import { formToken, textOf, Visitor } from "./visitor.js";

const setting = useIdentity();
const session = "__Host-session";

let people = 0;
const newcomer = () => {
  people += 1;
  return `newcomer${people}@example.com`;
};

async function signedUp(visitor: Visitor, email = newcomer()): Promise<string> {
  const sent = await visitor.send("/account/sign-up", { email, new_password: password });
  expect(sent.statusCode).toBe(303);
  await setting.settle();
  return email;
}

const tokenFor = (email: string, kind: string) =>
  setting.notices.findLast((notice) => notice.to === email && notice.kind === kind)?.facts.token ?? "";

describe("signing up and in", () => {
  test("a newcomer signs up, verifies the address, signs in and out", async () => {
    const app = await setting.app();
    const visitor = new Visitor(app);
    const email = await signedUp(visitor);
    expect(textOf((await visitor.get("/account/check-mail")).body)).toContain(email);
    const link = `/account/verify-email?token=${tokenFor(email, "email_verification")}`;
    const token = tokenFor(email, "email_verification");
    const verified = await visitor.send(link, { token });
    expect(verified.headers.location).toBe("/account");
    const entry = await visitor.get("/account/sign-in");
    expect(textOf(entry.body)).toContain("Your email address is verified.");
    const form_token = formToken(entry.body);
    const signedIn = await visitor.post("/account/sign-in", { form_token, identifier: email, password });
    expect(signedIn.statusCode).toBe(303);
    expect(signedIn.headers.location).toBe("/account");
    const home = await visitor.get("/account");
    expect(home.statusCode).toBe(200);
    expect(textOf(home.body)).toContain(`${email} verified`);
    const out = await visitor.send("/account/sign-out", {});
    expect(out.headers.location).toBe("/account/sign-in");
    expect(visitor.cookies.has(session)).toBe(false);
    const after = await visitor.get("/account");
    expect(after.statusCode).toBe(303);
    expect(after.headers.location).toBe("/account/sign-in?return_to=%2Faccount");
    expect(textOf((await visitor.get("/account/sign-in")).body)).toContain("You are signed out.");
  });

  test("a wrong password is reported at its field; the address stays, the password does not", async () => {
    const visitor = new Visitor(await setting.app());
    const email = await signedUp(visitor);
    const refused = await visitor.send("/account/sign-in", {
      identifier: email,
      password: "a wrong password",
    });
    expect(refused.statusCode).toBe(422);
    expect(refused.headers["www-authenticate"]).toBeUndefined();
    expect(refused.body).toContain(`value="${email}"`);
    expect(refused.body).not.toContain("a wrong password");
    expect(refused.body).toContain('aria-invalid="true" aria-describedby="password-error"');
    expect(refused.body).toContain("<title>Error: Sign in");
  });
});
