// Options that can't be used are refused at registration, with what is allowed.
import { expect, test } from "vitest";
import type { IdentityPluginOptions } from "../src/index.js";
import { useIdentity } from "./support.js";

const setting = useIdentity();

test.each<[string, object, string]>([
  [
    "a policy of another name",
    { riskPolicy: "foo" },
    "riskPolicy: must be off, relaxed, balanced, strict or a policy",
  ],
  [
    "a rule of another name",
    { secondFactor: "never" },
    "secondFactor: must be enrolled, always or { roles }",
  ],
  [
    "a store by a name",
    { rateLimit: { store: "redis" } },
    "rateLimit.store: must be memory, database or a store class",
  ],
  [
    "a store that is none",
    { rateLimit: { store: class {} } },
    "rateLimit.store: must be a class with incr() and child()",
  ],
  ["pages of a text", { pages: "all" }, "pages: must be true, false or options"],
  ["a group that there is not", { routes: 5 }, "routes: must be true, false or groups to leave out"],
  [
    "an issuer in capitals",
    { issuer: "https://ID.Example.com" },
    "issuer: must be an origin as browsers write it",
  ],
  ["an issuer in another script", { issuer: "https://bücher.example" }, "other scripts as xn--"],
  [
    "a colour by its name",
    { pages: { theme: { light: { accent: "red" } } } },
    "pages.theme.light.accent: must be #rrggbb",
  ],
  [
    "a radius of a text",
    { pages: { theme: { radius: "x" } } },
    "pages.theme.radius: Invalid input: expected number",
  ],
  ["routes at the root beside pages", { prefix: "" }, "pages.prefix: must not be the path of routes"],
  ["routes where the pages are", { prefix: "/account" }, "pages.prefix: must not be the path of routes"],
  [
    "pages where the routes are",
    { pages: { prefix: "/v1" } },
    "pages.prefix: must not be the path of routes",
  ],
  [
    "an admin area where the routes are",
    { admin: { prefix: "/v1/admin" } },
    "admin.prefix: must not be the path of routes",
  ],
])("%s", async (_what, options, message) => {
  const refused = setting.app(options as Partial<IdentityPluginOptions>);
  await expect(refused).rejects.toMatchObject({ code: "INVALID_OPTIONS" });
  await expect(refused).rejects.toThrow(message);
  await expect(refused).rejects.not.toThrow(/NaN|: Invalid input(;|$)/);
});

test("pages: true is the default, and routes at the root are fine without pages", async () => {
  const withPages = await setting.app({ pages: true });
  expect((await withPages.inject("/account/sign-in")).statusCode).toBe(200);
  const atRoot = await setting.app({ pages: false, prefix: "" });
  expect((await atRoot.inject("/session")).json()).toMatchObject({ code: "SESSION_REQUIRED" });
});
