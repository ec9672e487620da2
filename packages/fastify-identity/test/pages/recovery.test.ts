// The pages of who has lost every second factor.
import { expect, test } from "vitest";
import { enrolled } from "../second-factor.js";
import { password, someone, useIdentity } from "../support.js";
import { textOf, Visitor } from "./visitor.js";

const setting = useIdentity();
const day = 86_400_000;

async function mailTo(email: string, kind: string) {
  await setting.settle();
  const mail = setting.notices.findLast((notice) => notice.to === email && notice.kind === kind);
  if (!mail) throw new Error(`no ${kind} for ${email}`);
  return mail;
}

/** Path of the link in a mail. */
const linkOf = ({ text }: { text: string }) =>
  /https:\/\/id\.example\.com(\/account\/recover\/\S+)/.exec(text)?.[1] ?? "";

async function lost() {
  const app = await setting.app();
  const owner = await enrolled(setting, app);
  const visitor = new Visitor(app);
  const credentials = { identifier: owner.email, password };
  return { app, owner, visitor, credentials };
}

test("the way leads from the second step over a wait and a mail to a sign-in by the password", async () => {
  const { owner, visitor, credentials } = await lost();
  expect((await visitor.send("/account/sign-in", credentials)).headers.location).toBe("/account/challenge");
  expect((await visitor.get("/account/challenge")).body).toContain('href="/account/recover"');
  const begun = await visitor.send("/account/recover", credentials);
  expect(begun.headers.location).toBe("/account/recover");
  expect(textOf((await visitor.get("/account/recover")).body)).toContain("The wait has begun.");
  const told = await mailTo(owner.email, "factor_recovery");
  expect(linkOf(told)).toMatch(/^\/account\/recover\/cancel\?token=/);
  setting.clock.advance(3 * day + 1_000);
  await visitor.send("/account/recover", credentials);
  expect(textOf((await visitor.get("/account/recover")).body)).toContain("The wait is over.");
  const finish = linkOf(await mailTo(owner.email, "factor_recovery_token"));
  expect(finish).toMatch(/^\/account\/recover\/finish\?token=/);
  const token = new URLSearchParams(finish.split("?")[1]).get("token") ?? "";
  expect((await visitor.get(finish)).body).toContain(`value="${token}"`);
  const wrong = await visitor.send(finish, { ...credentials, password: "a wrong password", token });
  expect([wrong.statusCode, textOf(wrong.body).includes("The address or the password is wrong.")]).toEqual([
    422,
    true,
  ]);
  const done = await visitor.send(finish, { ...credentials, token });
  expect(done.headers.location).toBe("/account/sign-in");
  expect(textOf((await visitor.get("/account/sign-in")).body)).toContain("Your second steps were removed.");
  expect((await visitor.send("/account/sign-in", credentials)).headers.location).toBe("/account");
  const again = await new Visitor(visitor.app).send(finish, { ...credentials, token });
  expect([again.statusCode, textOf(again.body).includes("This link is not, or no longer, valid.")]).toEqual([
    400,
    true,
  ]);
});

test("the owner stops it by the mail's link, which does nothing before its button", async () => {
  const { owner, visitor, credentials } = await lost();
  await visitor.send("/account/recover", credentials);
  const link = linkOf(await mailTo(owner.email, "factor_recovery"));
  const token = new URLSearchParams(link.split("?")[1]).get("token") ?? "";
  const someoneElse = new Visitor(visitor.app);
  await someoneElse.get(link);
  const { recovery } = await setting.identity.factors.read({ userId: await userIdOf(owner.email) });
  expect(recovery).toBeDefined();
  expect((await someoneElse.send(link, { token })).headers.location).toBe("/account/sign-in");
  expect(
    (await setting.identity.factors.read({ userId: await userIdOf(owner.email) })).recovery,
  ).toBeUndefined();
  const twice = await someoneElse.send(link, { token });
  expect(twice.statusCode).toBe(400);
});

test("the owner sees it under Security, and stops it there", async () => {
  const { owner, visitor, credentials } = await lost();
  await visitor.send("/account/recover", credentials);
  const own = new Visitor(visitor.app);
  own.cookies.set("__Host-session", owner.token);
  const page = await own.get("/account/security");
  expect(textOf(page.body)).toContain("Somebody with your password says");
  const form_token = /name="form_token" value="([^"]*)"/.exec(page.body)?.[1] ?? "";
  await own.post("/account/security/recovery/cancel", { form_token });
  const after = textOf((await own.get("/account/security")).body);
  expect(after).toContain("It was stopped.");
  expect(after).not.toContain("Somebody with your password says");
});

test("who has no second step is sent to sign in, and a wrong password tells nothing", async () => {
  const app = await setting.app();
  const { email } = await someone(app);
  const visitor = new Visitor(app);
  const none = await visitor.send("/account/recover", { identifier: email, password });
  expect(textOf(none.body)).toContain("Your account has no second step.");
  const refused = async (identifier: string) => {
    const answer = await new Visitor(app).send("/account/recover", {
      identifier,
      password: "a wrong password",
    });
    return [answer.statusCode, textOf(answer.body).replace(identifier, "")];
  };
  expect(await refused(email)).toEqual(await refused("nobody@example.com"));
});

async function userIdOf(email: string) {
  const user = await setting.identity.models.User.findOne({ email }).lean();
  if (!user) throw new Error(`nobody has ${email}`);
  return user._id;
}
