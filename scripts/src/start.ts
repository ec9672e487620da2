import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { type Config, issuerOf, readConfig, startServer } from "@org/api";
import { createIdentity, type IdentityDatabase, isIdentityError, openDatabase } from "@org/db-models";
import { DatabaseInitializer } from "@org/db-optimizer";
import { progressOf, progressText } from "@org/db-optimizer/jobs";
import { loadIdentityData } from "@org/dev-kit/identity-data";
import type { Model } from "mongoose";
import { addHistory } from "./demo-history.js";
import { databaseUri, describeFailure, openEngine, shownUri, stopSignal } from "./engine.js";

const demoData = { users: 1_000, sessions: 4_000, seed: 1 };
const password = "a demo password, not a secret";
const demoAccounts = [
  {
    email: "demo@example.com",
    displayName: "Demo",
    roles: [],
    label: "A user",
    text: "Sessions, second step, API keys, activity and usage of one account.",
  },
  {
    email: "admin@example.com",
    displayName: "Demo administrator",
    roles: ["identity:admin"],
    label: "An administrator",
    text: "The admin area at /admin. It asks for an authenticator app first.",
  },
] as const;
const [demoAccount] = demoAccounts;
const links = [
  { label: "API reference", text: "Every route, with its problems. Try it in the browser.", href: "/docs" },
  { label: "OpenAPI document", text: "For generated clients and other programs.", href: "/openapi.json" },
  { label: "Health", text: "Whether the service can take requests now.", href: "/health/ready" },
];
const browser = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const say = (line = "") => void process.stdout.write(`${line}\n`);

const stopping = stopSignal();
try {
  // Before the engine and the data, which may take minutes.
  const config = readSettings();
  await assertFree(config.port);
  const engine = await openEngine("quick", stopping);
  try {
    const mongodbUri = databaseUri(engine);
    await serve({ ...config, mongodbUri }, `${engine.kind} ${engine.version}`, !process.env.MONGODB_URI);
  } finally {
    await engine.stop();
  }
} catch (error) {
  if (!stopping.aborted) {
    process.stderr.write(`${describeFailure(error)}\n`);
    process.exitCode = 1;
  }
}

/**
 * The service's own settings (`ORG_API_…`), with defaults for development. `PORT` goes before `ORG_API_PORT`.
 *
 * @throws Error with `PORT_INVALID`; ConfigError
 */
function readSettings(): Config {
  const { PORT, MONGODB_URI } = process.env;
  if (PORT && !(/^\d{1,5}$/.test(PORT) && Number(PORT) <= 65_535))
    throw failure("PORT_INVALID", `PORT is ${PORT}, and must be a whole number from 0 to 65535`);
  return readConfig({
    ORG_API_INSECURE_COOKIES: "true",
    ORG_API_LOG_LEVEL: "warn",
    ORG_API_ADMIN: "one-administrator",
    // The embedded engine's data ends with the process, and so may the key that sealed them.
    ...(!MONGODB_URI && { ORG_API_SEAL_KEYS: `demo=${randomBytes(48).toString("base64")}` }),
    ...process.env,
    ...(PORT && { ORG_API_PORT: PORT }),
    // The embedded engine has none yet.
    MONGODB_URI: MONGODB_URI || "mongodb://127.0.0.1",
  });
}

async function serve(config: Config, engine: string, isEmbedded: boolean): Promise<void> {
  const { mongodbUri, database: dbName } = config;
  const database = await openDatabase(mongodbUri, { ...(dbName && { dbName }) });
  try {
    await prepare(database, isEmbedded);
  } finally {
    await database.close();
  }
  const accounts = demoAccounts.map(({ label, text, email }) => ({
    label,
    text,
    identifier: email,
    password,
  }));
  const pages = { theme: { name: "Identity database" }, demo: { accounts, links } };
  const server = await startServer(config, { pages });
  const [address] = server.addresses;
  say();
  say(`open               ${issuerOf(config)}`);
  say(`identity service   ${server.addresses.join("  ")}`);
  say(`API, to browse     ${address}/docs`);
  say(`database           ${shownUri(mongodbUri)} (${engine})`);
  for (const { email } of demoAccounts) say(`demo account       ${email} / ${password}`);
  say();
  say(`curl -s ${address}/v1/sessions -H 'content-type: application/json' -A '${browser}' \\`);
  say(`  -d '${JSON.stringify({ identifier: demoAccount.email, password, delivery: "token" })}'`);
  say();
  say("Without -A it looks like a program's sign-in, and is asked for a code, which is shown here.");
  say("Ctrl-C stops it; the data stays for the next time.");
  await new Promise<void>((resolve) => {
    if (stopping.aborted) resolve();
    stopping.addEventListener("abort", () => resolve(), { once: true });
  });
  await server.close();
}

function failure(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/** @throws Error with `PORT_TAKEN` */
async function assertFree(wanted: number): Promise<void> {
  const probe = createServer().listen(wanted, "127.0.0.1");
  try {
    await once(probe, "listening");
  } catch {
    throw failure(
      "PORT_TAKEN",
      `Another program listens on port ${wanted}. Choose another: PORT=3001 npm start`,
    );
  }
  probe.close();
  await once(probe, "close");
}

/** Prints how far a step is, every few seconds. */
function counting(step: string): (done: number, total: number) => void {
  const everyMs = 3_000;
  const began = performance.now();
  let last = began;
  return (done, total) => {
    const now = performance.now();
    if (now - last < everyMs) return;
    last = now;
    const state = { step, collection: "", hash: "", batches: 0, cursor: null, pace: null };
    say(progressText(progressOf({ ...state, done, total, activeMs: now - began })));
  };
}

/** Demo data in an empty database, indexes, and the demo account. */
async function prepare(database: IdentityDatabase, isEmbedded: boolean): Promise<void> {
  const { connection, models } = database;
  if (!connection.db) throw new Error("the connection is closed");
  const isEmpty = (await models.User.estimatedDocumentCount()) === 0;
  if (isEmpty) {
    say("loading demo data …");
    const loaded = counting("loading demo data, documents");
    await loadIdentityData(connection.db, {
      ...demoData,
      now: new Date(),
      signal: stopping,
      onProgress: ({ written }, expected) => loaded(written, expected),
    });
  }
  const built = counting("setting up, indexes");
  const { failures } = await new DatabaseInitializer(
    connection,
    Object.values(models) as Model<unknown>[],
  ).initialize({
    signal: stopping,
    onProgress: ({ position, total }) => built(position, total),
    // Part of the demo data has expired; in a database of the user's own, expiry needs the user's consent.
    allowExpiry: isEmpty || isEmbedded,
  });
  if (failures[0]) throw failures[0];
  for (const account of demoAccounts) await addAccount(connection, account, isEmpty);
}

/** Adds a demo account. In a database of the user's own, an account with a public password gets no roles. */
async function addAccount(
  connection: IdentityDatabase["connection"],
  { email, displayName, roles }: (typeof demoAccounts)[number],
  isDemo: boolean,
): Promise<void> {
  const { users, administrators } = createIdentity({ connection });
  try {
    const { _id: userId } = await users.register({ email, password, displayName });
    if (!isDemo) return;
    await users.markEmailVerified({ userId, email });
    await administrators.setRoles({ userId, roles });
    await addHistory(connection, userId);
  } catch (error) {
    if (!isIdentityError(error, "EMAIL_TAKEN")) throw error;
  }
}
