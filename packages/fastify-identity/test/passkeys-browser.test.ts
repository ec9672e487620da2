/// <reference lib="dom" />
import { openBrowser } from "@org/dev-kit/browser";
import { freePort } from "@org/dev-kit/free-port";
import { afterAll, beforeAll, expect, it } from "vitest";
import { password, useIdentity } from "./support.js";

type Browser = Awaited<ReturnType<typeof openBrowser>>;

const port = await freePort();
const origin = `http://localhost:${port}`;
const setting = useIdentity({ factors: { passkeys: { rpId: "localhost", origins: [origin] } } });
let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
}, 120_000);
afterAll(() => browser?.close());

/** Chromium's own authenticator, with a user who is verified (WebAuthn Level 3 section 11). */
const virtual = {
  protocol: "ctap2",
  ctap2Version: "ctap2_1",
  transport: "internal",
  hasResidentKey: true,
  hasUserVerification: true,
  isUserVerified: true,
  automaticPresenceSimulation: true,
  defaultBackupEligibility: true,
  defaultBackupState: true,
} as const;

/** What a page does, in the browser. */
async function inPage({ email, password }: { email: string; password: string }) {
  const call = async (method: string, path: string, body?: object) => {
    const headers: Record<string, string> = body ? { "content-type": "application/json" } : {};
    const answer = await fetch(path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    const text = await answer.text();
    return { status: answer.status, body: text === "" ? {} : JSON.parse(text) };
  };
  const create = async (options: PublicKeyCredentialCreationOptionsJSON) => {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
    const made = (await navigator.credentials.create({ publicKey })) as PublicKeyCredential;
    return made.toJSON();
  };
  const get = async (options: PublicKeyCredentialRequestOptionsJSON) => {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    const given = (await navigator.credentials.get({ publicKey })) as PublicKeyCredential;
    return given.toJSON();
  };
  await call("POST", "/v1/users", { email, password });
  await call("POST", "/v1/sessions", { identifier: email, password });
  const creation = await call("POST", "/v1/factors/passkeys/options");
  const added = await call("POST", "/v1/factors/passkeys", {
    response: await create(creation.body.options),
    name: "This computer",
  });
  const again = await call("POST", "/v1/session/authentication/passkey");
  const raised = await call("POST", "/v1/session/authentication", { passkey: await get(again.body.options) });
  const levels = [(await call("GET", "/v1/session")).body.acr];
  // The authenticator knows the account already.
  const more = await call("POST", "/v1/factors/passkeys/options");
  const twice = await create(more.body.options).catch((error: Error) => error.name);
  await call("DELETE", "/v1/session");
  const begun = await call("POST", "/v1/sessions/passkey/options");
  const { options, attempt } = begun.body;
  const signedIn = await call("POST", "/v1/sessions/passkey", { response: await get(options), attempt });
  levels.push((await call("GET", "/v1/session")).body.acr);
  await call("DELETE", "/v1/session");
  const held = await call("POST", "/v1/sessions", { identifier: email, password });
  const { challenge, passkey } = held.body;
  const ended = await call("POST", "/v1/sessions/challenge", { challenge, passkey: await get(passkey) });
  return {
    added,
    raised: raised.status,
    twice,
    signedIn: signedIn.status,
    ask: held.body.ask,
    ended: ended.status,
    levels,
  };
}

// Each other test answers with an authenticator of our own: a browser and its authenticator read the options too.
it("a passkey of Chromium is added, raises a session, signs in alone, and is a second factor", async () => {
  const app = await setting.app({ issuer: origin }, (app) =>
    app.get("/", { config: { identity: "public" } }, (_request, reply) =>
      reply.type("text/html").send("<!doctype html><title>A page</title>"),
    ),
  );
  await app.listen({ port, host: "127.0.0.1" });
  const context = await browser.newContext();
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send("WebAuthn.enable");
  await session.send("WebAuthn.addVirtualAuthenticator", { options: virtual });
  await page.goto(`${origin}/`);
  const seen = await page.evaluate(inPage, { email: "chromium@example.com", password });
  expect(seen).toMatchObject({
    added: { status: 201, body: { name: "This computer", verifiesUser: true, synced: true, backedUp: true } },
    raised: 200,
    twice: "InvalidStateError",
    signedIn: 201,
    ask: ["passkey"],
    ended: 201,
    levels: [2, 2],
  });
  await context.close();
}, 60_000);
