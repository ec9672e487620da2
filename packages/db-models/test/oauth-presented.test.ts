// An authorization that is read while its client authenticates.
import { beforeAll, expect, it } from "vitest";
import type { IdentityModels } from "../src/index.js";
import { authenticateClient } from "../src/oauth/clients.js";
import { revokeConsent } from "../src/oauth/consents.js";
import { exchangeAuthorizationCode } from "../src/oauth/exchange.js";
import { contextAt } from "./context.js";
import { useIdentityDatabase } from "./database.js";
import { after, now } from "./moment.js";
import { codeFor, makeWorld, redirectUri, type World } from "./oauth-world.js";

const database = useIdentityDatabase();
let models: IdentityModels;
let world: World;
beforeAll(async () => {
  models = database().models;
  world = await makeWorld(models);
});

const present = async ({ client, clientSecret }: World, presented: unknown) => {
  const input = { clientId: client.clientId, clientSecret, presented };
  const answer = await authenticateClient(contextAt(models, now), input);
  return answer.ok ? answer : undefined;
};

it("serves the exchange of the same request, and of no other code", async () => {
  const [code, other] = [await codeFor(models, world), await codeFor(models, world)];
  const read = await present(world, code);
  const { client, verifier: codeVerifier } = world;
  const rest = { client, redirectUri, codeVerifier, authorization: read?.authorization };
  const exchange = (one: string) => exchangeAuthorizationCode(contextAt(models, now), { ...rest, code: one });
  const answers = [await exchange(other), await exchange(code)];
  const ids = answers.map((answer) => (answer.ok ? String(answer.authorizationId) : ""));
  expect(answers.map(({ ok }) => ok)).toEqual([true, true]);
  expect(new Set(ids).size).toBe(2);
  // A read from before the code was used says nothing of it any more: the second use is noticed.
  expect(await exchange(code)).toMatchObject({ ok: false, reason: "code_reused" });
});

it("is read again when it is a second old", async () => {
  const someone = await makeWorld(models);
  const code = await codeFor(models, someone);
  const { client, verifier: codeVerifier, user } = someone;
  const read = await present(someone, code);
  await revokeConsent(contextAt(models, now), { userId: user._id, appId: client._id });
  const input = { client, code, redirectUri, codeVerifier, authorization: read?.authorization };
  const late = await exchangeAuthorizationCode(contextAt(models, after(1_001)), input);
  expect(late).toMatchObject({ ok: false });
});

it("authenticates nobody whose app it is not", async () => {
  const stranger = await makeWorld(models);
  const code = await codeFor(models, world);
  expect((await present(stranger, code))?.client.clientId).toBe(stranger.client.clientId);
  expect(await present({ ...stranger, clientSecret: world.clientSecret } as World, code)).toBeUndefined();
  for (const none of [undefined, null, 1, {}, "", "x"])
    expect((await present(world, none))?.authorization).toBeUndefined();
});
