// Routes of Fastify over HTTP, side by side: empty, with one findOne, ours, and better-auth's.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Identity } from "@org/db-models";
import { randomKey } from "@org/db-models/core";
import autocannon from "autocannon";
import { MongoClient } from "mongodb";
import { loadAuthSessions } from "./better-auth.js";
import { quantile, type Range, rangeOf, rangeText } from "./measure.js";
import { startScript } from "./script.js";

/** A server that is measured. */
export type HttpContender =
  | "empty"
  | "findOne"
  | "memoryLimits"
  | "sessionCache"
  | "databaseLimits"
  | "betterAuth";

const contenders: readonly HttpContender[] = [
  "empty",
  "findOne",
  "memoryLimits",
  "sessionCache",
  "databaseLimits",
  "betterAuth",
];
const connections = 10;
const roundSeconds = 4;
const rounds = 7;
const people = 500;
const browser = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const password = "correct horse battery staple";

/** Requests a second and latencies of each server, and the ratios of servers within a round. */
export interface HttpBenchmarks {
  readonly perSecond: Readonly<Record<HttpContender, number>>;
  /** Milliseconds: median and 99th percentile. */
  readonly latency: Readonly<Record<HttpContender, { p50: number; p99: number }>>;
  readonly overFindOne: Range;
  readonly databaseLimitsOverFindOne: Range;
  readonly overBetterAuth: Range;
  readonly overEmpty: Range;
  readonly sessionCacheOverEmpty: Range;
  /** 99th percentile of the authenticated route beside sign-ins, one after the other, over that without. */
  readonly p99BesideSignIns: Range;
}

/**
 * The authenticated route of a Fastify app beside others, each server in a process of its own: in rounds, in each of which
 * every server is loaded for four seconds over ten connections, each with its own session. The first round warms up and is not
 * counted.
 */
export async function benchmarkHttp(
  identity: Identity,
  uri: string,
  sessions: number,
  say: (line: string) => void,
): Promise<HttpBenchmarks> {
  const client = await MongoClient.connect(uri);
  const secret = randomBytes(32).toString("hex");
  const servers: Awaited<ReturnType<typeof startServer>>[] = [];
  try {
    say(`http: loading ${sessions} sessions of better-auth`);
    const cookies = await loadAuthSessions(client.db(), secret, sessions);
    const tokens = await openSessions(identity);
    const email = `http-${randomBytes(6).toString("hex")}@example.com`;
    await identity.users.register({ email, password });
    for (const name of contenders) servers.push(await startServer(name, uri, secret));
    const headersOf = (name: HttpContender, at: number) =>
      name === "betterAuth"
        ? { cookie: cookies[at % cookies.length] ?? "" }
        : { authorization: `Bearer ${tokens[at % tokens.length]}` };
    const measured = forEach<Measured[]>(() => []);
    const beside: { alone: number; busy: number }[] = [];
    for (let round = -1; round < rounds; round++) {
      say(`http: round ${round + 1} of ${rounds}`);
      const order = round % 2 === 0 ? servers : servers.toReversed();
      for (const { name, address } of order) {
        const found = await loadServer(address, (at) => headersOf(name, at));
        if (round >= 0) measured[name].push(found);
      }
      const ours = servers.find(({ name }) => name === "memoryLimits");
      if (!ours) continue;
      const alone = await loadServer(ours.address, (at) => headersOf("memoryLimits", at));
      const stop = signInsOn(ours.address, { identifier: email, password, delivery: "token" });
      const busy = await loadServer(ours.address, (at) => headersOf("memoryLimits", at));
      await stop();
      if (round >= 0) beside.push({ alone: alone.p99, busy: busy.p99 });
    }
    return resultsOf(measured, beside);
  } finally {
    for (const server of servers) await server.stop();
    for (const name of ["user", "session", "account", "verification"])
      await client
        .db()
        .dropCollection(name)
        .catch(() => undefined);
    await client.close();
  }
}

/** Sessions of 500 users. */
async function openSessions(identity: Identity): Promise<string[]> {
  const now = new Date();
  const accounts = Array.from({ length: people }, (_, at) => {
    const fields = { email: `http-${at}-${randomKey()}@example.com`, auditKey: randomKey() };
    return new identity.models.User({ ...fields, createdAt: now, updatedAt: now }).toObject();
  });
  await identity.models.User.collection.insertMany(accounts);
  const tokens: string[] = [];
  for (const { _id: userId } of accounts) tokens.push((await identity.sessions.open({ userId })).token);
  return tokens;
}

