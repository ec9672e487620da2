import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { createIdentity, openDatabase } from "@org/db-models";
import { holdTtlMonitor, startEngine, withDatabase } from "@org/dev-kit";
import { loadIdentityData } from "@org/dev-kit/identity-data";
import type { Model } from "mongoose";
import { benchmarkBackfill, readableBackfill } from "./backfill.js";
import { benchmarkBulkJobs, readableBulkJobs } from "./bulk-jobs.js";
import { benchmarkCleanup, readableCleanup } from "./cleanup.js";
import { benchmarkGrowth, readableGrowth } from "./growth.js";
import { benchmarkHttp, readableHttp } from "./http.js";
import { benchmarkKeys, readableKeys } from "./keys.js";
import { benchmarkFaults, benchmarkLoad, readableFigures, readableLoad } from "./load/load.js";
import type { LoadFigures } from "./load/run.js";
import { benchmarkLoading, readableLoading } from "./loading.js";
import { benchmarkPeers, readablePeers } from "./peers.js";
import { benchmarkPlanning, readablePlanning } from "./planning.js";
import { benchmarkProvider, readableProvider } from "./provider.js";
import { benchmarkProviderLoad, readableProviderLoad } from "./provider-load/load.js";
import { benchmarkRisk, readableRisk } from "./risk.js";
import { benchmarkSessionCache, readableSessionCache } from "./session-cache.js";
import { benchmarkSessions, readableSessions } from "./sessions.js";
import { benchmarkSignIn, readableSignIn } from "./sign-in.js";
import { benchmarkStorage, readableStorage } from "./storage.js";

const { values } = parseArgs({
  options: {
    users: { type: "string", default: "10000" },
    sessions: { type: "string", default: "100000" },
    documents: { type: "string", default: "1000000" },
    sizes: { type: "string", default: "10000,100000,1000000,10000000" },
    seconds: { type: "string", default: "600" },
    clients: { type: "string", default: "32" },
    faults: { type: "boolean", default: false },
    only: { type: "string", multiple: true },
    json: { type: "boolean", default: false },
  },
});
const size = { users: Number(values.users), sessions: Number(values.sessions) };
const chosen = (name: string) => values.only === undefined || values.only.includes(name);
const say = (line: string) => void process.stderr.write(`${line}\n`);

const results: Record<string, unknown> = { machine: machine(), ...size };
report([`${results.machine}; ${size.users} users, ${size.sessions} sessions`]);
if (chosen("risk")) {
  say("risk: scoring, without a database");
  keep("risk", benchmarkRisk(), readableRisk);
}
const withDatabases = [
  "backfill",
  "bulk-jobs",
  "cleanup",
  "growth",
  "http",
  "keys",
  "load",
  "loading",
  "peers",
  "planning",
  "provider",
  "provider-load",
  "session-cache",
  "sessions",
  "sign-in",
  "storage",
];
if (withDatabases.some(chosen)) await benchmarkDatabase();
if (values.json) process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);

/** Prints what was found as soon as it is: a run at full size takes an hour, and may be ended before. */
function keep<T>(name: string, found: T, readable: (found: T) => string[]): void {
  results[name] = found;
  report(readable(found));
}

function report(lines: readonly string[]): void {
  if (!values.json) process.stdout.write(`${lines.join("\n")}\n`);
}

