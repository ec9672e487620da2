import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { gitHubProvider } from "../../src/providers/index.js";

// Answers as GitHub documents them: https://docs.github.com/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps and
// https://docs.github.com/rest/users/emails
const documented = {
  token: {
    access_token: "gho_16C7e42F292c6912E7710c838347Ae178B4a",
    scope: "read:user,user:email",
    token_type: "bearer",
  },
  user: { login: "octocat", id: 1, name: "monalisa octocat", email: "public@example.com" } as Record<
    string,
    unknown
  >,
  emails: [
    { email: "other@example.com", primary: false, verified: true, visibility: null },
    { email: "octocat@example.com", primary: true, verified: true, visibility: "public" },
  ] as unknown,
};
let answers: typeof documented & { status?: number };
const received: Array<{
  url: string;
  body: string;
  authorization: string | undefined;
  agent: string | undefined;
}> = [];
let server: Server;
let base = "";

beforeAll(async () => {
  server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { url = "", headers } = request;
    received.push({ url, body, authorization: headers.authorization, agent: headers["user-agent"] });
    const of: Record<string, unknown> = {
      "/login/oauth/access_token": answers.token,
      "/api/v3/user": answers.user,
      "/api/v3/user/emails": answers.emails,
    };
    response.writeHead(url.startsWith("/api") ? (answers.status ?? 200) : 200, {
      "content-type": "application/json",
    });
    response.end(JSON.stringify(of[url]));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, "close");
});

const attempt = {
  redirectUri: "https://id.example.com/account/sign-in/github/callback",
  state: "s".repeat(43),
  nonce: "n".repeat(43),
  codeVerifier: "v".repeat(43),
  now: new Date(0),
};

async function finish(
  changed: Partial<typeof answers> = {},
  query: Record<string, string> = { code: "abc" },
) {
  answers = { ...documented, ...changed };
  received.length = 0;
  const provider = gitHubProvider({ url: base, clientId: "client", clientSecret: "secret" });
  const answer = new URL(attempt.redirectUri);
  for (const [name, value] of Object.entries({ state: attempt.state, ...query }))
    answer.searchParams.set(name, value);
  return provider.finish(answer, attempt);
}

describe("GitHub", () => {
  test("is asked with PKCE, a state and the two scopes", async () => {
    const url = await gitHubProvider({ clientId: "client", clientSecret: "secret" }).begin(attempt);
    expect(url.origin + url.pathname).toBe("https://github.com/login/oauth/authorize");
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      client_id: "client",
      redirect_uri: attempt.redirectUri,
      scope: "read:user user:email",
      state: attempt.state,
      code_challenge_method: "S256",
      response_type: "code",
    });
    expect(url.href).not.toContain("secret");
  });

  test("names somebody by the numeric id, with the primary address that it has verified", async () => {
    expect(await finish()).toEqual({
      issuer: base,
      subject: "1",
      email: "octocat@example.com",
      emailVerified: true,
      displayName: "monalisa octocat",
    });
    const [token, user] = received;
    expect(Object.fromEntries(new URLSearchParams(token?.body))).toMatchObject({
      client_secret: "secret",
      code: "abc",
      code_verifier: attempt.codeVerifier,
      redirect_uri: attempt.redirectUri,
    });
    expect(user?.authorization).toBe(`Bearer ${documented.token.access_token}`);
    // GitHub refuses requests without one: https://docs.github.com/rest/using-the-rest-api/getting-started-with-the-rest-api
    expect(user?.agent).toBeTruthy();
  });

  // oauth2-proxy 371: the public address of the profile is not the verified one.
  test.each([
    ["the primary address is not verified", [{ email: "a@example.com", primary: true, verified: false }]],
    ["only another one is", [{ email: "a@example.com", primary: false, verified: true }]],
    ["there is none", []],
  ])("has no address when %s", async (_what, emails) => {
    expect(await finish({ emails })).toMatchObject({ email: undefined, emailVerified: false });
  });

  test("uses the login where there is no name", async () => {
    const user = { ...documented.user, name: null };
    expect(await finish({ user })).toMatchObject({ displayName: "octocat" });
  });

  test.each([
    ["an id that is text", { user: { ...documented.user, id: "1" } }],
    ["no id", { user: { login: "octocat" } }],
    ["addresses that are no list", { emails: { message: "Not Found" } }],
    ["an API that refuses", { status: 403 }],
  ])("is not believed with %s", async (_what, changed) => {
    await expect(finish(changed as never)).rejects.toMatchObject({ name: "ProviderError", reason: "failed" });
  });

  test("has its errors in a 200 answer", async () => {
    const token = { error: "bad_verification_code", error_description: "The code is incorrect or expired." };
    await expect(finish({ token: token as never })).rejects.toMatchObject({ reason: "failed" });
  });

  test("says that the person cancelled", async () => {
    await expect(finish({}, { error: "access_denied" })).rejects.toMatchObject({ reason: "cancelled" });
    expect(received).toEqual([]);
  });
});
