import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Types } from "mongoose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { useApi } from "./support/api.js";

const off = useApi();
const on = useApi({ admin: "on" });
const acting = useApi({ admin: "on", impersonation: true, impersonationProtectedRoles: ["owner"] });

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

test("administrators act for users where that is asked for, and nowhere else", async () => {
  const routesOf = async ({ app }: typeof on) =>
    Object.keys((await app.inject("/openapi.json")).json().paths).filter((path) =>
      path.includes("impersonation"),
    );
  expect(await routesOf(on)).toEqual([]);
  expect(await routesOf(acting)).toEqual([
    "/v1/session/impersonation",
    "/v1/admin/users/{id}/impersonation",
    "/v1/admin/impersonations",
  ]);
  const { paths } = (await acting.app.inject("/openapi.json")).json();
  expect(paths["/v1/factors"].get.responses["403"].description).toContain("IMPERSONATED");
  expect(paths["/v1/session"].get.responses["403"]?.description ?? "").not.toContain("IMPERSONATED");
});

/** Somebody who may read the audit trail and the health of the database, with two factors. */
async function auditor() {
  const person = await on.register();
  const { bearer } = await on.signIn(person);
  const userId = new Types.ObjectId(person.id);
  await on.identity.administrators.setRoles({ userId, roles: ["identity:auditor"] });
  await on.models.UserSession.collection.updateMany({ userId }, [
    { $set: { proofs: { $concatArrays: ["$proofs", [{ method: "totp", at: on.clock.now() }]] } } },
  ]);
  return bearer;
}

test("the health of the database is the optimizer's, over our models and queries", async () => {
  const answer = await on.app.inject({ url: "/v1/admin/database", headers: await auditor() });
  expect(answer.json()).toMatchObject({ score: expect.any(Number), parts: expect.any(Array) });
  const parts: { part: string; points: number | null }[] = answer.json().parts;
  expect(parts.find(({ part }) => part === "queries")?.points).toEqual(expect.any(Number));
});

describe("the public key of the audit checkpoints", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "keys-"));
  });
  afterAll(() => rm(folder, { recursive: true }));
  const { privateKey: signingKey, publicKey } = generateKeyPairSync("ed25519");

  test("is read from its file, and the checkpoints are believed", async () => {
    const auditPublicKeyFile = join(folder, "audit.pem");
    await writeFile(auditPublicKeyFile, publicKey.export({ type: "spki", format: "pem" }));
    const app = await on.build({ auditPublicKeyFile });
    await on.identity.audit.checkpoint({ signingKey });
    const headers = await auditor();
    const answer = await app.inject({
      method: "POST",
      url: "/v1/admin/audit/verification",
      headers,
      payload: {},
    });
    const last = JSON.parse(answer.body.trimEnd().split("\n").at(-1) ?? "");
    expect(last).toMatchObject({ type: "result", intact: true, checkpoints: 1 });
  });

  test("keeps the service from starting when it can't be read", async () => {
    const other = join(folder, "other.pem");
    const rsa = generateKeyPairSync("rsa", { modulusLength: 2_048 }).publicKey;
    await writeFile(other, rsa.export({ type: "spki", format: "pem" }));
    for (const auditPublicKeyFile of [other, join(folder, "none.pem")])
      await expect(on.build({ auditPublicKeyFile })).rejects.toMatchObject({
        code: "CONFIG_INVALID",
        message: expect.stringContaining("ORG_API_AUDIT_PUBLIC_KEY_FILE"),
      });
  });
});
