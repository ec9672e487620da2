import { problemCodes } from "@org/fastify-identity";
import { expect, test } from "vitest";
import { useApi } from "./support/api.js";

const api = useApi();
const sealKeys = [{ id: "test", key: "k".repeat(43) }];
const provider = useApi({ issuer: "https://id.example.com", sealKeys });

interface Operation {
  summary?: string;
  security?: object[];
  requestBody?: { content: Record<string, { schema: { properties: object } }> };
  responses: Record<string, { description: string; content?: Record<string, { schema: object }> }>;
}

interface PathParameter {
  in: string;
  name: string;
  schema: { pattern?: string };
}

const document = async () => (await api.app.inject("/openapi.json")).json();
const operations = async () =>
  Object.entries((await document()).paths as Record<string, Record<string, Operation>>).flatMap(
    ([path, item]) =>
      Object.entries(item).map(([method, operation]) => ({
        name: `${method.toUpperCase()} ${path}`,
        operation,
      })),
  );

test("the document is OpenAPI 3.1 and has every operation, and none twice", async () => {
  expect((await document()).openapi).toBe("3.1.0");
  expect((await operations()).map(({ name }) => name).sort()).toEqual([
    "DELETE /v1/account",
    "DELETE /v1/account/providers/{provider}",
    "DELETE /v1/api-keys/{id}",
    "DELETE /v1/consents/{clientId}",
    "DELETE /v1/factors/devices",
    "DELETE /v1/factors/devices/{id}",
    "DELETE /v1/factors/passkeys/{id}",
    "DELETE /v1/factors/recovery",
    "DELETE /v1/factors/totp",
    "DELETE /v1/session",
    "DELETE /v1/sessions",
    "DELETE /v1/sessions/{id}",
    "GET /health/live",
    "GET /health/ready",
    "GET /v1/account/export",
    "GET /v1/account/providers",
    "GET /v1/analytics",
    "GET /v1/api-keys",
    "GET /v1/consents",
    "GET /v1/factors",
    "GET /v1/profile",
    "GET /v1/providers",
    "GET /v1/security",
    "GET /v1/security/events",
    "GET /v1/security/reports",
    "GET /v1/session",
    "GET /v1/sessions",
    "GET /v1/usage",
    "GET /v1/usage/apps",
    "GET /v1/usage/apps/{clientId}",
    "PATCH /v1/factors/passkeys/{id}",
    "PATCH /v1/profile",
    "PATCH /v1/security",
    "POST /v1/account/password",
    "POST /v1/api-keys",
    "POST /v1/api-keys/{id}/rotation",
    "POST /v1/email-change",
    "POST /v1/email-change/confirm",
    "POST /v1/email-change/undo",
    "POST /v1/email-verification",
    "POST /v1/email-verification/confirm",
    "POST /v1/factors/passkeys",
    "POST /v1/factors/passkeys/options",
    "POST /v1/factors/recovery",
    "POST /v1/factors/recovery-codes",
    "POST /v1/factors/recovery/cancel",
    "POST /v1/factors/recovery/confirm",
    "POST /v1/factors/totp",
    "POST /v1/factors/totp/confirm",
    "POST /v1/password-reset",
    "POST /v1/password-reset/confirm",
    "POST /v1/providers/{provider}/link",
    "POST /v1/providers/{provider}/link/finish",
    "POST /v1/providers/{provider}/sign-in",
    "POST /v1/providers/{provider}/sign-in/finish",
    "POST /v1/security/feedback",
    "POST /v1/security/reports/mailed",
    "POST /v1/security/reports/{id}/undo",
    "POST /v1/session/authentication",
    "POST /v1/session/authentication/passkey",
    "POST /v1/session/refresh",
    "POST /v1/sessions",
    "POST /v1/sessions/challenge",
    "POST /v1/sessions/challenge/passkey/options",
    "POST /v1/sessions/passkey",
    "POST /v1/sessions/passkey/options",
    "POST /v1/users",
    "PUT /v1/account/password",
  ]);
});

test("each operation says what it does, who may, and how it fails", async () => {
  for (const { name, operation } of await operations()) {
    expect(operation.summary, name).toBeTruthy();
    expect(operation.responses["500"]?.content, name).toHaveProperty(["application/problem+json"]);
    expect(Boolean(operation.security), name).toBe(
      !/health|GET \/v1\/providers$|POST \/v1\/providers\/\{provider\}\/sign-in(\/finish)?$|POST \/v1\/(users|sessions|sessions\/(challenge|passkey|passkey\/options|challenge\/passkey\/options)|factors\/recovery(\/(cancel|confirm))?|password-reset|(password-reset|email-verification)\/confirm|email-change\/(confirm|undo)|security\/reports\/mailed)$/.test(
        name,
      ),
    );
    const [method = "", path = ""] = name.split(" ");
    if (path.startsWith("/health")) continue;
    const documented = Object.values(operation.responses).map(({ description }) => description);
    const codes = ["RATE_LIMITED", "DATABASE_UNREACHABLE", "TIMED_OUT", "NOT_READY", "HEADERS_TOO_LARGE"];
    if (method !== "GET") codes.push("BODY_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE", "MALFORMED_REQUEST");
    for (const code of codes) expect(documented.join("\n"), name).toContain(`\`${code}\``);
    if (operation.security)
      expect(operation.responses["401"]?.description, name).toContain("SESSION_INVALID");
  }
});

