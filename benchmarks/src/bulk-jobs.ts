// Bulk jobs of the admin area, as an instance works on them in the background.
import { setTimeout } from "node:timers/promises";
import { type BulkAct, type Identity, openIdentity } from "@org/db-models";
import { randomKey } from "@org/db-models/core";
import { identityPlugin } from "@org/fastify-identity";
import { fastify } from "fastify";
import type { Types } from "mongoose";

export interface BulkFigures {
  readonly act: BulkAct;
  readonly users: number;
  readonly perSecond: number;
  readonly commandsPerUser: number;
}

const acts = ["lock", "end_sessions", "verify", "erase"] as const satisfies readonly BulkAct[];
const usersOfJob = 300;

/** One job of each act at a time, by one instance. */
export async function benchmarkBulkJobs(uri: string, say: (line: string) => void): Promise<BulkFigures[]> {
  const identity = await openIdentity(uri, { database: { monitorCommands: true } });
  const app = fastify();
  try {
    const [createdBy] = (await makeUsers(identity, 1)) as [Types.ObjectId];
    await identity.administrators.setRoles({ userId: createdBy, roles: ["identity:admin"] });
    await app.register(identityPlugin, {
      identity,
      issuer: "http://127.0.0.1",
      notifier: { send: async () => undefined },
      admin: true,
      sweepMs: 1_000,
    });
    const found: BulkFigures[] = [];
    for (const act of acts) {
      say(`bulk-jobs: ${act}`);
      found.push(await run(identity, createdBy, act));
    }
    return found;
  } finally {
    await app.close();
    await identity.close();
  }
}

async function makeUsers({ models: { User } }: Identity, count: number): Promise<Types.ObjectId[]> {
  const now = new Date();
  const users = Array.from({ length: count }, () => {
    const auditKey = randomKey();
    return new User({
      email: `${auditKey.toLowerCase()}@example.com`,
      auditKey,
      createdAt: now,
      updatedAt: now,
    });
  });
  await User.insertMany(users);
  return users.map(({ _id }) => _id);
}

async function run(identity: Identity, createdBy: Types.ObjectId, act: BulkAct): Promise<BulkFigures> {
  const users = await makeUsers(identity, usersOfJob);
  for (const userId of users) await identity.sessions.open({ userId });
  const order = { act, reason: "a benchmark", createdBy, users, excluded: [] } as const;
  const { id } = await identity.bulkJobs.prepare(order);
  let commands = 0;
  const count = () => {
    commands += 1;
  };
  const client = identity.models.User.db.getClient();
  client.on("commandStarted", count);
  await identity.bulkJobs.start({ id, createdBy });
  const started = performance.now();
  let polls = 0;
  let state: string | undefined;
  do {
    await setTimeout(50);
    polls += 1;
    state = (await identity.bulkJobs.read({ id }))?.state;
  } while (state === "running");
  const seconds = (performance.now() - started) / 1_000;
  client.off("commandStarted", count);
  if (state !== "done") throw new Error(`the job is ${state}`);
  return {
    act,
    users: usersOfJob,
    perSecond: usersOfJob / seconds,
    commandsPerUser: (commands - polls) / usersOfJob,
  };
}

export function readableBulkJobs(found: readonly BulkFigures[]): string[] {
  return found.map(
    ({ act, users, perSecond, commandsPerUser }) =>
      `bulk job ${act}: ${perSecond.toFixed(0)} users a second, ${commandsPerUser.toFixed(1)} commands each (${users} users with one session)`,
  );
}
