import type { EndedSignIn } from "@org/db-models";
import type { FastifyInstance } from "fastify";
import { every } from "../http/every.js";
import { postForm } from "./post-form.js";
import { type Provider, seconds } from "./provider.js";

/** After how long an app that could not be told is told again, milliseconds since the session's end. */
const attemptsAfterMs = [0, 15_000, 60_000, 300_000] as const;
/** Ends are looked for so far back; longer than the last attempt takes. */
const windowMs = 600_000;
const tokenLifeSeconds = 120;
const logoutEvent = "http://schemas.openid.net/event/backchannel-logout";

type App = EndedSignIn["apps"][number];

/**
 * Tells apps that a session has ended, whatever ended it (OpenID Connect Back-Channel Logout). Instances share the work by
 * the database: each attempt is one instance's, and one that dies is followed by the next attempt.
 */
export function tellAppsOfEnds(app: FastifyInstance, provider: Provider): void {
  const settled = new Map<string, number>();
  every(app, provider.settings.logoutSweepMs, async () => {
    try {
      await sweep(provider, settled);
    } catch (err) {
      app.log.error({ err }, "apps were not told of ended sessions");
    }
  });
}

async function sweep(provider: Provider, settled: Map<string, number>): Promise<void> {
  const { identity, clock } = provider.service;
  const now = clock.now().getTime();
  for (const [id, at] of settled) if (at < now - 2 * windowMs) settled.delete(id);
  const period = { from: new Date(now - windowMs), to: new Date(now + 1) };
  const ended = await identity.oauth.endedSignIns({ ...period, known: new Set(settled.keys()) });
  for (const one of ended) {
    const told = await Promise.all(one.apps.map((app) => tell(provider, one, app)));
    if (told.every(Boolean)) settled.set(one.sessionId.toHexString(), one.endedAt.getTime());
  }
}

/** @returns whether there is nothing more to do. */
async function tell(provider: Provider, ended: EndedSignIn, app: App): Promise<boolean> {
  const { oauth } = provider.service.identity;
  const now = provider.service.clock.now();
  const jti = ended.sessionId.toHexString();
  const holder = (what: string | number) => `logout ${app.clientId} ${what}`;
  if (await oauth.isAssertionUsed({ holder: holder("done"), jti })) return true;
  const ageMs = now.getTime() - ended.endedAt.getTime();
  const attempt = attemptsAfterMs.findLastIndex((afterMs) => ageMs >= afterMs);
  const expiresAt = new Date(ended.endedAt.getTime() + 2 * windowMs);
  // Another instance makes this attempt, and may have failed.
  if (!(await oauth.useAssertion({ holder: holder(attempt), jti, expiresAt }))) return false;
  if (!(await deliver(provider, ended, app))) return attempt === attemptsAfterMs.length - 1;
  await oauth.useAssertion({ holder: holder("done"), jti, expiresAt });
  return true;
}

async function deliver(provider: Provider, ended: EndedSignIn, app: App): Promise<boolean> {
  const { service, log, local } = provider;
  const address = app.backChannelLogoutUri;
  try {
    const fields = { logout_token: await logoutToken(provider, ended, app) };
    const status = await postForm(address, fields, { timeoutMs: service.noticeTimeoutMs, local });
    if (status >= 200 && status < 300) return true;
    log.warn({ client: app.clientId, status }, "an app did not take a logout token");
  } catch (err) {
    log.warn({ err, client: app.clientId }, "an app could not be told that a session has ended");
  }
  return false;
}

/** OpenID Connect Back-Channel Logout section 2.4: never with a nonce, so that it passes for no id_token. */
async function logoutToken(
  { keys, issuer, service }: Provider,
  { userId, sessionId }: EndedSignIn,
  { clientId }: App,
): Promise<string> {
  const known = await service.identity.oauth.findClient(clientId);
  const now = seconds(service.clock.now());
  const claims = {
    iss: issuer,
    aud: clientId,
    sub: userId.toHexString(),
    sid: sessionId.toHexString(),
    iat: now,
    exp: now + tokenLifeSeconds,
    jti: crypto.randomUUID(),
    events: { [logoutEvent]: {} },
  };
  return keys.sign(claims, { typ: "logout+jwt", alg: known?.client.idTokenAlgorithm ?? "RS256" });
}
