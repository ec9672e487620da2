// The median of the hot operations as the collections grow.
import { createIdentity, type Identity } from "@org/db-models";
import { randomKey } from "@org/db-models/core";
import { loadIdentityData } from "@org/dev-kit/identity-data";
import type { Connection, mongo, Types } from "mongoose";
import { quantile } from "./measure.js";

/** Medians in milliseconds at one size. */
interface GrowthRow {
  readonly sessions: number;
  readonly medians: Readonly<Record<string, number>>;
}

export interface GrowthBenchmarks {
  readonly rows: readonly GrowthRow[];
  /** Of the last size over the first, by operation. */
  readonly ratios: Readonly<Record<string, number>>;
}

const active = 200;
const calls = 600;
const sessionsOfUser = 10;
const client = { ip: "192.0.2.7", userAgent: "curl/8.5.0" } as const;

/** @param sizes - numbers of sessions, each loaded into an empty database, with a user for ten of them. */
export async function benchmarkGrowth(
  connection: Connection,
  db: mongo.Db,
  sizes: readonly number[],
  say: (line: string) => void,
): Promise<GrowthBenchmarks> {
  const identity = createIdentity({ connection });
  const rows: GrowthRow[] = [];
  for (const sessions of sizes) {
    say(`growth: ${sessions} sessions`);
    await db.dropDatabase();
    const users = Math.max(1, Math.round(sessions / sessionsOfUser));
    await loadIdentityData(db, { users, sessions, seed: 1, now: new Date() });
    for (const model of Object.values(identity.models) as { createIndexes(): Promise<unknown> }[])
      await model.createIndexes();
    rows.push({ sessions, medians: await mediansOf(identity) });
  }
  const [first, last] = [rows[0], rows.at(-1)];
  const names = Object.keys(first?.medians ?? {});
  const ratios = names.map((name) => [name, (last?.medians[name] ?? 0) / (first?.medians[name] ?? 1)]);
  return { rows, ratios: Object.fromEntries(ratios) };
}

async function mediansOf(identity: Identity): Promise<Record<string, number>> {
  const userIds = await makeUsers(identity);
  const tokens: string[] = [];
  const keys: string[] = [];
  for (const userId of userIds) {
    tokens.push((await identity.sessions.open({ userId, ...client })).token);
    keys.push((await identity.apiKeys.create({ userId, name: "growth", scopes: ["repo"] })).key);
  }
  const at = <T>(of: readonly T[], index: number) => of[index % active] as T;
  const acts: Readonly<Record<string, (index: number) => Promise<unknown>>> = {
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
  const times: Record<string, number[]> = Object.fromEntries(Object.keys(acts).map((name) => [name, []]));
  // In turn, so that a machine that slows down slows all of them; the first hundred warm up.
  for (let index = -100; index < calls; index++) {
    for (const [name, act] of Object.entries(acts)) {
      const began = performance.now();
      await act(index + 100);
      if (index >= 0) times[name]?.push(performance.now() - began);
    }
  }
  return Object.fromEntries(Object.entries(times).map(([name, of]) => [name, quantile(of, 0.5)]));
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
  return Object.entries(ratios).map(([name, ratio]) => {
    const medians = rows.map(
      ({ sessions, medians }) => `${(medians[name] ?? 0).toFixed(2)} ms at ${sessions.toLocaleString("en")}`,
    );
    return `growth, ${name}: ${medians.join(", ")}; last over first ${ratio.toFixed(2)}`;
  });
}
