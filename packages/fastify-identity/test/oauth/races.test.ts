// Results of races between two instances of the provider.
import { createRemoteJWKSet, exportJWK, generateKeyPair, jwtVerify, SignJWT } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { formToken } from "../pages/visitor.js";
import { issuer, useIdentity } from "../support.js";
import { type Instance, startInstance } from "./instances.js";
import {
  agree,
  answerIn,
  authorizeUrl,
  type Client,
  credentials,
  makeClient,
  makeVisitor,
  newVerifier,
  signIn,
} from "./world.js";

const setting = useIdentity();
let running: Instance[] = [];
let instances: string[] = [];

beforeAll(async () => {
  running = await Promise.all([startInstance(setting), startInstance(setting)]);
  instances = running.map(({ origin }) => origin);
}, 120_000);
afterAll(() => {
  for (const instance of running) instance.kill();
});

const form = async (
  path: string,
  fields: Record<string, string>,
  at: number,
  headers: Record<string, string> = {},
) => {
  const body = new URLSearchParams(fields);
  const response = await fetch(`${instances[at % 2]}${path}`, { method: "POST", body, headers });
  return { status: response.status, body: (await response.json()) as Record<string, string> };
};
const times = <T>(count: number, act: (at: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, at) => act(at)));

async function begun(client: Client, scope = "openid offline_access") {
  const app = await setting.app({ oauth: true });
  const { visitor, email, userId } = await makeVisitor(setting, app);
  const verifier = newVerifier();
  const { code = "" } = answerIn(await agree(visitor, email, authorizeUrl(client, { scope }, verifier)));
  return {
    app,
    visitor,
    email,
    userId,
    exchange: { grant_type: "authorization_code", code, code_verifier: verifier, ...credentials(client) },
  };
}

test("one code, exchanged a hundred times at the same time: tokens once, and then nothing lives", async () => {
  const { exchange } = await begun(await makeClient(setting));
  const answers = await times(100, (at) => form("/oauth/token", exchange, at));
  const granted = answers.filter(({ status }) => status === 200);
  expect(granted).toHaveLength(1);
  expect(answers.filter(({ body }) => body.error === "invalid_grant")).toHaveLength(99);
  expect((await setting.identity.oauth.validate(granted[0]?.body.access_token)).ok).toBe(false);
});

test("one refresh token, used a hundred times at the same time: the same successor for all", async () => {
  const client = await makeClient(setting);
  const { exchange } = await begun(client);
  const { refresh_token = "" } = (await form("/oauth/token", exchange, 0)).body;
  const refresh = { grant_type: "refresh_token", refresh_token, ...credentials(client) };
  const answers = await times(100, (at) => form("/oauth/token", refresh, at));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect(new Set(answers.map(({ body }) => body.refresh_token)).size).toBe(1);
  expect(new Set(answers.map(({ body }) => body.access_token)).size).toBe(1);
});

test("one device, polled a hundred times at the same time: tokens once", async () => {
  const grant = "urn:ietf:params:oauth:grant-type:device_code" as const;
  const device = await makeClient(setting, { type: "public", redirectUris: [], grantTypes: [grant] });
  const { client_id = "" } = credentials(device);
  const codes = (await form("/oauth/device_authorization", { client_id, scope: "notes" }, 0)).body;
  const app = await setting.app({ oauth: true });
  const { visitor, email } = await makeVisitor(setting, app);
  await signIn(visitor, email);
  const form_token = formToken((await visitor.get("/account/device")).body);
  const decision = { form_token, user_code: codes.user_code ?? "", decision: "allow" };
  expect((await visitor.post("/account/device/decision", decision)).statusCode).toBe(303);
  const poll = { grant_type: grant, device_code: codes.device_code ?? "", client_id };
  const answers = await times(100, (at) => form("/oauth/token", poll, at));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  expect(answers.filter(({ body }) => body.error === "invalid_grant")).toHaveLength(99);
});

test("one DPoP proof, used a hundred times at the same time: taken once", async () => {
  const machine = await makeClient(setting, { grantTypes: ["client_credentials"], redirectUris: [] });
  const pair = await generateKeyPair("ES256");
  const iat = Math.floor(setting.clock.now().getTime() / 1_000);
  const dpop = await new SignJWT({ htm: "POST", htu: `${issuer}/oauth/token`, jti: "one", iat })
    .setProtectedHeader({ alg: "ES256", typ: "dpop+jwt", jwk: await exportJWK(pair.publicKey) })
    .sign(pair.privateKey);
  const ask = { grant_type: "client_credentials", scope: "notes", ...credentials(machine) };
  const answers = await times(100, (at) => form("/oauth/token", ask, at, { dpop }));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  expect(answers.filter(({ body }) => body.error === "invalid_dpop_proof")).toHaveLength(99);
});

test("one pushed request, used fifty times at the same time: one code", async () => {
  const client = await makeClient(setting);
  const { visitor } = await begun(client, "openid");
  const fields = Object.fromEntries(new URLSearchParams(authorizeUrl(client).split("?")[1]));
  const { request_uri = "" } = (await form("/oauth/par", { ...fields, ...credentials(client) }, 0)).body;
  const query = new URLSearchParams({ client_id: client.clientId, request_uri });
  const cookie = [...visitor.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  const answers = await times(50, (at) =>
    fetch(`${instances[at % 2]}/oauth/authorize?${query}`, { headers: { cookie }, redirect: "manual" }),
  );
  const codes = answers.flatMap(
    ({ headers }) => new URL(headers.get("location") ?? issuer).searchParams.get("code") ?? [],
  );
  expect(codes).toHaveLength(1);
  expect(answers.filter(({ status }) => status === 400)).toHaveLength(49);
});

test("while keys rotate, and clocks differ, no token fails at a client that keeps the key set", async () => {
  const machine = await makeClient(setting, {
    grantTypes: ["client_credentials"],
    redirectUris: [],
    accessTokenFormat: "jwt",
  });
  const readKeys = () => instances.map((at) => createRemoteJWKSet(new URL(`${at}/oauth/jwks`)));
  let keySets = readKeys();
  const kids = new Set<string>();
  let now = setting.clock.now().getTime();
  const signAndVerify = async () => {
    const ask = { grant_type: "client_credentials", scope: "notes", ...credentials(machine) };
    const answers = await times(20, (at) => form("/oauth/token", ask, at));
    for (const [at, { body }] of answers.entries()) {
      const keys = keySets[(at + 1) % 2];
      if (!keys) throw new Error("there are two instances");
      const options = { currentDate: new Date(now), typ: "at+jwt" };
      const { protectedHeader } = await jwtVerify(body.access_token ?? "", keys, options);
      kids.add(String(protectedHeader.kid));
    }
  };
  await signAndVerify();
  await setting.identity.oauth.rotateSigningKey({ algorithm: "RS256" });
  const { signingKeyLeadMs } = setting.identity.policies.oauth;
  // A client reads again when its cached copy is older than allowed; over the change of the keys it is not.
  for (const [step, isKept] of [
    [3_600_000, false],
    [signingKeyLeadMs - 3_700_000, false],
    [200_000, true],
  ] as const) {
    for (const instance of running) {
      await instance.advance(step);
      if (!isKept) keySets = readKeys();
      await signAndVerify();
    }
    now += step;
  }
  expect(kids.size).toBe(2);
}, 60_000);
