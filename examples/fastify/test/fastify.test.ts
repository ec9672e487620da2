import { freePort } from "@org/dev-kit/free-port";
import { HttpClient, useProgram } from "@org/dev-kit/programs";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { expect, test } from "vitest";

const database = useTemporaryDatabase({ label: "example_fastify" });
const program = useProgram(new URL("../src/main.ts", import.meta.url), async () => ({
  MONGODB_URI: database.uri,
  PORT: String(await freePort()),
}));

test("signs up and in, guards by session and by API key, and signs out", async () => {
  const ada = new HttpClient(program.origin);
  const account = { email: "ada@example.com", password: "correct horse battery" };
  expect((await ada.call("GET", "/me")).status).toBe(401);
  expect((await ada.call("POST", "/v1/users", account)).status).toBe(201);
  const { email: identifier, password } = account;
  const signedIn = await ada.call("POST", "/v1/sessions", { identifier, password });
  const { userId } = (await signedIn.json()) as { userId: string };
  expect(await (await ada.call("GET", "/me")).json()).toEqual({ user: userId });
  const made = await ada.call("POST", "/v1/api-keys", { name: "k", scopes: ["orders:read"] });
  const { key } = (await made.json()) as { key: string };
  const machine = new HttpClient(program.origin);
  const orders = await machine.call("GET", "/orders", undefined, { "x-api-key": key });
  expect(await orders.json()).toEqual({ ordersOf: userId });
  expect((await ada.call("DELETE", "/v1/session")).status).toBe(204);
  expect((await ada.call("GET", "/me")).status).toBe(401);
});
