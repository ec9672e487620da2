import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { openDatabase } from "@org/db-models";
import { startEngine } from "@org/dev-kit";
import { loadIdentityData } from "@org/dev-kit/identity-data";
import type { Model } from "mongoose";
import { type BackfillBenchmark, benchmarkBackfill, readableBackfill } from "./backfill.js";
import { benchmarkCleanup, type CleanupBenchmarks, readableCleanup } from "./cleanup.js";
import { benchmarkKeys } from "./keys.js";
import { benchmarkLoading } from "./loading.js";
import type { Comparison } from "./measure.js";
import { benchmarkPeers, type PeerBenchmarks } from "./peers.js";
import { benchmarkPlanning } from "./planning.js";
import { benchmarkRisk, type RiskBenchmarks, readableRisk } from "./risk.js";
import { benchmarkSessions } from "./sessions.js";

const { values } = parseArgs({
  options: {
    users: { type: "string", default: "10000" },
    sessions: { type: "string", default: "100000" },
    documents: { type: "string", default: "1000000" },
    only: { type: "string", multiple: true },
    json: { type: "boolean", default: false },
  },
});
const size = { users: Number(values.users), sessions: Number(values.sessions) };
const chosen = (name: string) => values.only === undefined || values.only.includes(name);
const say = (line: string) => void process.stderr.write(`${line}\n`);

const results: Record<string, unknown> = { machine: machine(), ...size };
if (chosen("risk")) {
  say("risk: scoring, without a database");
  results.risk = benchmarkRisk();
}
if (["backfill", "cleanup", "keys", "loading", "peers", "planning", "sessions"].some(chosen))
  await benchmarkDatabase();
process.stdout.write(values.json ? `${JSON.stringify(results, null, 2)}\n` : `${readable(results)}\n`);

async function benchmarkDatabase(): Promise<void> {
  const engine = await startEngine({ log: say });
  const name = `bench_${process.pid}`;
  const database = await openDatabase(engine.uri, { dbName: name, monitorCommands: true });
  const db = database.connection.db;
  if (!db) throw new Error("the connection has no database");
  results.engine = `${engine.kind} ${engine.version}`;
  try {
    if (chosen("loading")) {
      say("loading: the loader against insertMany of the same documents");
      results.loading = await benchmarkLoading(db, size);
    }
    if (["sessions", "keys", "peers"].some(chosen)) {
      say(`loading ${size.sessions} sessions`);
      await db.dropDatabase();
      await loadIdentityData(db, { ...size, seed: 1, now: new Date() });
      for (const model of Object.values(database.models) as Model<unknown>[]) await model.createIndexes();
    }
    if (chosen("sessions")) {
      say("sessions: each operation against its bare driver call");
      results.sessions = await benchmarkSessions(database.connection);
    }
    if (chosen("keys")) {
      say("keys: verifying API keys against one findOne");
      const user = await database.models.User.findOne().orFail();
      results.keys = await benchmarkKeys(database.models, user._id);
    }
    if (chosen("peers")) {
      results.peers = await benchmarkPeers(database.models, engine.uri, size.sessions, say);
    }
    if (chosen("planning")) {
      say("planning: 300 collections with 2,000 indexes");
      await db.dropDatabase();
      results.planning = await benchmarkPlanning(database.connection);
    }
    if (chosen("cleanup")) {
      await db.dropDatabase();
      const uri = databaseUri(engine.uri, name);
      results.cleanup = await benchmarkCleanup(database.connection, uri, say, Number(values.documents));
    }
    if (chosen("backfill")) {
      say("backfill: embedded sessions to user_sessions against a raw copy");
      results.backfill = await benchmarkBackfill(database.connection, databaseUri(engine.uri, name), size);
    }
  } finally {
    await db.dropDatabase();
    await database.close();
    await engine.stop();
  }
}

function databaseUri(uri: string, name: string): string {
  const url = new URL(uri);
  url.pathname = `/${name}`;
  return String(url);
}

function machine(): string {
  const processors = cpus();
  return `${processors.length} × ${processors[0]?.model ?? "unknown"}, Node ${process.version}`;
}

function readable(found: Record<string, unknown>): string {
  const database = found.engine ? `; ${found.engine}; ${size.users} users, ${size.sessions} sessions` : "";
  const lines = [`${found.machine}${database}`];
  const loading = found.loading as Awaited<ReturnType<typeof benchmarkLoading>> | undefined;
  if (loading) {
    const { median, low, high } = loading.ratio;
    lines.push(
      `loading: ${median.toFixed(2)} of bare insertMany (${low.toFixed(2)} to ${high.toFixed(2)}), ` +
        `${Math.round(loading.loaderRate)} documents/s; memory grew by ${loading.memoryGrowthMb.toFixed(0)} MB`,
    );
  }
  const sessions = (found.sessions ?? {}) as Record<string, Comparison>;
  for (const [operation, comparison] of Object.entries(sessions)) {
    lines.push(`${operation}: ${beside(comparison, "the bare call")}`);
  }
  const keys = found.keys as Awaited<ReturnType<typeof benchmarkKeys>> | undefined;
  if (keys) {
    const { latency, commands } = keys;
    lines.push(`verify an API key: ${beside(latency, "one findOne")}, sending ${perCall(commands)}`);
  }
  const peers = found.peers as PeerBenchmarks | undefined;
  if (peers) {
    lines.push(`our validateSession sends ${perCall(peers.ourCommands)}`);
    for (const [name, peer] of [
      ["better-auth's getSession", peers.betterAuthGetSession],
      ["connect-mongo's get", peers.connectMongoGet],
    ] as const) {
      lines.push(`validateSession: ${beside(peer.latency, name)}, which sends ${perCall(peer.commands)}`);
    }
  }
  const planning = found.planning as Awaited<ReturnType<typeof benchmarkPlanning>> | undefined;
  if (planning) {
    const { total, server, beyond, pure, collections, indexes, steps } = planning;
    lines.push(
      `planning ${collections} collections with ${indexes} indexes (${steps} steps): ${total.toFixed(0)} ms, of which ` +
        `${server.toFixed(0)} ms are the bare commands; ours ${beyond.median.toFixed(0)} ms ` +
        `(${beyond.low.toFixed(0)} to ${beyond.high.toFixed(0)}), without any server ${pure.toFixed(0)} ms`,
    );
  }
  if (found.cleanup) lines.push(...readableCleanup(found.cleanup as CleanupBenchmarks));
  if (found.risk) lines.push(...readableRisk(found.risk as RiskBenchmarks));
  if (found.backfill) lines.push(...readableBackfill(found.backfill as BackfillBenchmark));
  return lines.join("\n");
}

function beside({ subject, baseline, ratio }: Comparison, what: string): string {
  const range = `${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)}`;
  const medians = `p50 ${subject.p50.toFixed(2)} ms against ${baseline.p50.toFixed(2)} ms`;
  return `${ratio.median.toFixed(2)} times ${what} (${range}); ${medians}`;
}

function perCall(commands: Record<string, number>): string {
  return Object.entries(commands)
    .map(([name, count]) => `${count} ${name}`)
    .join(", ");
}
