import { expect, test } from "vitest";
import { someone, useIdentity } from "./support.js";

const setting = useIdentity();

// better-auth #9295, safe-client-gateway #3266: clients that name the type with every request.
test.each([
  ["DELETE", "/v1/session", 204],
  ["DELETE", "/v1/sessions", 200],
  ["POST", "/v1/session/refresh", 200],
  ["POST", "/v1/factors/totp", 201],
  ["POST", "/v1/email-verification", 202],
  ["GET", "/v1/session", 200],
] as const)("%s %s takes application/json without a body", async (method, url, status) => {
  const app = await setting.app();
  const { bearer } = await someone(app);
  for (const type of ["application/json", "application/json; charset=utf-8"]) {
    const headers = { ...bearer, "content-type": type };
    const answer = await app.inject({ method, url, headers });
    expect(answer.statusCode, answer.body).toBe(status);
    if (method === "DELETE") break;
    if (url.endsWith("refresh")) break;
  }
});

test("a route that takes a body says that there is none", async () => {
  const app = await setting.app();
  const headers = { "content-type": "application/json" };
  const answer = await app.inject({ method: "POST", url: "/v1/sessions", headers });
  expect(answer.json()).toMatchObject({ status: 400, code: "INVALID_INPUT" });
});
