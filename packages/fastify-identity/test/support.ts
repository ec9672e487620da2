import { createIdentity, defineModels, type Identity, type IdentitySettings } from "@org/db-models";
import { createIndexes } from "@org/dev-kit";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import {
  type FastifyInstance,
  type FastifyServerOptions,
  fastify,
  type LightMyRequestResponse,
} from "fastify";
import { type Connection, createConnection } from "mongoose";
import { afterAll, afterEach, beforeAll } from "vitest";
import { type IdentityPluginOptions, identityPlugin, type Notice } from "../src/index.js";

export const password = "correct horse battery staple";
export const issuer = "https://id.example.com";

const sealKeys = [{ id: "test", key: "a key of forty-three characters and more, for tests" }];

/** A clock that stands until a test moves it; far ahead of the server's, whose TTL monitor takes what is past. */
class TestClock {
  #at = Date.UTC(2096, 2, 1, 12);

  now(): Date {
    return new Date(this.#at);
  }

  advance(milliseconds: number): void {
    this.#at += milliseconds;
  }
}

export interface Setting {
  readonly identity: Identity;
  readonly clock: TestClock;
  /** What people were sent. */
  readonly notices: Notice[];
  /** Waits for what the apps do after responding. */
  settle(): Promise<void>;
  /** The options of a plugin over the database of the suite: nothing is judged, limits are out of the way. */
  options(changed?: Partial<IdentityPluginOptions>): IdentityPluginOptions;
  /** An app with the plugin; `prepare` runs after it was registered, `before` before. */
  app(
    changed?: Partial<IdentityPluginOptions>,
    prepare?: (app: FastifyInstance) => unknown,
    server?: FastifyServerOptions,
    before?: (app: FastifyInstance) => unknown,
  ): Promise<FastifyInstance>;
}

/** A database of its own, for the suite in which it is called; apps close after each test. */
export function useIdentity(settings: IdentitySettings = {}): Setting {
  const database = useTemporaryDatabase({ label: "plugin" });
  const clock = new TestClock();
  const notices: Notice[] = [];
  const apps: FastifyInstance[] = [];
  let connection: Connection;
  let identity: Identity;
  beforeAll(async () => {
    connection = await createConnection(database.uri, { autoIndex: false, autoCreate: false }).asPromise();
    identity = createIdentity({ connection, clock, sealKeys, flushIntervalMs: 3_600_000, ...settings });
    await createIndexes(defineModels(connection));
  });
  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()));
  });
  afterAll(async () => {
    await identity.close();
    await connection.close();
  });
  const options: Setting["options"] = (changed = {}) => ({
    identity,
    issuer,
    riskPolicy: "off",
    rateLimit: { requests: 1_000_000, passwords: 1_000_000 },
    notifier: { send: async (notice) => void notices.push(notice) },
    ...changed,
  });
  return {
    get identity() {
      return identity;
    },
    clock,
    notices,
    settle: async () => void (await Promise.all(apps.map((app) => app.identity.flows.settle()))),
    options,
    app: async (changed, prepare, server, before) => {
      const app = fastify(server ?? {});
      apps.push(app);
      noReloadRepeats(app);
      await before?.(app);
      await app.register(identityPlugin, options(changed));
      await prepare?.(app);
      return app;
    },
  };
}

/**
 * A form of a page that was accepted answers with a redirect, unless its definition says why not: a reload would send it
 * again.
 */
function noReloadRepeats(app: FastifyInstance): void {
  app.addHook("onSend", async ({ method, routeOptions: { url = "", config } }, { statusCode }) => {
    if (method !== "POST" || !/^\/(account|admin)(\/|$)/.test(url)) return;
    if (statusCode < 300 && !("answers" in config)) throw new Error(`${url} answers with ${statusCode}`);
  });
}

let people = 0;

export interface Person {
  readonly email: string;
  readonly userId: string;
  readonly token: string;
  readonly bearer: { authorization: string };
  readonly cookie: { cookie: string };
  readonly signedIn: LightMyRequestResponse;
}

/** Somebody who has registered and signed in, by a program and by a browser. */
export async function someone(app: FastifyInstance, prefix = "/v1"): Promise<Person> {
  people += 1;
  const email = `someone${people}@example.com`;
  const registered = await app.inject({
    method: "POST",
    url: `${prefix}/users`,
    payload: { email, password },
  });
  if (registered.statusCode !== 201) throw new Error(registered.body);
  const payload = { identifier: email, password };
  const url = `${prefix}/sessions`;
  const byToken = await app.inject({ method: "POST", url, payload: { ...payload, delivery: "token" } });
  const signedIn = await app.inject({ method: "POST", url, payload });
  if (signedIn.statusCode !== 201) throw new Error(signedIn.body);
  const { token, userId } = byToken.json();
  const cookie = signedIn.cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
  return { email, userId, token, bearer: { authorization: `Bearer ${token}` }, cookie: { cookie }, signedIn };
}