async function benchmarkDatabase(): Promise<void> {
  const engine = await startEngine({ log: say });
  const name = `bench_${process.pid}`;
  const database = await openDatabase(engine.uri, { dbName: name, monitorCommands: true });
  const db = database.connection.db;
  if (!db) throw new Error("the connection has no database");
  results.engine = `${engine.kind} ${engine.version}`;
  // Of a server of one's own the figures say what this project's documents can't.
  const whose = engine.kind === "external" ? ", the server of MONGODB_URI" : "";
  report([`${results.engine}${whose}`]);
  try {
    // Half of the generated data has expired: its removal would be measured too.
    await holdTtlMonitor(engine);
    if (engine.kind === "external")
      say("the TTL monitor of your server runs: it removes expired documents meanwhile");
    if (chosen("loading")) {
      const uri = withDatabase(engine.uri, name);
      keep("loading", await benchmarkLoading(db, uri, size, say), readableLoading);
    }
    if (["http", "load", "session-cache", "sessions", "keys", "peers", "sign-in", "storage"].some(chosen)) {
      say(`loading ${size.sessions} sessions`);
      await db.dropDatabase();
      await loadIdentityData(db, { ...size, seed: 1, now: new Date() });
      for (const model of Object.values(database.models) as Model<unknown>[]) await model.createIndexes();
    }
    if (chosen("storage")) keep("storage", await benchmarkStorage(db), readableStorage);
    if (chosen("sessions")) {
      say("sessions: each operation against its bare driver call");
      keep("sessions", await benchmarkSessions(database.connection), readableSessions);
    }
    if (chosen("sign-in")) {
      say("sign-in: the route against argon2id and two inserts");
      keep("sign-in", await benchmarkSignIn(withDatabase(engine.uri, name)), readableSignIn);
    }
    if (chosen("session-cache")) {
      say("session-cache: checks from memory against one findOne");
      const uri = withDatabase(engine.uri, name);
      keep("session-cache", await benchmarkSessionCache(uri), readableSessionCache);
    }
    if (chosen("keys")) {
      say("keys: verifying API keys against one findOne");
      const user = await database.models.User.findOne().orFail();
      keep(
        "keys",
        await benchmarkKeys(createIdentity({ connection: database.connection }), user._id),
        readableKeys,
      );
    }
    if (chosen("peers")) {
      const found = await benchmarkPeers(
        createIdentity({ connection: database.connection }),
        engine.uri,
        size.sessions,
        say,
      );
      keep("peers", found, readablePeers);
    }
    if (chosen("http")) {
      const own = createIdentity({ connection: database.connection });
      keep(
        "http",
        await benchmarkHttp(own, withDatabase(engine.uri, name), size.sessions, say),
        readableHttp,
      );
    }
    if (chosen("load")) {
      const load = { seconds: Number(values.seconds), members: Number(values.clients), active: 2_000 };
      const found = await benchmarkLoad(withDatabase(engine.uri, name), load, say);
      keep("load", found, readableLoad);
      if (values.faults) {
        say("load: the database, the primary and an instance fail, on a server of its own");
        const lines = (figures: LoadFigures) => readableFigures("load with faults", figures);
        keep("loadFaults", await benchmarkFaults(load), lines);
      }
    }
    if (chosen("growth")) {
      const sizes = values.sizes.split(",").map(Number);
      keep("growth", await benchmarkGrowth(database.connection, sizes, say), readableGrowth);
    }
    if (chosen("provider")) {
      say("provider: the token endpoint and introspection beside oidc-provider");
      await db.dropDatabase();
      for (const model of Object.values(database.models) as Model<unknown>[]) await model.createIndexes();
      keep("provider", await benchmarkProvider(database.connection, engine.uri, say), readableProvider);
    }
    if (chosen("provider-load")) {
      say("provider-load: clients of all kinds at two instances of the service");
      await db.dropDatabase();
      for (const model of Object.values(database.models) as Model<unknown>[]) await model.createIndexes();
      const uri = withDatabase(engine.uri, name);
      const load = { uri, seconds: Number(values.seconds), clients: Number(values.clients) };
      const found = await benchmarkProviderLoad(database.connection, load, say);
      keep("providerLoad", found, readableProviderLoad);
      if (found.wrongInAll > 0) process.exitCode = 1;
    }
    if (chosen("bulk-jobs")) {
      say("bulk-jobs: 300 users for each act");
      await db.dropDatabase();
      for (const model of Object.values(database.models) as Model<unknown>[]) await model.createIndexes();
      const found = await benchmarkBulkJobs(withDatabase(engine.uri, name), say);
      keep("bulkJobs", found, readableBulkJobs);
    }
    if (chosen("planning")) {
      say("planning: 300 collections with 2,000 indexes");
      await db.dropDatabase();
      keep("planning", await benchmarkPlanning(database.connection), readablePlanning);
    }
    if (chosen("cleanup")) {
      await db.dropDatabase();
      const uri = withDatabase(engine.uri, name);
      const found = await benchmarkCleanup(database.connection, uri, say, Number(values.documents));
      keep("cleanup", found, readableCleanup);
    }
    if (chosen("backfill")) {
      say("backfill: embedded sessions to user_sessions against a raw copy");
      keep(
        "backfill",
        await benchmarkBackfill(database.connection, withDatabase(engine.uri, name), size),
        readableBackfill,
      );
    }
  } finally {
    await db.dropDatabase();
    await database.close();
    await engine.stop();
  }
}

function machine(): string {
  const processors = cpus();
  return `${processors.length} × ${processors[0]?.model ?? "unknown"}, Node ${process.version}`;
}
