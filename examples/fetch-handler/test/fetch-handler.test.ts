import { openIdentity } from "@org/db-models";
import { HttpClient, type Send } from "@org/dev-kit/programs";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createHandler } from "../src/handler.js";

const database = useTemporaryDatabase({ label: "example_fetch" });
const origin = "http://localhost:3000";
let handle: Send;
let end: () => Promise<void>;
beforeAll(async () => {
  const identity = await openIdentity(database.uri);
  const handler = await createHandler(identity);
  handle = handler.handle;
  end = async () => {
    await handler.close();
    await identity.close();
  };
});
afterAll(() => end());

test("signs up and in, guards by session and by API key, and signs out", async () => {
  const ada = new HttpClient(origin, handle);
  const account = { email: "ada@example.com", password: "correct horse battery" };
  const refused = await ada.call("GET", "/me");
  expect([refused.status, refused.headers.get("www-authenticate")]).toEqual([401, 'Bearer realm="identity"']);
  expect((await ada.call("POST", "/v1/users", account)).status).toBe(201);
  const { email: identifier, password } = account;
  const signedIn = await ada.call("POST", "/v1/sessions", { identifier, password });
  expect(signedIn.headers.getSetCookie()).toHaveLength(2);
  const { userId } = (await signedIn.json()) as { userId: string };
  expect(await (await ada.call("GET", "/me")).json()).toEqual({ user: userId });
  const order = await ada.call("POST", "/orders", { item: "tea" }, { "sec-fetch-site": "same-origin" });
  expect([order.status, await order.json()]).toEqual([201, { ordered: { item: "tea" }, by: userId }]);
  const crossing = await ada.call("POST", "/orders", { item: "tea" }, { "sec-fetch-site": "cross-site" });
  expect([crossing.status, (await crossing.json()).code]).toEqual([403, "CROSS_ORIGIN"]);
  const exported = await ada.call("GET", "/v1/account/export");
  expect((await exported.text()).split("\n").length).toBeGreaterThan(3);
  const made = await ada.call("POST", "/v1/api-keys", { name: "k", scopes: ["orders:read"] });
  const { key } = (await made.json()) as { key: string };
  const machine = new HttpClient(origin, handle);
  const orders = await machine.call("GET", "/orders", undefined, { "x-api-key": key });
  expect(await orders.json()).toEqual({ ordersOf: userId });
  const out = await ada.call("DELETE", "/v1/session");
  expect([out.status, out.body]).toEqual([204, null]);
  expect((await ada.call("GET", "/me")).status).toBe(401);
});

test("answers HEAD without a body, an unknown address with 404, and too large a body with 413", async () => {
  const client = new HttpClient(origin, handle);
  const head = await client.call("HEAD", "/v1/session");
  expect([head.status, await head.text()]).toEqual([401, ""]);
  const unknown = await client.call("GET", "/nothing");
  expect([unknown.status, (await unknown.json()).code]).toEqual([404, "NOT_FOUND"]);
  const large = await client.call("POST", "/v1/users", { email: "x".repeat(2_000_000) });
  expect(large.status).toBe(413);
});
