// Clients of all kinds at two instances, one of which is killed again and again while keys rotate: every answer is right, and
// the instance that stays does not grow. `npm run test:faults mixed-load` goes on for some ten minutes.
import { faultLoop } from "@org/dev-kit/faults";
import { createRemoteJWKSet, exportJWK, generateKeyPair, jwtVerify, SignJWT } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { issuer, useIdentity } from "../support.js";
import { type Instance, startInstance } from "./instances.js";
import { agree, answerIn, authorizeUrl, credentials, makeClient, makeVisitor, newVerifier } from "./world.js";

const setting = useIdentity();
const load = faultLoop({ seed: 20_261_130, all: 60, sample: 2 });
const stepsOfActor = 5;

/** The first stays, the second is killed. */
let stays: Instance;
let dies: Instance;
beforeAll(async () => {
  [stays, dies] = await Promise.all([startInstance(setting), startInstance(setting)]);
});
afterAll(() => {
  for (const instance of [stays, dies]) instance?.kill();
});

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
  /** Whether an instance died with the request, so that it may have been done before. */
  readonly cut: boolean;
}

let turn = 0;

/** Asks the instances in turn; the other one when the first does not answer. */
async function ask(path: string, fields: Record<string, string>, headers = {}): Promise<Answer> {
  turn += 1;
  const first = turn % 2 === 0 ? stays : dies;
  const send = async ({ origin }: Instance, cut: boolean): Promise<Answer> => {
    const answer = await fetch(origin + path, { method: "POST", body: new URLSearchParams(fields), headers });
    const text = await answer.text();
    return { status: answer.status, body: text ? JSON.parse(text) : {}, cut };
  };
  return send(first, false).catch(() => send(stays, true));
}

const faults: string[] = [];
function check(what: string, right: boolean, answer?: Answer): void {
  if (!right) faults.push(`${what}: ${JSON.stringify(answer)}`);
}

type Step = () => Promise<void>;

/** Refreshes without end; what it has last opens the door, and is told so by whichever instance. */
async function refresher(): Promise<Step> {
  const client = await makeClient(setting);
  const app = await setting.app({ oauth: true });
  const { visitor, email } = await makeVisitor(setting, app);
  const verifier = newVerifier();
  const url = authorizeUrl(client, { scope: "openid offline_access" }, verifier);
  const { code = "" } = answerIn(await agree(visitor, email, url));
  const exchange = { grant_type: "authorization_code", code, code_verifier: verifier };
  const first = await ask("/oauth/token", { ...exchange, ...credentials(client) });
  let refresh_token = String(first.body.refresh_token);
  return async () => {
    const answer = await ask("/oauth/token", {
      grant_type: "refresh_token",
      refresh_token,
      ...credentials(client),
    });
    check("a refresh", answer.status === 200, answer);
    refresh_token = String(answer.body.refresh_token);
    const token = String(answer.body.access_token);
    const told = await ask("/oauth/introspect", { token, ...credentials(client) });
    check("the token of a refresh", told.body.active === true, told);
  };
}

/** Signs in to an app again and again; a code is good once. */
async function signsIn(): Promise<Step> {
  const client = await makeClient(setting);
  const app = await setting.app({ oauth: true });
  const { visitor, email } = await makeVisitor(setting, app);
  return async () => {
    const verifier = newVerifier();
    const { code = "" } = answerIn(await agree(visitor, email, authorizeUrl(client, {}, verifier)));
    const exchange = {
      grant_type: "authorization_code",
      code,
      code_verifier: verifier,
      ...credentials(client),
    };
    const answer = await ask("/oauth/token", exchange);
    // Whose answer was lost asks again, and is taken for a thief (RFC 6749 section 4.1.2).
    check("a code", answer.status === 200 || (answer.cut && answer.body.error === "invalid_grant"), answer);
    const again = await ask("/oauth/token", exchange);
    check("a code that was used", again.body.error === "invalid_grant", again);
    const token = String(answer.body.access_token);
    const told = await ask("/oauth/introspect", { token, ...credentials(client) });
    check("the token of a code that was used twice", told.body.active === false, told);
  };
}

