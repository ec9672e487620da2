import { duration } from "@org/db-models/core";
import { describe, expect, test } from "vitest";
import { useApi } from "./support/api.js";

const api = useApi();

async function owner() {
  const person = await api.register();
  const { bearer } = await api.signIn(person);
  const create = (input: object = {}) =>
    api.app.inject({
      method: "POST",
      url: "/v1/api-keys",
      headers: bearer,
      payload: { name: "ci", scopes: ["profile:read"], ...input },
    });
  return { person, bearer, create };
}

const get = (url: string, headers: Record<string, string>, app = api.app) => app.inject({ url, headers });
const byKey = (key: string) => ({ "x-api-key": key });

describe("an API key", () => {
  test("is shown once, and authenticates by its scopes, in either header", async () => {
    const { person, bearer, create } = await owner();
    const created = await create();
    expect(created.statusCode).toBe(201);
    const { key, apiKey } = created.json();
    expect((await get("/v1/profile", byKey(key))).json()).toMatchObject({ id: person.id });
    expect((await get("/v1/profile", { authorization: `Bearer ${key}` })).statusCode).toBe(200);
    const listed = await get("/v1/api-keys", bearer);
    expect(listed.json().apiKeys).toMatchObject([{ id: apiKey.id, name: "ci", scopes: ["profile:read"] }]);
    expect(listed.body).not.toContain(key);
    expect(listed.body).not.toMatch(/hash|secrets/i);
    expect(api.log.join("")).not.toContain(key);
  });

  test("may do what its scopes say, and never what asks for a session", async () => {
    const { create } = await owner();
    const { key } = (await create()).json();
    const patch = await api.app.inject({
      method: "PATCH",
      url: "/v1/profile",
      headers: byKey(key),
      payload: { bio: "x" },
    });
    expect([patch.statusCode, patch.json()]).toMatchObject([
      403,
      { code: "INSUFFICIENT_SCOPE", scope: "profile:write" },
    ]);
    const { key: wide } = (await create({ scopes: ["*"] })).json();
    for (const url of ["/v1/profile", "/v1/usage", "/v1/security", "/v1/security/events"]) {
      expect((await get(url, byKey(wide))).statusCode, url).toBe(200);
    }
    for (const url of ["/v1/api-keys", "/v1/sessions", "/v1/session", "/v1/account/export"]) {
      expect((await get(url, byKey(wide))).json().code, url).toBe("CREDENTIAL_NOT_ACCEPTED");
    }
  });

  test("that is no key, unknown, or revoked is refused with its reason, on every instance at once", async () => {
    const { bearer, create } = await owner();
    const other = await api.build();
    const { key, apiKey } = (await create()).json();
    for (const [presented, reason] of [
      ["junk", "malformed"],
      [`${key.slice(0, -1)}${key.endsWith("a") ? "b" : "a"}`, "malformed"],
      ["x".repeat(8_000), "malformed"],
    ] as const) {
      const answer = await get("/v1/profile", byKey(presented));
      expect([answer.statusCode, answer.json()]).toMatchObject([401, { code: "API_KEY_INVALID", reason }]);
      expect(answer.headers["www-authenticate"]).toContain("invalid_token");
    }
    expect((await get("/v1/profile", byKey(key), other)).statusCode).toBe(200);
    const revoke = () =>
      api.app.inject({ method: "DELETE", url: `/v1/api-keys/${apiKey.id}`, headers: bearer });
    expect((await revoke()).statusCode).toBe(204);
    expect((await get("/v1/profile", byKey(key), other)).json()).toMatchObject({ reason: "revoked" });
    expect((await revoke()).json().code).toBe("API_KEY_NOT_FOUND");
  });

  test("rotates with an overlap", async () => {
    const { bearer, create } = await owner();
    const { key, apiKey } = (await create()).json();
    const rotated = await api.app.inject({
      method: "POST",
      url: `/v1/api-keys/${apiKey.id}/rotation`,
      headers: bearer,
      payload: { overlapMs: duration.hour },
    });
    expect(rotated.statusCode).toBe(200);
    const { key: next } = rotated.json();
    for (const one of [key, next]) expect((await get("/v1/profile", byKey(one))).statusCode).toBe(200);
    api.clock.advance(duration.hour);
    expect((await get("/v1/profile", byKey(key))).json()).toMatchObject({ reason: "expired" });
    expect((await get("/v1/profile", byKey(next))).statusCode).toBe(200);
  });

  test("keeps its quota and its rate limit over two instances, and says when to come back", async () => {
    const { create } = await owner();
    const other = await api.build();
    const outcomes = async (key: string) => {
      const all = await Promise.all(
        Array.from({ length: 100 }, (_, index) =>
          get("/v1/profile", byKey(key), index % 2 ? other : api.app),
        ),
      );
      return {
        good: all.filter(({ statusCode }) => statusCode === 200).length,
        bad: all.find(({ statusCode }) => statusCode === 429),
      };
    };
    const quota = await outcomes((await create({ quota: { remaining: 37 } })).json().key);
    expect(quota.good).toBe(37);
    expect(quota.bad?.json().code).toBe("QUOTA_EXHAUSTED");
    expect(quota.bad?.headers["retry-after"]).toBeUndefined();
    const rateLimit = { limit: 23, windowMs: duration.day };
    const limited = await outcomes((await create({ rateLimit })).json().key);
    expect(limited.good).toBe(23);
    expect(limited.bad?.json().code).toBe("RATE_LIMITED");
    expect(Number(limited.bad?.headers["retry-after"])).toBeGreaterThan(3_600);
  });

  test("is refused from elsewhere, and while its owner is suspended", async () => {
    const { person, create } = await owner();
    const { key } = (await create({ ipAllowlist: ["203.0.113.0/24"] })).json();
    expect((await get("/v1/profile", byKey(key))).json().code).toBe("ADDRESS_NOT_ALLOWED");
    const { key: everywhere } = (await create()).json();
    const user = await api.models.User.findById(person.id);
    await api.identity.users.setStatus({ userId: user!._id, status: "suspended" });
    expect((await get("/v1/profile", byKey(everywhere))).json().code).toBe("USER_NOT_ACTIVE");
  });

  test("with bad input is not made, and one that the audit trail can't tell of does nothing", async () => {
    const { bearer, create } = await owner();
    expect((await create({ scopes: ["a b"] })).json().code).toBe("INVALID_INPUT");
    const broken = await api.build({}, { auditTrail: () => Promise.reject(new Error("away")) });
    const payload = { name: "unseen", scopes: [] };
    const answer = await broken.inject({ method: "POST", url: "/v1/api-keys", headers: bearer, payload });
    expect([answer.statusCode, answer.json().code]).toEqual([503, "AUDIT_NOT_WRITTEN"]);
    expect((await get("/v1/api-keys", bearer)).json().apiKeys).toEqual([]);
  });
});
