import type { EndedSignIn } from "@org/db-models";
import type { FastifyInstance } from "fastify";
import { every } from "../http/every.js";
import { Lanes } from "./lanes.js";
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
  const lanes = new Lanes();
  const known: Known = new Map();
  every(app, provider.settings.logoutSweepMs, async () => {
    try {
      await sweep(provider, lanes, known);
    } catch (err) {
      app.log.error({ err }, "apps were not told of ended sessions");
    }
  });
  app.addHook("onClose", () => lanes.close());
}

/** Until when nothing is to be done about the end of a session, by its id: milliseconds since 1970. */
type Known = Map<string, number>;

async function sweep(provider: Provider, lanes: Lanes, known: Known): Promise<void> {
  const { identity, clock } = provider.service;
  const now = clock.now().getTime();
  for (const [id, until] of known) if (until <= now) known.delete(id);
  // Until later than now: the clock of the instance that ended a session may be ahead.
  const period = { from: new Date(now - windowMs), to: new Date(now + windowMs) };
  for await (const one of identity.oauth.endedSignIns({ ...period, known })) {
    const id = one.sessionId.toHexString();
    if (one.apps.length === 0) {
      known.set(id, settledUntil(one));
      continue;
    }
    known.set(id, Number.POSITIVE_INFINITY);
    const next: number[] = [];
    for (const app of one.apps) {
      lanes.add(app.clientId, async () => {
        const { again, answered } = await tell(provider, one, app);
        if (next.push(again) === one.apps.length) known.set(id, Math.min(...next));
        return answered;
      });
    }
  }
}

const settledUntil = ({ endedAt }: EndedSignIn): number => endedAt.getTime() + 2 * windowMs;

/** When to look at it again, milliseconds since 1970, and whether the app could be reached, as far as it was tried. */
interface Told {
  readonly again: number;
  readonly answered: boolean;
}

async function tell(provider: Provider, ended: EndedSignIn, app: App): Promise<Told> {
  try {
    return await attempt(provider, ended, app);
  } catch (err) {
    provider.log.error({ err, client: app.clientId }, "an app was not told that a session has ended");
    return { again: 0, answered: true };
  }
}

async function attempt(provider: Provider, ended: EndedSignIn, app: App): Promise<Told> {
  const { oauth } = provider.service.identity;
  const jti = ended.sessionId.toHexString();
  const holder = (what: string | number) => `logout ${app.clientId} ${what}`;
  const settled = { again: settledUntil(ended), answered: true };
  if (await oauth.isAssertionUsed({ holder: holder("done"), jti })) return settled;
  const ageMs = Math.max(provider.service.clock.now().getTime() - ended.endedAt.getTime(), 0);
  const number = attemptsAfterMs.findLastIndex((afterMs) => ageMs >= afterMs);
  const nextAfterMs = attemptsAfterMs[number + 1];
  const again = nextAfterMs === undefined ? settled.again : ended.endedAt.getTime() + nextAfterMs;
  const expiresAt = new Date(settled.again);
  // Another instance makes this attempt, and may have failed.
  if (!(await oauth.useAssertion({ holder: holder(number), jti, expiresAt })))
    return { again, answered: true };
  if (!(await deliver(provider, ended, app))) return { again, answered: false };
  await oauth.useAssertion({ holder: holder("done"), jti, expiresAt });
  return settled;
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
