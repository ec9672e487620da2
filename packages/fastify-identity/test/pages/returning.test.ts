// Coming back from a provider: with strict cookies, a second time, and to where somebody was.
import { afterEach, expect, test } from "vitest";
import { openIdProvider } from "../../src/providers/index.js";
import { issuer, password, someone, useIdentity } from "../support.js";
import { type Claims, client, useProvider } from "./provider.js";
import { formToken, textOf, Visitor } from "./visitor.js";

const setting = useIdentity();
const provider = useProvider([`${issuer}/account/sign-in/acme/callback`]);
const crossSite = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };

afterEach(() => {
  provider.person = undefined;
});

const appWith = (sameSite: "lax" | "strict") =>
  setting.app({
    cookies: { sameSite },
    providers: [
      openIdProvider({ id: "acme", name: "Acme", issuer: provider.issuer, ...client, trustsEmail: true }),
    ],
  });

const somebody = (name: string): Claims => ({
  sub: name,
  email: `${name}@example.com`,
  email_verified: true,
});

/** Leaves for the provider by a button, and gives the address that it sends the browser back to. */
async function answered(visitor: Visitor, person: Claims | undefined, from: string, to: string) {
  provider.person = person;
  const { body } = await visitor.get(from);
  const left = await visitor.post(to, { form_token: formToken(body), provider: "acme" });
  const [, url = ""] = /<a class="button primary wide" href="([^"]*)"/.exec(left.body) ?? [];
  return (await provider.authorize(url.replaceAll("&amp;", "&"))).slice(issuer.length);
}

const signIn = (visitor: Visitor, person: Claims | undefined, query = "") =>
  answered(visitor, person, `/account/sign-in${query}`, `/account/sign-in/provider${query}`);

/** A browser that comes from another site: it leaves strict cookies at home. */
async function fromElsewhere(visitor: Visitor, url: string, strict: readonly string[]) {
  const kept = strict.flatMap((name) => {
    const value = visitor.cookies.get(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  for (const [name] of kept) visitor.cookies.delete(name);
  const page = await visitor.get(url, crossSite);
  for (const [name, value] of kept) visitor.cookies.set(name, value);
  return page;
}

const strictOnes = ["__Host-session", "__Host-device"];

// aspnet/Security #1231: after the provider somebody stood at the sign-in form, although signed in.
test("with strict cookies a page of ours goes on, and what follows has them", async () => {
  const visitor = new Visitor(await appWith("strict"));
  const back = await fromElsewhere(visitor, await signIn(visitor, somebody("strict")), strictOnes);
  expect(back.statusCode).toBe(200);
  expect(back.cookies).toEqual([]);
  expect(textOf(back.body)).toContain("You are back from the sign-in there.");
  const [, next = ""] = /http-equiv="refresh" content="0; url=([^"]*)"/.exec(back.body) ?? [];
  expect(next).toMatch(/^\/account\/sign-in\/acme\/callback\?/);
  const done = await visitor.get(next.replaceAll("&amp;", "&"));
  expect(done.headers.location).toBe("/account");
  expect((await visitor.get("/account")).statusCode).toBe(200);
});

test("with strict cookies an account is linked", async () => {
  const app = await appWith("strict");
  const { email } = await someone(app);
  const visitor = new Visitor(app);
  await visitor.send("/account/sign-in", { identifier: email, password });
  const at = "/account/security/providers";
  const url = await answered(visitor, somebody("linked"), at, `${at}/link`);
  const back = await fromElsewhere(visitor, url, strictOnes);
  const [, next = ""] = /http-equiv="refresh" content="0; url=([^"]*)"/.exec(back.body) ?? [];
  await visitor.get(next.replaceAll("&amp;", "&"));
  expect(textOf((await visitor.get(at)).body)).toContain("The account is linked.");
});

test("an answer that is loaded again leads to the account of who is signed in, and to the form else", async () => {
  const visitor = new Visitor(await appWith("lax"));
  const back = await signIn(visitor, somebody("again"));
  expect((await visitor.get(back, crossSite)).headers.location).toBe("/account");
  expect((await visitor.get(back, crossSite)).headers.location).toBe("/account");
  visitor.cookies.delete("__Host-session");
  expect((await visitor.get(back, crossSite)).headers.location).toBe("/account/sign-in");
});

// next-auth #2592, better-auth #414
test("who cancels is told so, and goes on to where they were to go", async () => {
  const visitor = new Visitor(await appWith("lax"));
  const back = await signIn(visitor, undefined, "?return_to=%2Forders");
  const ended = await visitor.get(back, crossSite);
  expect(ended.headers.location).toBe("/account/sign-in?return_to=%2Forders");
  const page = await visitor.get(String(ended.headers.location));
  expect(textOf(page.body)).toContain("The sign-in there was ended. Try again, or sign in another way.");
});

test("the way round by another page keeps where somebody was to go", async () => {
  const visitor = new Visitor(await appWith("lax"));
  const query = "?return_to=%2Forders";
  const signInPage = (await visitor.get(`/account/sign-in${query}`)).body;
  for (const path of ["/account/sign-up", "/account/forgotten-password"]) {
    expect(signInPage).toContain(`href="${path}${query}"`);
    expect((await visitor.get(path + query)).body).toContain(`href="/account/sign-in${query}"`);
  }
  const sent = await visitor.send(`/account/forgotten-password${query}`, { email: "a@example.com" });
  expect(sent.headers.location).toBe(`/account/check-mail${query}`);
  expect((await visitor.get(`/account/check-mail${query}`)).body).toContain(
    `href="/account/sign-in${query}"`,
  );
});
