// Members of a replica set, their lag and the oplog's window.
import type { mongo } from "mongoose";
import { OptimizerError, toOptimizerError } from "../../core/errors.js";
import type { Document } from "../../core/model.js";
import { primary } from "../../core/server/own-collection.js";
import type { MemberFacts, ReplicationFacts } from "./facts.js";
import type { Within } from "./within.js";

/** Asks a replica set how its members do. A standalone server and a router have none to tell of. */
export async function probeReplication(db: mongo.Db, within: Within): Promise<ReplicationFacts> {
  const hello = (await db.command({ hello: 1 })) as Document;
  if (!hello.setName) {
    return {
      members: [],
      oplogHours: { known: false, reason: "no oplog to see from here", unsupported: true },
    };
  }
  const status = (await db.admin().command({ replSetGetStatus: 1 })) as Document;
  const delays = await within("replica set configuration", () => configuredDelays(db));
  return {
    members: membersOf(status, delays.known ? delays.value : new Map()),
    oplogHours: await within("oplog", () => oplogHours(db)),
  };
}

async function configuredDelays(db: mongo.Db): Promise<Map<string, number>> {
  const { config } = (await db.admin().command({ replSetGetConfig: 1 })) as {
    config: { members: Document[] };
  };
  return new Map(
    config.members.map(({ host, secondaryDelaySecs = 0 }) => [
      String(host),
      Number(secondaryDelaySecs) * 1_000,
    ]),
  );
}

/**
 * Members as `replSetGetStatus` tells of them. Pure.
 *
 * @param delays how far members are configured to stay behind, by host, ms
 */
export function membersOf(status: Document, delays: ReadonlyMap<string, number>): MemberFacts[] {
  const members = (status.members ?? []) as Document[];
  const at = status.date instanceof Date ? status.date.getTime() : undefined;
  const follows = new Set(["SECONDARY", "RECOVERING"]);
  const primary = timeOf(members.find(({ stateStr }) => stateStr === "PRIMARY")?.optimeDate);
  return members.map(({ name, stateStr, health, optimeDate, lastHeartbeatRecv }) => {
    const own = timeOf(optimeDate);
    const heard = timeOf(lastHeartbeatRecv);
    const known = follows.has(String(stateStr)) && primary !== undefined && own !== undefined;
    const behind = known ? primary - own - (delays.get(String(name)) ?? 0) : undefined;
    return {
      name: String(name),
      state: String(stateStr),
      ...(behind !== undefined && { lagMs: Math.max(0, behind) }),
      ...(health === 0 && at !== undefined && heard !== undefined && { silentMs: Math.max(0, at - heard) }),
    };
  });
}

/** The members, with how long each has been seen as it is. Pure. */
export function membersSeen(
  members: readonly MemberFacts[],
  before: readonly MemberFacts[],
  betweenMs: number,
): MemberFacts[] {
  const states = new Map(before.map((member) => [member.name, member]));
  return members.map((member) => {
    const { state, seenMs = 0 } = states.get(member.name) ?? {};
    return { ...member, seenMs: state === member.state ? seenMs + Math.max(0, betweenMs) : 0 };
  });
}

function timeOf(value: unknown): number | undefined {
  // The epoch stands for "never".
  return value instanceof Date && value.getTime() > 0 ? value.getTime() : undefined;
}

async function oplogHours(db: mongo.Db): Promise<number> {
  const oplog = db.client.db("local").collection("oplog.rs", primary);
  const edge = (natural: 1 | -1) =>
    oplog
      .find({}, { projection: { ts: 1 } })
      .sort({ $natural: natural })
      .limit(1)
      .next();
  const [first, last] = [secondsOf(await edge(1)), secondsOf(await edge(-1))];
  if (first === undefined || last === undefined)
    throw new OptimizerError("UNSUPPORTED", "the oplog shows no entry");
  return (last - first) / 3_600;
}

function secondsOf(entry: Document | null): number | undefined {
  const { ts } = (entry ?? {}) as { ts?: { getHighBits?: () => number } };
  return ts?.getHighBits?.();
}

/** How many shards a router knows, and whether it evens them out; both absent where it may not be asked. */
export async function probeShards(db: mongo.Db): Promise<{ shards?: number; balancing?: boolean }> {
  const [shards, balancer] = await Promise.all([
    db.admin().command({ listShards: 1 }).catch(unlessAway),
    db.admin().command({ balancerStatus: 1 }).catch(unlessAway),
  ]);
  return {
    ...(shards && { shards: ((shards.shards ?? []) as unknown[]).length }),
    ...(balancer && { balancing: balancer.mode !== "off" }),
  };
}

function unlessAway(error: unknown): undefined {
  const known = toOptimizerError(error, "Cannot ask the cluster");
  if (known.code === "UNREACHABLE") throw known;
}
