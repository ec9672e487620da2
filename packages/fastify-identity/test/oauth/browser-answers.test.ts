// Answers to people and apps where a browser is sent with a request that can't be taken: a page, or invalid_request at the
// redirect URI (RFC 6749 section 4.1.2.1).
import type { FastifyInstance, LightMyRequestResponse } from "fastify";
import { beforeEach, describe, expect, test } from "vitest";
import { Parameters } from "../../src/oauth/endpoints/parameters.js";
import { Visitor } from "../pages/visitor.js";
import { useIdentity } from "../support.js";
import {
  authorizeUrl,
  type Client,
  credentials,
  makeClient,
  makeVisitor,
  ours,
  post,
  redirectUri,
  signIn,
  target,
} from "./world.js";

const setting = useIdentity();
let app: FastifyInstance;
let client: Client;
beforeEach(async () => {
  app = await setting.app({ oauth: true });
  client = await makeClient(setting);
});

function isPage(response: LightMyRequestResponse, status = 400): void {
  expect([response.statusCode, response.headers["content-type"]]).toEqual([
    status,
    "text/html; charset=utf-8",
  ]);
  expect(response.headers.location).toBeUndefined();
}

function isInvalidRequest(response: LightMyRequestResponse): URLSearchParams {
  expect(response.statusCode).toBe(303);
  const { searchParams } = new URL(target(response));
  expect(target(response).startsWith(`${redirectUri}?`)).toBe(true);
  expect(searchParams.get("error")).toBe("invalid_request");
  return searchParams;
}

const unreadable = [
  ["bytes that are no UTF-8", "utm=%FF"],
  ["a percent sign alone", "utm=100%"],
  ["a name that can't be read", "%E9=1"],
  ["too many parameters", Array.from({ length: 101 }, (_, at) => `p${at}=1`).join("&")],
] as const;

const byPost = (url: string, payload: string) =>
  app.inject({
    method: "POST",
    url,
    payload: Buffer.from(payload),
    headers: { "content-type": "application/x-www-form-urlencoded" },
  });

describe.each(unreadable)("%s", (_what, part) => {
  test("is told to the app where it has shown its address, by GET and by POST, signed in or not", async () => {
    const { visitor, email } = await makeVisitor(setting, app);
    const url = `${authorizeUrl(client, { state: undefined })}&${part}`;
    isInvalidRequest(await visitor.get(url));
    isInvalidRequest(await byPost("/oauth/authorize", url.split("?")[1] ?? ""));
    await signIn(visitor, email);
    isInvalidRequest(await visitor.get(url));
  });

  test("is told to people where no address was shown, and where a sign-out is asked for", async () => {
    isPage(await app.inject(`/oauth/authorize?${part}`));
    isPage(
      await app.inject(
        `/oauth/authorize?${part}&client_id=${client.clientId}&redirect_uri=https://evil.example/`,
      ),
    );
    isPage(await app.inject(`/oauth/logout?${part}`));
    isPage(await byPost("/oauth/logout", part));
  });

  test("is refused to programs, and is none of their parameters", async () => {
    const form = `${new URLSearchParams({ ...credentials(client), grant_type: "client_credentials" })}`;
    const answer = await byPost("/oauth/token", `${form}&${part}`);
    expect([answer.statusCode, answer.json().error]).toEqual([400, "invalid_request"]);
    const beside = await byPost(`/oauth/token?${part}`, form);
    expect([beside.statusCode, beside.json().error]).toEqual([400, "invalid_request"]);
  });
});

test("raw UTF-8 is refused, for it would be read as Latin-1 (WHATWG URL section 5.1)", async () => {
  const url = authorizeUrl(client, { state: undefined });
  const sent = isInvalidRequest(await byPost("/oauth/authorize", `${url.split("?")[1]}&state=é`));
  expect(sent.has("state")).toBe(false);
  const query = Buffer.from("client_id=a&state=é").toString("latin1");
  const { fault } = Parameters.fromQuery(`/oauth/authorize?${query}`);
  expect(fault).toBe("the request is no form in UTF-8");
  const encoded = await app.inject(authorizeUrl(client, { state: "é", scope: "other" }));
  expect(new URL(target(encoded)).searchParams.get("state")).toBe("é");
});

