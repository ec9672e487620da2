import { hash } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { type Identity, openIdentity } from "@org/db-models";
import { parseToken, randomKey, sha256 } from "@org/db-models/core";
import { placeOf, queries } from "@org/db-models/queries";
import type { Model, Types } from "mongoose";
import { type Comparison, compare } from "./measure.js";
import { filterOf } from "./sessions.js";

/** A check from memory against one `findOne` by the filter of the read that it stands for. */
interface CachedCheck {
  readonly what: string;
  readonly comparison: Comparison;
  /** Milliseconds that a check takes with nothing between it and the next, on average. */
  readonly inARowMs: number;
  /** Share of the checks that memory answered. */
  readonly fromMemory: number;
}

export interface SessionCacheBenchmarks {
  readonly checks: readonly CachedCheck[];
  /** What no check can leave out: the hash of a token, a look-up and both clocks. */
  readonly least: Comparison;
  /** Milliseconds that a heartbeat took to come back, on average, and the longest. */
  readonly echo: { readonly mean: number; readonly longest: number };
}

/** A kind of credentials, some of it, and how it is checked with and without memory. */
interface Subject {
  readonly what: string;
  readonly credentials: readonly string[];
  readonly model: Model<never>;
  check(credential: string): Promise<{ ok: boolean }>;
  filterOf(credential: string): object;
}

const users = 200;
// No longer than memory is trusted: nothing comes back meanwhile.
const inARow = 5_000;
const redirectUri = "https://app.example.com/callback";

/** Checks of what is in memory, while heartbeats vouch for it, against the reads that they stand for. */
export async function benchmarkSessionCache(uri: string): Promise<SessionCacheBenchmarks> {
  const identity = await openIdentity(uri, { sessionCache: {} });
  try {
    const checks: CachedCheck[] = [];
    const subjects = await subjectsOf(identity);
    for (const subject of subjects) checks.push(await measure(identity, subject));
    const least = await measureLeast(subjects[0] as Subject);
    const { echoMs = 0, echoes = 1, longestEchoMs = 0 } = identity.sessionCacheMetrics() ?? {};
    return { checks, least, echo: { mean: echoMs / echoes, longest: longestEchoMs } };
  } finally {
    await identity.close();
  }
}

async function measure(identity: Identity, subject: Subject): Promise<CachedCheck> {
  const { what, credentials, model } = subject;
  const at = (index: number) => credentials[index % credentials.length] as string;
  const check = async (index: number) => {
    if (!(await subject.check(at(index))).ok) throw new Error(`${what} is refused`);
  };
  while (!identity.sessionCacheMetrics()?.trusted) {
    await check(0);
    await setTimeout(10);
  }
  for (const index of credentials.keys()) await check(index);
  const filters = credentials.map((credential) => subject.filterOf(credential));
  const before = identity.sessionCacheMetrics()?.hits ?? 0;
  let checks = 0;
  const comparison = await compare(
    (index) => {
      checks += 1;
      return check(index);
    },
    (index) => model.collection.findOne(filters[index % filters.length] as object),
  );
  const began = performance.now();
  for (let index = 0; index < inARow; index++) await check(index);
  const inARowMs = (performance.now() - began) / inARow;
  const hits = (identity.sessionCacheMetrics()?.hits ?? 0) - before;
  return { what, comparison, inARowMs, fromMemory: hits / (checks + inARow) };
}

/** In turn with reads as well: after each wait the processor has other things in its caches. */
function measureLeast({ credentials, model, filterOf }: Subject): Promise<Comparison> {
  const at = (index: number) => credentials[index % credentials.length] as string;
  const known = new Map(
    credentials.map((credential) => [hash("sha256", credential, "base64url"), credential]),
  );
  const filters = credentials.map((credential) => filterOf(credential));
  return compare(
    async (index) => {
      const found = known.get(hash("sha256", at(index), "base64url"));
      return { found, monotonic: performance.now(), wall: Date.now() };
    },
    (index) => model.collection.findOne(filters[index % filters.length] as object),
  );
}

