import { afterAll, beforeAll, expect, test } from "vitest";
import { type Running, startProgram } from "./program.js";
import { resource, useProvider } from "./provider.js";

const provider = useProvider("example_api");
let api: Running;
beforeAll(async () => {
  const { id, secret } = await provider.register({ serves: [resource], grantTypes: ["client_credentials"] });
  api = await startProgram("api.ts", {
    ISSUER: provider.issuer,
    RESOURCE: resource,
    CLIENT_ID: id,
    CLIENT_SECRET: secret,
    PORT: "0",
  });
});
afterAll(() => api?.stop());

async function tokenOf(
  client: { id: string; secret: string },
  scope: string,
  target?: string,
): Promise<string> {
  const body = new URLSearchParams({
    grant_type: "client_credentials",
    client_id: client.id,
    client_secret: client.secret,
    scope,
    ...(target !== undefined && { resource: target }),
  });
  const answer = await fetch(`${provider.issuer}/oauth/token`, { method: "POST", body });
  return ((await answer.json()) as { access_token: string }).access_token;
}

const ask = (token?: string) =>
  fetch(`${api.origin}/notes`, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } });

test.each(["jwt", "opaque"] as const)(
  "takes %s tokens that are for it, with their scope",
  async (accessTokenFormat) => {
    const client = await provider.register({
      grantTypes: ["client_credentials"],
      resources: [resource],
      scopes: ["notes", "more"],
      accessTokenFormat,
    });
    const token = await tokenOf(client, "notes", resource);
    const answer = await ask(token);
    expect([answer.status, await answer.json()]).toEqual([200, { notesOf: client.id, through: client.id }]);
    expect((await ask(await tokenOf(client, "more", resource))).status).toBe(403);
    expect((await ask(await tokenOf(client, "notes"))).status).toBe(401);
    expect((await ask(`${token.slice(0, -6)}AAAAAA`)).status).toBe(401);
    const none = await ask();
    expect([none.status, none.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
    await provider.identity.oauth.setAppStatus({ clientId: client.id, status: "suspended" });
    // The end of a token reaches an API that asks; a JWT is good until it expires.
    expect((await ask(token)).status).toBe(accessTokenFormat === "jwt" ? 200 : 401);
  },
);