test("a request that is too long is told to the app, signed in or not", async () => {
  const { visitor, email } = await makeVisitor(setting, app);
  const fields = Object.fromEntries(new URLSearchParams(authorizeUrl(client).split("?")[1]));
  const send = () => visitor.post("/oauth/authorize", { ...fields, state: "s".repeat(16_500) });
  expect(isInvalidRequest(await send()).get("state")).toHaveLength(16_500);
  await signIn(visitor, email);
  isInvalidRequest(await send());
});

test("people see a page where two hints came, a body of another kind, or too many requests", async () => {
  isPage(await app.inject("/oauth/logout?id_token_hint=a&id_token_hint=b"));
  const payload = { client_id: client.clientId };
  isPage(await app.inject({ method: "POST", url: "/oauth/authorize", payload }));
  const narrow = await setting.app({ oauth: true, rateLimit: { requests: 1 } });
  await narrow.inject(authorizeUrl(client));
  const limited = await narrow.inject(authorizeUrl(client));
  isPage(limited, 429);
  expect(Number(limited.headers["retry-after"])).toBeGreaterThan(0);
  isPage(await narrow.inject("/oauth/logout"), 429);
});

test("a request that one browser took up is answered in no other, by its request_uri neither", async () => {
  const mine = await makeVisitor(setting, app);
  const page = ours(target(await mine.visitor.get(authorizeUrl(client))));
  await mine.visitor.get(page);
  const token = new URLSearchParams(page.split("?")[1]).get("request") ?? "";
  const request_uri = `urn:ietf:params:oauth:request_uri:${token}`;
  const url = `/oauth/authorize?${new URLSearchParams({ client_id: client.clientId, request_uri })}`;
  const theirs = await makeVisitor(setting, app);
  await signIn(theirs.visitor, theirs.email);
  const scopes = ["openid"];
  await setting.identity.oauth.grantConsent({ userId: theirs.userId, appId: client.app._id, scopes });
  isPage(await theirs.visitor.get(url));
  expect(target(await mine.visitor.get(url))).toContain("/account/authorize");
});

describe("a pushed request", () => {
  test("has its login_hint in no address, and its token in no log", async () => {
    const lines: string[] = [];
    const stream = { write: (line: string) => void lines.push(line) };
    const logged = await setting.app({ oauth: true }, undefined, { logger: { level: "info", stream } });
    const { visitor, email } = await makeVisitor(setting, logged);
    const hint = "someone.else@example.com";
    const fields = Object.fromEntries(new URLSearchParams(authorizeUrl(client).split("?")[1]));
    const pushed = await post(logged, "/oauth/par", { ...fields, login_hint: hint, ...credentials(client) });
    const { request_uri } = pushed.json();
    const query = new URLSearchParams({ client_id: client.clientId, request_uri });
    const page = ours(target(await visitor.get(`/oauth/authorize?${query}`)));
    const signInPage = target(await visitor.get(page));
    expect(signInPage).not.toContain("example.com");
    expect((await visitor.get(signInPage)).body).toContain(`value="${hint}"`);
    await signIn(visitor, email, signInPage);
    await visitor.get("/account/sign-out");
    expect(lines.join("")).not.toMatch(/idq_|someone\.else/);
    // Of a sign-in that belongs to no app, nothing is known.
    expect((await new Visitor(logged).get("/account/sign-in")).body).not.toContain(hint);
  });
});

describe("the window that an app has opened", () => {
  const policy = "cross-origin-opener-policy";

  test("is the app's on every page of its request, and nobody's on others", async () => {
    const { visitor, email } = await makeVisitor(setting, app);
    const page = ours(target(await visitor.get(authorizeUrl(client))));
    const signInPage = target(await visitor.get(page));
    const opened = [await visitor.get(signInPage), await visitor.send(signInPage, { identifier: "x" })];
    await signIn(visitor, email, signInPage);
    opened.push(await visitor.get(page), await visitor.get(`/oauth/authorize?client_id=nobody`));
    const confirm = `/account/confirm?${new URLSearchParams({ return_to: page })}`;
    opened.push(await visitor.get(confirm));
    opened.push(await visitor.get(authorizeUrl(client, { response_mode: "form_post", prompt: "none" })));
    for (const { headers } of opened) expect(headers).not.toHaveProperty(policy);
    for (const path of [
      "/account",
      "/account/sign-out",
      "/account/confirm",
      "/account/sign-in?return_to=/x",
    ]) {
      const { headers, statusCode } = await visitor.get(path);
      if (statusCode === 200) expect(headers[policy]).toBe("same-origin");
    }
    expect((await new Visitor(app).get("/account/sign-in")).headers[policy]).toBe("same-origin");
  });
});
