import { expect, test } from "vitest";
import { cookie, password, useApi } from "./support/api.js";

const api = useApi();

// A browser applies what answers say of its cookie as they arrive, which may be after it has got a newer one.
test.each([
  ["signed out", "DELETE", "/v1/session", "revoked"],
  ["rotated its token", "POST", "/v1/session/refresh", "rotated"],
  ["changed its password", "PUT", "/v1/account/password", "rotated"],
] as const)("a refusal of the token from before a browser %s does not clear its cookie", async (...one) => {
  const [, method, url, reason] = one;
  const { token, bearer } = await api.signIn(await api.register());
  const payload = { password, newPassword: "another fine password" };
  await api.app.inject({ method, url, headers: bearer, ...(method === "PUT" && { payload }) });
  api.clock.advance(60_000);
  const headers = { ...cookie(token), "sec-fetch-site": "same-origin" };
  const late = await api.app.inject({ url: "/v1/session", headers });
  expect([late.statusCode, late.json().reason]).toEqual([401, reason]);
  expect(late.headers["set-cookie"]).toBeUndefined();
});

test("nor does the refusal of a refresh from before it signed out", async () => {
  const { token, bearer } = await api.signIn(await api.register());
  await api.app.inject({ method: "DELETE", url: "/v1/session", headers: bearer });
  const headers = { ...cookie(token), "sec-fetch-site": "same-origin" };
  const late = await api.app.inject({ method: "POST", url: "/v1/session/refresh", headers });
  expect([late.statusCode, late.json().reason]).toEqual([401, "revoked"]);
  expect(late.headers["set-cookie"]).toBeUndefined();
});
