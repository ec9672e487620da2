import { expect, test } from "vitest";
import { readConfig } from "../src/config.js";
import { useApi } from "./support/api.js";

const secret = "a secret of the client";
const client = { clientId: "client", clientSecret: secret };
const api = useApi({
  issuer: "https://id.example.com",
  providers: [
    { kind: "google", ...client, hostedDomain: "example.com" },
    { kind: "microsoft", ...client, tenant: "00000000-0000-0000-0000-000000000001" },
    { kind: "apple", ...client },
    { kind: "github", ...client, id: "hub" },
    { kind: "openid", ...client, id: "acme", name: "Acme", issuer: "https://login.acme.example" },
  ],
});

test("the providers of the settings are listed, and have buttons", async () => {
  const listed = await api.app.inject("/v1/providers");
  expect(listed.json().providers).toEqual([
    { id: "google", name: "Google" },
    { id: "microsoft", name: "Microsoft" },
    { id: "apple", name: "Apple" },
    { id: "hub", name: "GitHub" },
    { id: "acme", name: "Acme" },
  ]);
  const page = await api.app.inject("/account/sign-in");
  const text = page.body.replace(/<[^>]*>/g, "");
  for (const { name } of listed.json().providers) expect(text).toContain(`Continue with ${name}`);
});

test("one begins at its provider, with what the settings say", async () => {
  const payload = { redirectUri: "https://id.example.com/back/hub", delivery: "token" };
  const begun = await api.app.inject({ method: "POST", url: "/v1/providers/hub/sign-in", payload });
  expect(begun.statusCode).toBe(201);
  const url = new URL(begun.json().url);
  expect(url.origin + url.pathname).toBe("https://github.com/login/oauth/authorize");
  expect(Object.fromEntries(url.searchParams)).toMatchObject({
    client_id: "client",
    redirect_uri: payload.redirectUri,
    code_challenge_method: "S256",
  });
  expect(begun.body).not.toContain(secret);
});

const env = (providers: unknown) => ({
  MONGODB_URI: "mongodb://127.0.0.1:27017/identity",
  ORG_API_PROVIDERS: typeof providers === "string" ? providers : JSON.stringify(providers),
});

test("they come as JSON from the environment", () => {
  const providers = [{ kind: "github", ...client }];
  expect(readConfig(env(providers)).providers).toEqual(providers);
});

test.each([
  ["no JSON", `[{"clientSecret":"${secret}"`],
  ["another kind", [{ kind: "myspace", ...client }]],
  ["no secret", [{ kind: "google", clientId: secret }]],
  ["a setting that the kind does not know", [{ kind: "apple", ...client, tenant: secret }]],
  ["no issuer", [{ kind: "openid", ...client, id: "acme", name: "Acme" }]],
  ["an id that no address can have", [{ kind: "google", ...client, id: "../x" }]],
  [
    "one id twice",
    [
      { kind: "google", ...client },
      { kind: "google", ...client },
    ],
  ],
])("%s is refused by the name of the setting, and shows no secret", (_what, providers) => {
  const read = () => readConfig(env(providers));
  expect(read).toThrow("ORG_API_PROVIDERS");
  expect(read).not.toThrow(secret);
});
