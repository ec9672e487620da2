// The hot operations as the collections grow: medians, commands, and what a document takes.
import { createIdentity, type Identity } from "@org/db-models";
import { randomKey } from "@org/db-models/core";
import { loadIdentityData } from "@org/dev-kit/identity-data";
import type { Connection, Types } from "mongoose";
import { commandsPerCall, perCall, quantile } from "./measure.js";
import { benchmarkStorage, type StoredBytes } from "./storage.js";

/** What was found at one size. */
interface GrowthRow {
  readonly sessions: number;
  /** Milliseconds, by operation. */
  readonly medians: Readonly<Record<string, number>>;
  /** Commands that a call sends, by operation and name. */
  readonly commands: Readonly<Record<string, Record<string, number>>>;
  readonly stored: readonly StoredBytes[];
}

export interface GrowthBenchmarks {
  readonly rows: readonly GrowthRow[];
  /** Median of the last size over that of the first, by operation. */
  readonly ratios: Readonly<Record<string, number>>;
}

const active = 200;
const warmUps = 100;
const calls = 600;
const countedCalls = 200;
const sessionsOfUser = 10;
const client = { ip: "192.0.2.7", userAgent: "curl/8.5.0" } as const;

type Acts = Readonly<Record<string, (index: number) => Promise<unknown>>>;

/** A database of one size, with the operations on it. */
interface Grown {
  readonly sessions: number;
  readonly acts: Acts;
  readonly stored: readonly StoredBytes[];
}

/**
 * Each size has a database of its own, and they are measured in turn, so that a machine that slows down slows all of them.
 *
 * @param sizes - numbers of sessions, with a user for ten of them.
 */
export async function benchmarkGrowth(
  connection: Connection,
  sizes: readonly number[],
  say: (line: string) => void,
): Promise<GrowthBenchmarks> {
  const databases = sizes.map((sessions) => connection.useDb(`${connection.name}_${sessions}`));
  try {
    const grown: Grown[] = [];
    for (const [at, sessions] of sizes.entries()) {
      say(`growth: loading ${sessions} sessions`);
      grown.push(await grow(databases[at] as Connection, sessions));
    }
    const rows = await measure(connection, grown);
    const [first, last] = [rows[0], rows.at(-1)];
    const names = Object.keys(first?.medians ?? {});
    const ratios = names.map((name) => [name, (last?.medians[name] ?? 0) / (first?.medians[name] ?? 1)]);
    return { rows, ratios: Object.fromEntries(ratios) };
  } finally {
    for (const database of databases) await database.dropDatabase();
  }
}

async function grow(database: Connection, sessions: number): Promise<Grown> {
  const { db } = database;
  if (!db) throw new Error("the connection has no database");
  const identity = createIdentity({ connection: database });
  const users = Math.max(1, Math.round(sessions / sessionsOfUser));
  await loadIdentityData(db, { users, sessions, seed: 1, now: new Date() });
  for (const model of Object.values(identity.models) as { createIndexes(): Promise<unknown> }[])
    await model.createIndexes();
  const stored = await benchmarkStorage(db);
  return { sessions, acts: await actsOn(identity), stored };
}

async function actsOn(identity: Identity): Promise<Acts> {
  const userIds = await makeUsers(identity);
  const tokens: string[] = [];
  const keys: string[] = [];
  for (const userId of userIds) {
    tokens.push((await identity.sessions.open({ userId, ...client })).token);
    keys.push((await identity.apiKeys.create({ userId, name: "growth", scopes: ["repo"] })).key);
  }
  const at = <T>(of: readonly T[], index: number) => of[index % active] as T;
  return {
    "sessions.validate": (index) => identity.sessions.validate(at(tokens, index)),
    "sessions.list": (index) => identity.sessions.list({ userId: at(userIds, index) }),
    "sessions.refresh": async (index) => {
      const result = await identity.sessions.refresh(at(tokens, index));
      if (!result.ok) throw new Error(`refresh failed: ${result.reason}`);
      tokens[index % active] = result.token;
    },
    "sessions.open": (index) => identity.sessions.open({ userId: at(userIds, index), ...client }),
    "apiKeys.verify": (index) => identity.apiKeys.verify({ key: at(keys, index), scopes: ["repo:read"] }),
  };
}

async function measure(connection: Connection, grown: readonly Grown[]): Promise<GrowthRow[]> {
  const times = grown.map(({ acts }) => timesOf(acts));
  for (let index = 0; index < warmUps + calls; index++) {
    for (const [at, { acts }] of grown.entries()) {
      for (const [name, act] of Object.entries(acts)) {
        const began = performance.now();
        await act(index);
        if (index >= warmUps) times[at]?.[name]?.push(performance.now() - began);
      }
    }
  }
  const rows: GrowthRow[] = [];
  for (const [at, { sessions, acts, stored }] of grown.entries()) {
    const medians = Object.entries(times[at] ?? {}).map(([name, of]) => [name, quantile(of, 0.5)]);
    const commands: Record<string, Record<string, number>> = {};
    for (const [name, act] of Object.entries(acts))
      commands[name] = await commandsPerCall(connection.getClient(), act, countedCalls);
    rows.push({ sessions, medians: Object.fromEntries(medians), commands, stored });
  }
  return rows;
}

function timesOf(acts: Acts): Record<string, number[]> {
  return Object.fromEntries(Object.keys(acts).map((name) => [name, []]));
}

async function makeUsers(identity: Identity): Promise<Types.ObjectId[]> {
  const now = new Date();
  const made = Array.from({ length: active }, () => {
    const fields = { email: `growth-${randomKey().toLowerCase()}@example.com`, auditKey: randomKey() };
    return new identity.models.User({ ...fields, createdAt: now, updatedAt: now }).toObject();
  });
  await identity.models.User.collection.insertMany(made);
  return made.map(({ _id }) => _id);
}

/** For people. */
export function readableGrowth({ rows, ratios }: GrowthBenchmarks): string[] {
  const at = ({ sessions }: GrowthRow) => `at ${sessions.toLocaleString("en")}`;
  const everyRow = (of: (row: GrowthRow) => string) => rows.map((row) => `${of(row)} ${at(row)}`).join(", ");
  const collections = rows[0]?.stored.map(({ collection }) => collection) ?? [];
  return [
    ...Object.entries(ratios).map(
      ([name, ratio]) =>
        `growth, ${name}: ${everyRow(({ medians }) => `${(medians[name] ?? 0).toFixed(2)} ms`)}; last over first ${ratio.toFixed(2)}`,
    ),
    ...Object.keys(ratios).map(
      (name) =>
        `growth, ${name} sends: ${rows.map((row) => `${perCall(row.commands[name] ?? {})} ${at(row)}`).join("; ")}`,
    ),
    ...collections.map((name, position) => {
      const bytes = ({ stored }: GrowthRow) =>
        `${stored[position]?.document} and ${stored[position]?.indexes} of indexes`;
      return `growth, bytes of a document of ${name}: ${everyRow(bytes)}`;
    }),
  ];
}
