import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createIdentity, type Identity } from "@org/db-models";
import { identityPlugin } from "@org/fastify-identity";
import { fastify } from "fastify";
import { MongoClient } from "mongodb";
import { type Connection, Types } from "mongoose";
import OidcProvider from "oidc-provider";
import {
  beside,
  type Comparison,
  type Contender,
  commandsPerCall,
  compare,
  perCall,
  quantile,
} from "./measure.js";
import { indexOidcCollections, oidcAdapterOn } from "./oidc-adapter.js";

const flows = ["code", "refresh", "client credentials", "introspection"] as const;
type Flow = (typeof flows)[number];

interface Load {
  perSecond: number;
  p50: number;
  p99: number;
}

interface FlowBenchmark {
  latency: Comparison;
  ourCommands: Record<string, number>;
  peerCommands: Record<string, number>;
  /** With 32 calls under way. */
  ourLoad: Load;
  peerLoad: Load;
}

export type ProviderBenchmarks = Record<Flow, FlowBenchmark>;

const countedCalls = 20;
const inFlight = 32;
const loadCalls = 600;
const loadRounds = 3;
const scope = "openid offline_access";
const redirectUri = "https://app.example.com/callback";
const verifier = "v".repeat(43);
const challenge = createHash("sha256").update(verifier).digest("base64url");
const clientId = "benchmark";

