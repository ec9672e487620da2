import { Types } from "mongoose";
import { expect, test } from "vitest";
import { useApi } from "./support/api.js";

const off = useApi();
const on = useApi({ admin: "on" });

test("there is no admin area unless it is asked for", async () => {
  for (const url of ["/admin", "/admin/users", "/v1/admin/me"])
    expect((await off.app.inject(url)).statusCode).toBe(404);
});

test("with it, nobody is let in without a role, and an administrator only with two factors", async () => {
  expect((await on.app.inject("/v1/admin/me")).statusCode).toBe(401);
  const page = await on.app.inject({ url: "/admin/users", headers: { accept: "text/html" } });
  expect([page.statusCode, page.headers.location]).toEqual([
    303,
    expect.stringContaining("/account/sign-in"),
  ]);

  const person = await on.register();
  const { bearer } = await on.signIn(person);
  const ask = () => on.app.inject({ url: "/v1/admin/users", headers: bearer });
  expect((await ask()).json()).toMatchObject({ status: 403, code: "INSUFFICIENT_ROLE" });
  await on.identity.administrators.setRoles({
    userId: new Types.ObjectId(person.id),
    roles: ["identity:auditor"],
  });
  const refused = (await ask()).json();
  expect(refused).toMatchObject({ status: 403, code: "RECENT_AUTHENTICATION_REQUIRED" });
});

test("the OpenAPI document has its routes, each with the problems of a guard", async () => {
  const { paths } = (await on.app.inject("/openapi.json")).json();
  const routes = Object.entries(paths as Record<string, Record<string, { responses: object }>>)
    .filter(([path]) => path.startsWith("/v1/admin"))
    .flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, route]) => ({ path, method, route })),
    );
  expect(routes.length).toBeGreaterThan(20);
  for (const { path, method, route } of routes) {
    const statuses = Object.keys(route.responses);
    expect({ path, method, statuses }).toEqual({
      path,
      method,
      statuses: expect.arrayContaining(["401", "403", "429", "503"]),
    });
  }
});

test("the health of the database is the optimizer's, over our models and queries", async () => {
  const person = await on.register();
  const { bearer } = await on.signIn(person);
  const userId = new Types.ObjectId(person.id);
  await on.identity.administrators.setRoles({ userId, roles: ["identity:auditor"] });
  await on.models.UserSession.collection.updateMany({ userId }, [
    { $set: { proofs: { $concatArrays: ["$proofs", [{ method: "totp", at: on.clock.now() }]] } } },
  ]);
  const answer = await on.app.inject({ url: "/v1/admin/database", headers: bearer });
  expect(answer.json()).toMatchObject({ score: expect.any(Number), parts: expect.any(Array) });
  const parts: { part: string; points: number | null }[] = answer.json().parts;
  expect(parts.find(({ part }) => part === "queries")?.points).toEqual(expect.any(Number));
});
