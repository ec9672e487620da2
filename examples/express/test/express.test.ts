import { freePort } from "@org/dev-kit/free-port";
import { HttpClient, useProgram } from "@org/dev-kit/programs";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { expect, test } from "vitest";

const database = useTemporaryDatabase({ label: "example_express" });
const program = useProgram(new URL("../src/main.ts", import.meta.url), async () => ({
  MONGODB_URI: database.uri,
  PORT: String(await freePort()),
}));
const account = { email: "ada@example.com", password: "correct horse battery" };

test("signs up and in, guards by session and by API key, and signs out", async () => {
  const ada = new HttpClient(program.origin);
  const refused = await ada.call("GET", "/me");
  expect([refused.status, refused.headers.get("www-authenticate")]).toEqual([401, 'Bearer realm="identity"']);
  expect(await refused.json()).toMatchObject({ code: "SESSION_REQUIRED", status: 401 });
  expect((await ada.call("POST", "/v1/users", account)).status).toBe(201);
  const { email: identifier, password } = account;
  const signedIn = await ada.call("POST", "/v1/sessions", { identifier, password });
  const { userId } = (await signedIn.json()) as { userId: string };
  expect(await (await ada.call("GET", "/me")).json()).toEqual({ user: userId });

  // The guard leaves the body to Express, and an unknown address too.
  const order = await ada.call("POST", "/orders", { item: "tea" }, { "sec-fetch-site": "same-origin" });
  expect(await order.json()).toEqual({ ordered: { item: "tea" }, by: userId });
  const crossing = await ada.call("POST", "/orders", { item: "tea" }, { "sec-fetch-site": "cross-site" });
  expect([crossing.status, (await crossing.json()).code]).toEqual([403, "CROSS_ORIGIN"]);
  const nothing = await ada.call("POST", "/nothing", { item: "tea" });
  expect([nothing.status, await nothing.text()]).toEqual([
    404,
    expect.stringContaining("Cannot POST /nothing"),
  ]);
  const outside = await ada.call("GET", "/(application)");
  expect(outside.status).toBe(404);

  const made = await ada.call("POST", "/v1/api-keys", { name: "k", scopes: ["orders:read"] });
  const { key } = (await made.json()) as { key: string };
  const machine = new HttpClient(program.origin);
  const headers = { "x-api-key": key };
  expect(await (await machine.call("GET", "/orders", undefined, headers)).json()).toEqual({
    ordersOf: userId,
  });
  const lacking = await machine.call("POST", "/orders", { item: "tea" }, headers);
  expect([lacking.status, (await lacking.json()).code]).toEqual([403, "INSUFFICIENT_SCOPE"]);
  expect((await ada.call("DELETE", "/v1/session")).status).toBe(204);
  expect((await ada.call("GET", "/me")).status).toBe(401);
});