interface Measured {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

async function loadServer(url: string, headersOf: (at: number) => Record<string, string>): Promise<Measured> {
  let at = 0;
  const result = await autocannon({
    url,
    connections,
    duration: roundSeconds,
    setupClient: (one) => one.setHeaders(headersOf(at++)),
  });
  if (result.non2xx + result.errors > 0)
    throw new Error(`${url}: ${result.non2xx} refused, ${result.errors} failed`);
  const { p50, p99 } = result.latency;
  return { perSecond: result.requests.average, p50, p99 };
}

/** Sign-ins, one after the other, until it is told to stop. */
function signInsOn(address: string, credentials: object): () => Promise<void> {
  let over = false;
  const working = (async () => {
    while (!over) {
      const answer = await fetch(`${address}/v1/sessions`, {
        method: "POST",
        headers: { "content-type": "application/json", "user-agent": browser },
        body: JSON.stringify(credentials),
      });
      if (answer.status !== 201) throw new Error(`a sign-in got ${answer.status}: ${await answer.text()}`);
      await answer.arrayBuffer();
    }
  })();
  return async () => {
    over = true;
    await working;
  };
}

async function startServer(name: HttpContender, uri: string, secret: string) {
  const child = startScript(new URL("./http-server.ts", import.meta.url), [name, uri, secret]);
  const ended = once(child, "exit").then(() => {
    throw new Error(`the server ${name} ended before it listened`);
  });
  const [address] = (await Promise.race([once(child.stdout, "data"), ended])) as [Buffer];
  ended.catch(() => undefined);
  const stop = async () => {
    const exited = once(child, "exit");
    child.kill();
    await exited;
  };
  return { name, address: address.toString().trim(), stop };
}

function forEach<T>(of: (name: HttpContender) => T): Record<HttpContender, T> {
  return {
    empty: of("empty"),
    findOne: of("findOne"),
    memoryLimits: of("memoryLimits"),
    sessionCache: of("sessionCache"),
    databaseLimits: of("databaseLimits"),
    betterAuth: of("betterAuth"),
  };
}

function resultsOf(
  measured: Readonly<Record<HttpContender, readonly Measured[]>>,
  beside: readonly { alone: number; busy: number }[],
): HttpBenchmarks {
  const median = (name: HttpContender, of: (one: Measured) => number) =>
    quantile(measured[name].map(of), 0.5);
  const over = (subject: HttpContender, baseline: HttpContender) =>
    rangeOf(
      measured[subject].map(
        ({ perSecond }, at) => perSecond / (measured[baseline][at]?.perSecond ?? Number.NaN),
      ),
    );
  return {
    perSecond: forEach((name) => Math.round(median(name, ({ perSecond }) => perSecond))),
    latency: forEach((name) => ({
      p50: median(name, ({ p50 }) => p50),
      p99: median(name, ({ p99 }) => p99),
    })),
    overFindOne: over("memoryLimits", "findOne"),
    databaseLimitsOverFindOne: over("databaseLimits", "findOne"),
    overBetterAuth: over("memoryLimits", "betterAuth"),
    overEmpty: over("memoryLimits", "empty"),
    sessionCacheOverEmpty: over("sessionCache", "empty"),
    p99BesideSignIns: rangeOf(beside.map(({ alone, busy }) => busy / alone)),
  };
}

/** For people. */
export function readableHttp(found: HttpBenchmarks): string[] {
  const names: Readonly<Record<HttpContender, string>> = {
    empty: "empty route",
    findOne: "route with one findOne",
    memoryLimits: "authenticated route, limits in memory",
    sessionCache: "the same, sessions from memory",
    databaseLimits: "authenticated route, limits in the database",
    betterAuth: "better-auth's get-session",
  };
  return [
    ...contenders.map((name) => {
      const { p50, p99 } = found.latency[name];
      return `http, ${names[name]}: ${found.perSecond[name]} a second, p50 ${p50} ms, p99 ${p99} ms`;
    }),
    `http, authenticated route over the one with one findOne: ${rangeText(found.overFindOne)}; with limits in the database ${rangeText(found.databaseLimitsOverFindOne)}`,
    `http, over better-auth's get-session: ${rangeText(found.overBetterAuth)}; over an empty route: ${rangeText(found.overEmpty)}; with sessions from memory ${rangeText(found.sessionCacheOverEmpty)}`,
    `http, p99 beside sign-ins over p99 without: ${rangeText(found.p99BesideSignIns)}`,
  ];
}
