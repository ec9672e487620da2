// Details of a person at an OpenID provider's UserInfo, and endpoints that move.
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openIdProvider } from "../../src/providers/index.js";
import { client, useProvider } from "../pages/provider.js";
import { issuer, useIdentity } from "../support.js";

const setting = useIdentity();
const back = `${issuer}/back/acme`;
/** With the defaults of oidc-provider: claims of the scopes `email` and `profile` are at UserInfo only. */
const standard = useProvider([back], { conformIdTokenClaims: true });

type Json = Readonly<Record<string, unknown>>;

let server: Server;
let at = "";
const jwt = (claims: Json, alg = "RS256") =>
  [{ alg }, claims, "signature"]
    .map((part) => Buffer.from(typeof part === "string" ? part : JSON.stringify(part)).toString("base64url"))
    .join(".");

/** What the provider of this file says, and what it was asked. */
const initial = {
  subject: "ada",
  idToken: {} as Json,
  userInfo: (response: ServerResponse): void => json(response, {}),
  paths: { token: "/token", userinfo: "/userinfo" as string | undefined },
};
let says = initial;
const asked: string[] = [];
let nonce = "";

function json(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function answer({ url = "" }: IncomingMessage, response: ServerResponse): void {
  asked.push(url);
  const { subject, paths } = says;
  if (url === "/.well-known/openid-configuration") {
    json(response, {
      issuer: at,
      authorization_endpoint: `${at}/authorize`,
      token_endpoint: at + paths.token,
      jwks_uri: `${at}/jwks`,
      userinfo_signing_alg_values_supported: ["RS256"],
      ...(paths.userinfo && { userinfo_endpoint: at + paths.userinfo }),
    });
  } else if (url === paths.token) {
    const now = Math.floor(Date.now() / 1_000);
    const times = { iat: now, exp: now + 60 };
    const claims = { iss: at, aud: client.clientId, sub: subject, nonce, ...times, ...says.idToken };
    json(response, { access_token: "access", token_type: "bearer", id_token: jwt(claims) });
  } else if (url === paths.userinfo) {
    says.userInfo(response);
  } else {
    response.writeHead(404, { "content-type": "text/html" }).end("<p>gone");
  }
}

beforeAll(async () => {
  server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, "close");
});
beforeEach(() => {
  says = { ...initial };
  asked.length = 0;
});

const acme = (changed: object = {}) =>
  openIdProvider({ id: "acme", name: "Acme", issuer: at, ...client, trustsEmail: true, ...changed });

async function signIn(app: FastifyInstance, authorize = answered) {
  const post = (url: string, payload: object) => app.inject({ method: "POST", url, payload });
  const begin = { redirectUri: back, delivery: "token" };
  const begun = await post("/v1/providers/acme/sign-in", begin);
  if (begun.statusCode !== 201) return begun;
  const { url, attempt } = begun.json();
  const payload = { answer: await authorize(url), attempt, delivery: "token" };
  return post("/v1/providers/acme/sign-in/finish", payload);
}

async function answered(url: string): Promise<string> {
  const { searchParams } = new URL(url);
  nonce = searchParams.get("nonce") ?? "";
  return `${back}?${new URLSearchParams({ code: "c", state: searchParams.get("state") ?? "" })}`;
}

const emailOf = async (userId: string) => (await setting.identity.models.User.findById(userId).lean())?.email;

// homarr #2635, OIDCWarden #31, open-webui #9456: OpenID Connect Core section 5.4 has these claims at UserInfo.
test("a provider with its defaults makes an account with the address that UserInfo has", async () => {
  const app = await setting.app({ providers: [acme({ issuer: standard.issuer })] });
  const email = "by-user-info@example.com";
  standard.person = { sub: "by-user-info", email, email_verified: true, name: "Ada" };
  const done = await signIn(app, standard.authorize);
  expect(done.statusCode, done.body).toBe(201);
  expect(await emailOf(done.json().userId)).toBe(email);
});

