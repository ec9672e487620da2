// Which tokens UserInfo takes, and how (RFC 6750 sections 2 and 3.1, RFC 8707 section 2, RFC 9068 section 4).
import type { FastifyInstance, LightMyRequestResponse } from "fastify";
import { beforeEach, describe, expect, test } from "vitest";
import { issuer, useIdentity } from "../support.js";
import { agree, answerIn, authorizeUrl, makeClient, makeVisitor, post, redeem } from "./world.js";

const setting = useIdentity();
let app: FastifyInstance;
beforeEach(async () => {
  app = await setting.app({ oauth: true });
});

const notes = "https://notes.example.com/";

async function tokenFor(accessTokenFormat: "jwt" | "opaque", resource?: string): Promise<string> {
  const client = await makeClient(setting, { accessTokenFormat, resources: [notes, issuer] });
  const { visitor, email } = await makeVisitor(setting, app);
  const url = authorizeUrl(client, { scope: "openid email", resource });
  const { code } = answerIn(await agree(visitor, email, url));
  return (await redeem(app, client, code)).access_token;
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const get = (token: string) => app.inject({ url: "/oauth/userinfo", headers: bearer(token) });

function isRefused(response: LightMyRequestResponse, status: number, error: string): void {
  expect([response.statusCode, response.json().error]).toEqual([status, error]);
  expect(response.headers["www-authenticate"]).toContain(`error="${error}"`);
}

describe.each(["opaque", "jwt"] as const)("%s tokens", (format) => {
  test("for another resource server are refused, for the issuer and for nobody in particular taken", async () => {
    isRefused(await get(await tokenFor(format, notes)), 401, "invalid_token");
    for (const resource of [issuer, undefined]) {
      expect((await get(await tokenFor(format, resource))).statusCode).toBe(200);
    }
  });
});

test("a token that is sent in two ways, or twice, makes the request invalid", async () => {
  const token = await tokenFor("opaque");
  const path = "/oauth/userinfo";
  isRefused(await post(app, path, { access_token: token }, bearer(token)), 400, "invalid_request");
  const twice = await app.inject({
    method: "POST",
    url: path,
    payload: `access_token=${token}&access_token=${token}`,
    headers: { "content-type": "application/x-www-form-urlencoded", origin: "https://app.example.com" },
  });
  isRefused(twice, 400, "invalid_request");
  expect(twice.headers["access-control-allow-origin"]).toBe("https://app.example.com");
  expect((await post(app, path, { access_token: token })).statusCode).toBe(200);
});
