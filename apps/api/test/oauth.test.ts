import { ConfigError } from "@org/service-kit";
import { expect, test } from "vitest";
import { defineConfig } from "../src/config.js";
import { useApi } from "./support/api.js";

const sealKeys = [{ id: "test", key: "k".repeat(43) }];
const issuer = "https://id.example.com";
const plain = useApi();
const provider = useApi({ issuer, sealKeys });
const off = useApi({ issuer, sealKeys, oauth: false });

const discovery = "/.well-known/openid-configuration";

test("is a provider once it has an issuer and keys, and says so to clients", async () => {
  const answer = await provider.app.inject(discovery);
  expect(answer.json()).toMatchObject({ issuer, token_endpoint: `${issuer}/oauth/token` });
  const keys = await provider.app.inject("/oauth/jwks");
  expect(keys.json().keys).toHaveLength(1);
  // The service keeps nothing by default; the key set is the exception.
  expect(keys.headers["cache-control"]).toMatch(/^public/);
  const refused = await provider.app.inject({
    method: "POST",
    url: "/oauth/token",
    headers: { "content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "cross-site" },
    payload: "grant_type=authorization_code&client_id=nobody",
  });
  expect([refused.statusCode, refused.json().error]).toEqual([401, "invalid_client"]);
});

test("is none without them, or where it is told not to be", async () => {
  for (const api of [plain, off]) expect((await api.app.inject(discovery)).statusCode).toBe(404);
  expect(() => defineConfig({ mongodbUri: "mongodb://127.0.0.1/a", oauth: true })).toThrow(ConfigError);
});