// A router refuses longer parts of an address before any schema is asked, by their length as they are written there.
test("each part of an address that may vary is short, and needs no escapes", async () => {
  const { paths } = (await provider.app.inject("/openapi.json")).json();
  const parameters = Object.values(paths as Record<string, Record<string, { parameters?: PathParameter[] }>>)
    .flatMap((methods) => Object.values(methods))
    .flatMap((operation) => operation.parameters ?? [])
    .filter((parameter) => parameter.in === "path");
  expect(parameters.length).toBeGreaterThan(5);
  for (const { name, schema } of parameters)
    expect([name, schema.pattern]).toEqual([
      name,
      expect.stringMatching(/^\^(\[[\w\\.~-]+\](\{[\d,]+\})?)+\$$/),
    ]);
});

test("a provider's endpoints are there, with the errors of their RFCs and none of ours", async () => {
  const { paths, components } = (await provider.app.inject("/openapi.json")).json();
  const names = Object.keys(paths).filter((path) => !path.startsWith("/v1") && !path.startsWith("/health"));
  expect(names.sort()).toEqual([
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
    "/oauth/authorize",
    "/oauth/device_authorization",
    "/oauth/introspect",
    "/oauth/jwks",
    "/oauth/logout",
    "/oauth/par",
    "/oauth/revoke",
    "/oauth/token",
    "/oauth/userinfo",
  ]);
  for (const [path, methods] of names.map((name) => [name, paths[name]] as const)) {
    for (const operation of Object.values(methods as Record<string, Operation>)) {
      expect([path, operation.summary]).toEqual([path, expect.stringMatching(/./)]);
      const failed = operation.responses["500"]?.content;
      expect([path, failed]).toMatchObject([path, { "application/json": expect.anything() }]);
      expect(JSON.stringify(operation.responses)).not.toContain("problem+json");
    }
  }
  const body = paths["/oauth/token"].post.requestBody.content["application/x-www-form-urlencoded"].schema;
  expect(body.required).toEqual(["grant_type"]);
  expect(Object.keys(components.schemas.OAuthError.properties)).toEqual(["error", "error_description"]);
});

test("ids and dates are strings to a client, and bodies come from the zod schemas", async () => {
  const { components, paths } = await document();
  expect(components.schemas.CurrentSession.properties.id).toMatchObject({ type: "string" });
  expect(components.schemas.CurrentSession.properties.idleExpiresAt).toMatchObject({ format: "date-time" });
  const body = paths["/v1/users"].post.requestBody.content["application/json"].schema;
  expect(body.properties.password).toMatchObject({ minLength: 15, maxLength: 256 });
  expect(body.additionalProperties).toBe(false);
  expect(components.schemas.Problem.properties.code.enum).toEqual(Object.keys(problemCodes));
  expect(components.securitySchemes.cookie.name).toBe("__Host-session");
});

test("every reference in the document leads somewhere, and no schema is there for nothing", async () => {
  const whole = (await provider.app.inject("/openapi.json")).json();
  const references = JSON.stringify(whole).match(/#\/components\/schemas\/[^"]+/g) ?? [];
  const names = new Set(references.map((reference) => reference.split("/").at(-1)));
  expect(Object.keys(whole.components.schemas).sort()).toEqual([...names].sort());
});

test("the page for people loads, with its files, under a policy that lets it work", async () => {
  const page = await api.app.inject("/docs");
  expect(page.statusCode).toBe(200);
  const policy = String(page.headers["content-security-policy"]);
  expect(policy).toContain("script-src 'self'");
  expect(policy).not.toMatch(/script-src[^;]*unsafe-inline|upgrade-insecure-requests/);
  expect(page.body).not.toMatch(/<script>|onload=/);
  const files = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => file ?? "");
  expect(files.length).toBeGreaterThan(4);
  for (const file of files) expect((await api.app.inject(file)).statusCode, file).toBe(200);
});

test("an answer of the API may load nothing and be framed by nobody", async () => {
  const { headers } = await api.app.inject("/v1/session");
  expect(headers["content-security-policy"]).toContain("default-src 'none'");
  expect(headers["content-security-policy"]).toContain("frame-ancestors 'none'");
  expect(headers["x-content-type-options"]).toBe("nosniff");
  expect(headers["strict-transport-security"]).toBeTruthy();
  expect(headers["referrer-policy"]).toBe("no-referrer");
});

// A fuzzer takes the document at its word: a text without a bound would be sent empty, endless and with control characters.
test.each([
  ["the service", () => api.app],
  ["the provider", () => provider.app],
])("each text that a request of %s takes says what is refused", async (_what, app) => {
  const { paths } = (await app().inject("/openapi.json")).json();
  const unbounded: string[] = [];
  const walk = (at: string, schema: Record<string, unknown>): void => {
    const bounds = ["pattern", "minLength", "maxLength", "enum", "format", "const"];
    if ([schema.type].flat().includes("string") && !bounds.some((bound) => bound in schema))
      unbounded.push(at);
    for (const [key, value] of Object.entries(schema))
      if (typeof value === "object" && value !== null) walk(`${at}.${key}`, value as Record<string, unknown>);
  };
  for (const [path, methods] of Object.entries(
    paths as Record<string, Record<string, Record<string, unknown>>>,
  ))
    for (const [method, { requestBody, parameters }] of Object.entries(methods))
      walk(`${method} ${path}`, { requestBody, parameters } as Record<string, unknown>);
  expect(unbounded).toEqual([]);
});