/** A provider that listens on loopback, with one confidential client that is kept in the database. */
interface Running {
  /** Of each flow, one call over HTTP. */
  readonly contenders: Readonly<Record<Flow, Contender>>;
  /** Makes what the next calls use up. */
  prepare(calls: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * The token endpoint and introspection beside oidc-provider, with the MongoDB adapter of its examples: both over HTTP in one
 * process, on one server, with their clients and opaque tokens in the database.
 */
export async function benchmarkProvider(
  connection: Connection,
  uri: string,
  say: (line: string) => void,
): Promise<ProviderBenchmarks> {
  const client = new MongoClient(uri, { monitorCommands: true, maxPoolSize: 100 });
  const database = `${connection.name}_oidc`;
  const sealKeys = [{ id: "bench", key: randomBytes(32).toString("base64url") }];
  // The codes of a round are made before it.
  const identity = createIdentity({ connection, sealKeys, oauth: { codeLifetimeMs: 600_000 } });
  const ours = await runOurs(identity);
  const peer = await runPeer(client, database);
  const found = {} as ProviderBenchmarks;
  try {
    for (const flow of flows) {
      say(`provider: ${flow}`);
      const [our, theirs] = [ours.contenders[flow], peer.contenders[flow]];
      const both = async (calls: number) =>
        void (await Promise.all([ours.prepare(calls), peer.prepare(calls)]));
      await both(1_100);
      const latency = await compare(our, theirs, { rounds: 9 });
      await both(countedCalls);
      const ourCommands = await commandsPerCall(connection.getClient(), our, countedCalls);
      const peerCommands = await commandsPerCall(client, theirs, countedCalls);
      await both(loadCalls * (loadRounds + 1));
      const loads = { ours: [] as Load[], theirs: [] as Load[] };
      for (let round = 0; round < loadRounds; round++) {
        loads.ours.push(await loadOf(our));
        loads.theirs.push(await loadOf(theirs));
      }
      const [ourLoad, peerLoad] = [medianOf(loads.ours), medianOf(loads.theirs)];
      found[flow] = { latency, ourCommands, peerCommands, ourLoad, peerLoad };
    }
    return found;
  } finally {
    await ours.close();
    await peer.close();
    await client.db(database).dropDatabase();
    await client.close();
    await identity.close();
  }
}

async function loadOf(contender: Contender): Promise<Load> {
  const times: number[] = [];
  let next = 0;
  const started = performance.now();
  const work = async () => {
    while (next < loadCalls) {
      next += 1;
      const begun = performance.now();
      await contender(next);
      times.push(performance.now() - begun);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, work));
  const seconds = (performance.now() - started) / 1_000;
  return { perSecond: loadCalls / seconds, p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
}

const medianOf = (loads: readonly Load[]): Load => ({
  perSecond: quantile(
    loads.map(({ perSecond }) => perSecond),
    0.5,
  ),
  p50: quantile(
    loads.map(({ p50 }) => p50),
    0.5,
  ),
  p99: quantile(
    loads.map(({ p99 }) => p99),
    0.5,
  ),
});

async function runOurs(identity: Identity): Promise<Running> {
  const app = fastify();
  await app.register(identityPlugin, {
    identity,
    issuer: "http://127.0.0.1",
    oauth: { tokenRequests: 1_000_000 },
    riskPolicy: "off",
    rateLimit: { requests: 1_000_000, passwords: 1_000_000 },
  });
  const origin = await app.listen({ port: 0, host: "127.0.0.1" });
  const { oauth, users } = identity;
  const { _id: userId } = await users.register({
    email: `provider-${randomBytes(6).toString("hex")}@example.com`,
    password: "correct horse battery staple",
  });
  const { app: registered, clientSecret = "" } = await oauth.registerApp({
    ownerId: userId,
    name: "Benchmark",
    type: "confidential",
    redirectUris: [redirectUri],
    scopes: ["openid", "offline_access", "notes"],
    grantTypes: ["authorization_code", "refresh_token", "client_credentials"],
  });
  await oauth.grantConsent({ userId, appId: registered._id, scopes: ["openid", "offline_access"] });
  const makeCode = async () => {
    const made = await oauth.authorize({
      userId,
      clientId: registered.clientId,
      redirectUri,
      responseType: "code",
      scope,
      codeChallenge: challenge,
      codeChallengeMethod: "S256",
      facts: { authenticatedAt: new Date(), nonce: "n" },
    });
    if (!made.ok) throw new Error(`our code is refused: ${made.reason}`);
    return made.code;
  };
  const calls = new Calls(origin, { id: registered.clientId, secret: clientSecret }, makeCode, {
    token: "/oauth/token",
    introspection: "/oauth/introspect",
  });
  return { contenders: calls.contenders, prepare: (count) => calls.prepare(count), close: () => app.close() };
}

async function runPeer(mongo: MongoClient, database: string): Promise<Running> {
  const db = mongo.db(database);
  await indexOidcCollections(db);
  const secret = randomBytes(32).toString("base64url");
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const Adapter = oidcAdapterOn(db);
  await new Adapter("Client").upsert(clientId, {
    client_id: clientId,
    client_secret: secret,
    redirect_uris: [redirectUri],
    grant_types: ["authorization_code", "refresh_token", "client_credentials"],
    response_types: ["code"],
  });
  const provider = new OidcProvider(origin, {
    adapter: Adapter,
    scopes: ["openid", "offline_access", "notes"],
    features: {
      devInteractions: { enabled: false },
      introspection: { enabled: true },
      clientCredentials: { enabled: true },
    },
    ttl: { AuthorizationCode: 600, Grant: 86_400 },
    rotateRefreshToken: true,
    issueRefreshToken: () => true,
    findAccount: (_context, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
    cookies: { keys: ["a key of the benchmark"] },
  });
  server.on("request", provider.callback());
  const client = await provider.Client.find(clientId);
  if (!client) throw new Error("oidc-provider does not find its client");
  const accountId = new Types.ObjectId().toHexString();
  const makeCode = async () => {
    const grant = new provider.Grant({ accountId, clientId });
    grant.addOIDCScope(scope);
    const grantId = await grant.save();
    const code = new provider.AuthorizationCode({
      accountId,
      client,
      grantId,
      gty: "authorization_code",
      redirectUri,
      scope,
      codeChallenge: challenge,
      codeChallengeMethod: "S256",
      nonce: "n",
    } as never);
    return code.save();
  };
  const calls = new Calls(origin, { id: clientId, secret }, makeCode, {
    token: "/token",
    introspection: "/token/introspection",
  });
  const close = async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  };
  return { contenders: calls.contenders, prepare: (count) => calls.prepare(count), close };
}

type Answer = Record<string, unknown> & { access_token: string; refresh_token: string };

/** The calls of a client at one provider. Codes and refresh tokens are good once, and are made before they are timed. */
class Calls {
  readonly #origin: string;
  readonly #authorization: string;
  readonly #makeCode: () => Promise<string>;
  readonly #paths: { token: string; introspection: string };
  readonly #codes: string[] = [];
  readonly #refreshTokens: string[] = [];
  #accessToken = "";

  constructor(
    origin: string,
    { id, secret }: { id: string; secret: string },
    makeCode: () => Promise<string>,
    paths: { token: string; introspection: string },
  ) {
    this.#origin = origin;
    this.#authorization = `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`;
    this.#makeCode = makeCode;
    this.#paths = paths;
  }

  async prepare(calls: number): Promise<void> {
    // A refresh puts another access token in the place of the one before.
    this.#accessToken = (await this.#exchange(await this.#makeCode())).access_token;
    while (this.#codes.length < calls) this.#codes.push(await this.#makeCode());
    while (this.#refreshTokens.length < inFlight) {
      const { refresh_token } = await this.#exchange(await this.#makeCode());
      this.#refreshTokens.push(refresh_token);
    }
  }

  readonly contenders: Readonly<Record<Flow, Contender>> = {
    code: async () => this.#exchange(this.#codes.pop() ?? ""),
    refresh: async () => {
      // Each of the calls under way has a chain of its own.
      const refresh_token = this.#refreshTokens.shift() ?? "";
      const answer = await this.#post(this.#paths.token, { grant_type: "refresh_token", refresh_token });
      this.#refreshTokens.push(answer.refresh_token);
    },
    "client credentials": () =>
      this.#post(this.#paths.token, { grant_type: "client_credentials", scope: "notes" }),
    introspection: async () => {
      const answer = await this.#post(this.#paths.introspection, { token: this.#accessToken });
      if (answer.active !== true) throw new Error("the token is not active");
    },
  };

  #exchange(code: string): Promise<Answer> {
    const fields = {
      grant_type: "authorization_code",
      code,
      redirect_uri: redirectUri,
      code_verifier: verifier,
    };
    return this.#post(this.#paths.token, fields);
  }

  async #post(path: string, fields: Record<string, string>): Promise<Answer> {
    const response = await fetch(this.#origin + path, {
      method: "POST",
      headers: { authorization: this.#authorization },
      body: new URLSearchParams(fields),
    });
    const answer = (await response.json()) as Answer;
    if (response.status !== 200) throw new Error(`${path}: ${response.status} ${JSON.stringify(answer)}`);
    return answer;
  }
}

export function readableProvider(found: ProviderBenchmarks): string[] {
  const loadText = ({ perSecond, p50, p99 }: Load) =>
    `${perSecond.toFixed(0)} a second, p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`;
  return Object.entries(found).flatMap(
    ([flow, { latency, ourCommands, peerCommands, ourLoad, peerLoad }]) => [
      `${flow}: ${beside(latency, "oidc-provider")}; p99 ${latency.subject.p99.toFixed(2)} and ${latency.baseline.p99.toFixed(2)} ms`,
      `  commands: ${perCall(ourCommands)} against ${perCall(peerCommands)}`,
      `  ${inFlight} in flight: ${loadText(ourLoad)} against ${loadText(peerLoad)}`,
    ],
  );
}