async function subjectsOf(identity: Identity): Promise<Subject[]> {
  const { models, sessions, apiKeys, oauth } = identity;
  const userIds = await makeUsers(identity);
  const [tokens, keys, accessTokens] = [[] as string[], [] as string[], [] as string[]];
  const grant = await clientOf(identity, userIds[0] as Types.ObjectId);
  for (const userId of userIds) {
    tokens.push((await sessions.open({ userId })).token);
    keys.push((await apiKeys.create({ userId, name: "cache", scopes: ["repo"] })).key);
    accessTokens.push(await grant(userId));
  }
  const model = (of: unknown) => of as Model<never>;
  return [
    {
      what: "a session",
      credentials: tokens,
      model: model(models.UserSession),
      check: (token) => sessions.validate(token),
      filterOf,
    },
    {
      what: "an API key without a quota",
      credentials: keys,
      model: model(models.ApiKey),
      check: (key) => apiKeys.verify({ key, scopes: ["repo:read"] }),
      filterOf: (key) => queries.apiKeyById(placeIn("apiKey", key)).filter,
    },
    {
      what: "an access token",
      credentials: accessTokens,
      model: model(models.AppToken),
      check: (token) => oauth.validate(token),
      filterOf: (token) => queries.authorizationById(placeIn("accessToken", token)).filter,
    },
  ];
}

function placeIn(kind: "apiKey" | "accessToken", credential: string) {
  const parsed = parseToken(kind, credential);
  if (!parsed) throw new Error(`this is no ${kind}`);
  return placeOf(parsed);
}

async function makeUsers(identity: Identity): Promise<Types.ObjectId[]> {
  const now = new Date();
  const accounts = Array.from({ length: users }, (_, at) => {
    const fields = { email: `cache-${at}-${randomKey()}@example.com`, auditKey: randomKey() };
    return new identity.models.User({ ...fields, createdAt: now, updatedAt: now }).toObject();
  });
  await identity.models.User.collection.insertMany(accounts);
  return accounts.map(({ _id }) => _id);
}

/** Registers an app; what is returned gives it an access token of a user. */
async function clientOf({ oauth }: Identity, ownerId: Types.ObjectId) {
  const { app, clientSecret } = await oauth.registerApp({
    ownerId,
    name: "Benchmark",
    type: "confidential",
    redirectUris: [redirectUri],
    scopes: ["repo"],
  });
  const { clientId } = app;
  const answer = await oauth.authenticateClient({ clientId, clientSecret });
  if (!answer.ok) throw new Error(`the client is refused: ${answer.reason}`);
  const codeVerifier = randomKey();
  const request = {
    responseType: "code",
    clientId,
    redirectUri,
    scope: "repo",
    codeChallenge: sha256(codeVerifier).toString("base64url"),
    codeChallengeMethod: "S256",
  };
  return async (userId: Types.ObjectId) => {
    await oauth.grantConsent({ userId, appId: app._id, scopes: ["repo"] });
    const code = await oauth.authorize({ ...request, userId });
    if (!code.ok) throw new Error(`there is no code: ${code.reason}`);
    const granted = await oauth.exchange({
      client: answer.client,
      code: code.code,
      redirectUri,
      codeVerifier,
    });
    if (!granted.ok) throw new Error(`there is no token: ${granted.reason}`);
    return granted.accessToken;
  };
}

/** For people. */
export function readableSessionCache({ checks, least, echo }: SessionCacheBenchmarks): string[] {
  const times = (share: number) => `${(1 / share).toFixed(0)}x`;
  const microseconds = (ms: number) => `${(ms * 1_000).toFixed(1)} us`;
  return [
    ...checks.map(({ what, comparison: { subject, baseline, ratio }, inARowMs, fromMemory }) => {
      const medians = `p50 ${microseconds(subject.p50)}, one findOne ${microseconds(baseline.p50)}`;
      const range = `${times(ratio.median)} as fast (${times(ratio.high)} to ${times(ratio.low)})`;
      const share = `${(fromMemory * 100).toFixed(1)} % from memory`;
      return `session cache, ${what} from memory: ${medians}: ${range}; ${microseconds(inARowMs)} each in a row; ${share}`;
    }),
    `session cache, the least that a check does: p50 ${microseconds(least.subject.p50)}: ${times(least.ratio.median)} as fast as one findOne`,
    `session cache, a heartbeat comes back after ${echo.mean.toFixed(1)} ms on average, ${echo.longest.toFixed(1)} at the longest`,
  ];
}
