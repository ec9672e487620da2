import { createIdentity, defineModels, type Identity, type IdentityModels } from "@org/db-models";
import { createIndexes } from "@org/dev-kit";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from "fastify";
import { type Connection, createConnection } from "mongoose";
import { afterAll, beforeAll } from "vitest";
import { buildApp } from "../../src/app.js";
import { type ConfigInput, defineConfig } from "../../src/config.js";
import type { AppDeps } from "../../src/deps.js";
import { TestClock } from "./clock.js";

export const password = "correct horse battery staple";

/** Somebody with an account. */
export interface Person {
  id: string;
  email: string;
}

/** What a sign-in gave, and the headers by which its session is used. */
export interface SignedInPerson {
  id: string;
  token: string;
  bearer: { authorization: string };
  answer: LightMyRequestResponse;
}

export interface TestApi {
  readonly app: FastifyInstance;
  readonly models: IdentityModels;
  /** The operations on the same database, at the same clock. */
  readonly identity: Identity;
  readonly connection: Connection;
  readonly uri: string;
  readonly clock: TestClock;
  /** Every log line so far. */
  readonly log: string[];
  /** Another instance on the same database. */
  build(config?: Partial<ConfigInput>, deps?: Partial<AppDeps>): Promise<FastifyInstance>;
  register(): Promise<Person>;
  signIn(person: Person, options?: Pick<InjectOptions, "headers" | "remoteAddress">): Promise<SignedInPerson>;
}

/** For services in processes of their own: a machine that others use as well may be later than an instance's limit. */
export const patient = { ORG_API_MAX_EVENT_LOOP_DELAY_MS: "0" };

let people = 0;

/** An app on a database of its own, for the suite in which it is called. */
export function useApi(config: Partial<ConfigInput> = {}, deps: Partial<AppDeps> = {}): TestApi {
  const database = useTemporaryDatabase({ label: "api" });
  const clock = new TestClock();
  const log: string[] = [];
  const apps: FastifyInstance[] = [];
  let connection: Connection;
  let identity: Identity;
  const build: TestApi["build"] = async (changed = {}, changedDeps = {}) => {
    // Written only when an app closes: how much is counted must not depend on how fast a test runs.
    const usageFlushMs = 3_600_000;
    const limits = {
      rateLimit: 1_000_000,
      signInRateLimit: 1_000_000,
      // Tests that count the commands of a request count none of the limits'.
      rateLimitStore: "memory",
      // Or a machine that is busy with other tests would refuse requests.
      maxEventLoopDelayMs: 0,
      logLevel: "trace",
      usageFlushMs,
    } as const;
    const app = await buildApp({
      database: { connection },
      config: defineConfig({ mongodbUri: database.uri, ...limits, ...config, ...changed }),
      clock,
      logStream: { write: (line) => log.push(line) },
      ...deps,
      ...changedDeps,
    });
    apps.push(app);
    return app;
  };
  beforeAll(async () => {
    const options = { autoIndex: false, autoCreate: false, monitorCommands: true };
    connection = await createConnection(database.uri, options).asPromise();
    identity = createIdentity({ connection, clock });
    await createIndexes(defineModels(connection));
    await build();
  });
  afterAll(async () => {
    await Promise.all(apps.map((app) => app.close()));
    await connection.close();
  });
  const app = () => apps[0] as FastifyInstance;
  return {
    get app() {
      return app();
    },
    get models() {
      return defineModels(connection);
    },
    get identity() {
      return identity;
    },
    get connection() {
      return connection;
    },
    get uri() {
      return database.uri;
    },
    clock,
    log,
    build,
    register: () => register(app()),
    signIn: (person, options) => signIn(app(), person, options),
  };
}

async function register(app: FastifyInstance): Promise<Person> {
  people += 1;
  const email = `person${people}@example.com`;
  const answer = await app.inject({ method: "POST", url: "/v1/users", payload: { email, password } });
  if (answer.statusCode !== 201) throw new Error(`registration failed: ${answer.body}`);
  return { id: answer.json().id, email };
}

/** Signs in as a program does, with the token in the answer. */
export async function signIn(
  app: FastifyInstance,
  person: Person,
  options: Pick<InjectOptions, "headers" | "remoteAddress"> = {},
): Promise<SignedInPerson> {
  const payload = { identifier: person.email, password, delivery: "token" };
  const answer = await app.inject({ method: "POST", url: "/v1/sessions", payload, ...options });
  if (answer.statusCode !== 201) throw new Error(`sign-in failed: ${answer.body}`);
  const { id, token } = answer.json();
  return { id, token, bearer: { authorization: `Bearer ${token}` }, answer };
}

/** The parts of the session cookie that an answer sets. */
export function cookieOf(answer: LightMyRequestResponse) {
  return answer.cookies.find(({ name }) => name === "__Host-session");
}

/** The cookie header of a browser that holds the token. */
export function cookie(token: string): { cookie: string } {
  return { cookie: `__Host-session=${token}` };
}