/** JWTs of one instance verify by the key set of the other. */
async function verifies(): Promise<Step> {
  const machine = await makeClient(setting, {
    grantTypes: ["client_credentials"],
    redirectUris: [],
    accessTokenFormat: "jwt",
  });
  const keys = createRemoteJWKSet(new URL(`${stays.origin}/oauth/jwks`), { cooldownDuration: 0 });
  const fields = { grant_type: "client_credentials", scope: "notes", ...credentials(machine) };
  return async () => {
    const answer = await ask("/oauth/token", fields);
    const options = { currentDate: setting.clock.now(), typ: "at+jwt" };
    const verified = jwtVerify(String(answer.body.access_token), keys, options);
    check(
      "a JWT",
      await verified.then(
        () => true,
        () => false,
      ),
      answer,
    );
  };
}

/** A revoked token is over at once, wherever it is shown. */
async function revokes(): Promise<Step> {
  const machine = await makeClient(setting, { grantTypes: ["client_credentials"], redirectUris: [] });
  const fields = { grant_type: "client_credentials", scope: "notes", ...credentials(machine) };
  return async () => {
    const token = String((await ask("/oauth/token", fields)).body.access_token);
    const shown = { token, ...credentials(machine) };
    const before = await ask("/oauth/introspect", shown);
    check("a token", before.body.active === true, before);
    const revoked = await ask("/oauth/revoke", shown);
    check("a revocation", revoked.status === 200, revoked);
    for (let time = 0; time < 2; time++) {
      const after = await ask("/oauth/introspect", shown);
      check("a revoked token", after.body.active === false, after);
    }
  };
}

/** A DPoP proof is good once, at both together. */
async function proves(): Promise<Step> {
  const machine = await makeClient(setting, { grantTypes: ["client_credentials"], redirectUris: [] });
  const pair = await generateKeyPair("ES256");
  const jwk = await exportJWK(pair.publicKey);
  const fields = { grant_type: "client_credentials", scope: "notes", ...credentials(machine) };
  let count = 0;
  return async () => {
    count += 1;
    const iat = Math.floor(setting.clock.now().getTime() / 1_000);
    const claims = { htm: "POST", htu: `${issuer}/oauth/token`, jti: `proof ${count}`, iat };
    const dpop = await new SignJWT(claims)
      .setProtectedHeader({ alg: "ES256", typ: "dpop+jwt", jwk })
      .sign(pair.privateKey);
    const refused = ({ body }: Answer) => body.error === "invalid_dpop_proof";
    const answer = await ask("/oauth/token", fields, { dpop });
    check("a proof", answer.body.token_type === "DPoP" || (answer.cut && refused(answer)), answer);
    const again = await ask("/oauth/token", fields, { dpop });
    check("a proof that was used", refused(again), again);
  };
}

test(`in ${load.planned} rounds with a kill in each, while keys change, no answer is wrong (seed ${load.seed})`, async () => {
  const makers = [refresher, refresher, refresher, signsIn, verifies, verifies, revokes, proves];
  const actors: Step[] = [];
  for (const make of makers) actors.push(await make());
  const heaps: number[] = [];
  const { signingKeyLeadMs } = setting.identity.policies.oauth;
  for (const { at } of load.rounds()) {
    let taken = 0;
    const killAt = Math.floor(at * actors.length * stepsOfActor);
    let restarted: Promise<unknown> | undefined;
    const restart = async () => {
      dies.kill();
      dies = await startInstance(setting);
    };
    await setting.identity.oauth.rotateSigningKey({ algorithm: "RS256" });
    await Promise.all(
      actors.map(async (act) => {
        for (let step = 0; step < stepsOfActor; step++) {
          if (taken++ === killAt) restarted = restart();
          await act();
        }
      }),
    );
    await restarted;
    // Every tenth time the successor signs from now on.
    const ms = heaps.length % 10 === 0 ? signingKeyLeadMs : 60_000;
    setting.clock.advance(ms);
    await Promise.all([stays.advance(ms), dies.advance(ms)]);
    heaps.push(await stays.heapUsed());
  }
  expect(faults).toEqual([]);
  const [first = 0] = heaps;
  expect(heaps.at(-1)).toBeLessThan(first * 1.5);
}, 3_600_000);