describe("UserInfo", () => {
  let people = 0;
  const somebody = () => {
    people += 1;
    says.subject = `person-${people}`;
    return { sub: says.subject, email: `${says.subject}@example.com`, email_verified: true };
  };
  const isAsked = () => asked.includes("/userinfo");
  const failed = { code: "PROVIDER_FAILED", reason: "failed" };

  test("is asked for who has no account, and for nobody who has one", async () => {
    const app = await setting.app({ providers: [acme()] });
    const person = somebody();
    says.userInfo = (response) => json(response, { ...person, name: "Ada" });
    const first = await signIn(app);
    expect(first.statusCode, first.body).toBe(201);
    expect(await emailOf(first.json().userId)).toBe(person.email);
    asked.length = 0;
    says.userInfo = (response) => json(response, {}, 503);
    expect((await signIn(app)).json()).toMatchObject({ userId: first.json().userId });
    expect(isAsked()).toBe(false);
  });

  test("is not asked where the id token says it, nor of a provider whose addresses are not trusted", async () => {
    const { email, email_verified } = somebody();
    says.idToken = { email, email_verified };
    expect((await signIn(await setting.app({ providers: [acme()] }))).statusCode).toBe(201);
    somebody();
    says.idToken = {};
    const wary = await setting.app({ providers: [acme({ trustsEmail: false })] });
    expect((await signIn(wary)).json()).toMatchObject({ code: "EMAIL_NOT_VERIFIED" });
    expect(isAsked()).toBe(false);
  });

  test("gives no account where there is none", async () => {
    const app = await setting.app({ providers: [acme()] });
    somebody();
    says.paths = { ...says.paths, userinfo: undefined };
    expect((await signIn(app)).json()).toMatchObject({ code: "EMAIL_NOT_VERIFIED" });
  });

  test("of somebody else is refused", async () => {
    const app = await setting.app({ providers: [acme()] });
    const person = somebody();
    says.userInfo = (response) => json(response, { ...person, sub: "eve" });
    expect((await signIn(app)).json()).toMatchObject(failed);
    says.userInfo = (response) => json(response, { ...person, sub: undefined });
    expect((await signIn(app)).json()).toMatchObject(failed);
  });

  test("may be a JWT, of this provider and for this client", async () => {
    const app = await setting.app({ providers: [acme()] });
    const person = somebody();
    const send = (claims: Json, alg?: string) => {
      says.userInfo = (response) =>
        void response
          .writeHead(200, { "content-type": "application/jwt" })
          .end(jwt({ ...person, ...claims }, alg));
      return signIn(app);
    };
    expect((await send({ iss: "https://evil.example" })).json()).toMatchObject(failed);
    expect((await send({ aud: "another" })).json()).toMatchObject(failed);
    expect((await send({ iss: at, aud: client.clientId }, "none")).json()).toMatchObject(failed);
    expect((await send({ iss: at, aud: client.clientId })).statusCode).toBe(201);
  });

  test.each([
    ["an error", (response: ServerResponse) => json(response, { error: "invalid_token" }, 401)],
    ["no JSON", (response: ServerResponse) => void response.end("<p>hello")],
    ["no object", (response: ServerResponse) => json(response, null)],
    ["nothing", (response: ServerResponse) => void response.destroy()],
    ["no answer in time", () => undefined],
  ])("that gives %s ends the sign-in in words", async (_what, userInfo) => {
    const app = await setting.app({ providers: [acme({ timeoutMs: 300 })] });
    somebody();
    says.userInfo = userInfo;
    expect((await signIn(app)).json()).toMatchObject(failed);
  });

  test("verifies an address only by its own word, as a boolean or as text", async () => {
    const app = await setting.app({ providers: [acme()] });
    const outcomes: unknown[] = [];
    for (const email_verified of ["true", "false", ["true"], 1, null, undefined]) {
      const person = somebody();
      // The id token's word is for its own address.
      says.idToken = { email_verified: true };
      says.userInfo = (response) => json(response, { ...person, email_verified });
      outcomes.push((await signIn(app)).statusCode);
    }
    expect(outcomes).toEqual([201, 403, 403, 403, 403, 403]);
  });
});

// express-openid-connect #449: endpoints were read once, for as long as the process ran.
describe("endpoints", () => {
  const discoveries = () => asked.filter((path) => path.startsWith("/.well-known/")).length;

  beforeEach(() => {
    says.idToken = { email: "endpoints@example.com", email_verified: true };
    says.subject = "endpoints";
  });

  test("are read once, and again when one has moved", async () => {
    const app = await setting.app({ providers: [acme()] });
    expect((await signIn(app)).statusCode).toBe(201);
    expect((await signIn(app)).statusCode).toBe(201);
    expect(discoveries()).toBe(1);
    says.paths = { ...says.paths, token: "/token2" };
    expect((await signIn(app)).json()).toMatchObject({ code: "PROVIDER_FAILED" });
    expect((await signIn(app)).statusCode).toBe(201);
    expect(discoveries()).toBe(2);
  });

  test("are not read again for what a browser brings", async () => {
    const app = await setting.app({ providers: [acme()] });
    for (let tries = 0; tries < 3; tries += 1) {
      const bogus = (query: string) => async (url: string) => (await answered(url)) + query;
      await signIn(app, bogus("&iss=https%3A%2F%2Fevil.example"));
      await signIn(app, bogus("&error=access_denied"));
    }
    expect(discoveries()).toBe(1);
  });

  test("are read again after an hour; those of before serve while that fails", async () => {
    const app = await setting.app({ providers: [acme()] });
    await signIn(app);
    setting.clock.advance(60 * 60_000);
    expect((await signIn(app)).statusCode).toBe(201);
    expect(discoveries()).toBe(2);
    setting.clock.advance(60 * 60_000);
    const { port } = server.address() as AddressInfo;
    server.closeAllConnections();
    server.close();
    const url = await acmeBegins(app);
    expect(new URL(url).pathname).toBe("/authorize");
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    expect((await signIn(app)).statusCode).toBe(201);
  });

  async function acmeBegins(app: FastifyInstance): Promise<string> {
    const payload = { redirectUri: back, delivery: "token" };
    return (await app.inject({ method: "POST", url: "/v1/providers/acme/sign-in", payload })).json().url;
  }
});
