// Findings for facts that a check could not read.
import type { FindingPart } from "../../core/finding.js";
import type { HealthFacts } from "../facts/facts.js";
import type { Probed } from "../facts/within.js";

/** One thing that could not be found out. */
export interface Unknown {
  readonly part: FindingPart;
  readonly what: string;
  readonly reason: string;
  /** More privileges, time or members would have told. */
  readonly decidable: boolean;
}

/** All that a check could not find out. Pure. */
export function unknownsOf(facts: HealthFacts): Unknown[] {
  const { security, deep, slow } = facts;
  const probes: ReadonlyArray<readonly [FindingPart, string, Probed<unknown>]> = [
    ["connection", "round trips", facts.connection],
    ["topology", "topology", facts.topology],
    ["topology", "members", facts.replication],
    ...(facts.replication.known ? [["topology", "oplog", facts.replication.value.oplogHours] as const] : []),
    ["security", "login and roles", security.user],
    ["security", "options of the server", security.settings],
    // The reason is told by the two above, if they are why.
    ...(security.user.known && security.settings.known
      ? [["security", "authentication", security.authentication] as const]
      : []),
    ["storage", "sizes", facts.collections],
    ["storage", "growth", deep.growth],
    ["indexes", "indexes", facts.indexes],
    ["indexes", "use of indexes", silentMembers(facts)],
    ["indexes", "redundant indexes", shardKeysOf(facts)],
    ["queries", "named queries", deep.queries],
    ["operations", "server status", facts.server],
    // Where the server's status is refused, so is this, and for the same reason.
    ...(facts.server.known ? [["operations", "processors", facts.processor] as const] : []),
    ["operations", "running operations", facts.longOperations],
    ["operations", "the same hour a week ago", facts.weekAgo],
    ["operations", "slow operations", slow.known ? { known: true, value: undefined } : slow],
    ["schema", "samples", deep.schemas],
    // The profiler tells of both, or of neither.
    ...(slow.known ? [["schema", "joins", deep.lookups] as const] : []),
    ...deep.checks.map(({ name, part, result }) => [part, `check ${name}`, result] as const),
  ];
  return probes.flatMap(([part, what, probe]): Unknown[] => {
    const unread = probe.known ? (probe.unread ?? []) : [{ ...probe, what }];
    return unread.map((one) => ({
      part,
      what: one.what,
      reason: one.reason,
      decidable: one.unsupported !== true,
    }));
  });
}

function silentMembers({ indexes }: HealthFacts): Probed<unknown> {
  const silent = indexes.known ? indexes.value.silent : [];
  if (silent.length === 0) return { known: true, value: undefined };
  const texts = silent.map(({ member, collections, reason }) =>
    collections ? `${member}, ${collections.join(", ")}: ${reason}` : `${member}: ${reason}`,
  );
  return {
    known: false,
    reason: texts.join("; "),
    ...(silent.every(({ unsupported }) => unsupported) && { unsupported: true }),
  };
}

function shardKeysOf({ indexes }: HealthFacts): Probed<unknown> {
  const reason = indexes.known ? indexes.value.shardKeysUnread : undefined;
  if (reason === undefined) return { known: true, value: undefined };
  return { known: false, reason: `the shard keys cannot be read, and any index may support one: ${reason}` };
}

/** Parts of which nothing could be looked at. Pure. */
export function unknownParts({
  connection,
  topology,
  security,
  indexes,
  collections,
  server,
  deep,
}: HealthFacts) {
  const parts: ReadonlyArray<readonly [FindingPart, boolean]> = [
    ["connection", connection.known],
    ["topology", topology.known],
    ["security", security.user.known || security.settings.known],
    ["indexes", indexes.known],
    ["queries", deep.queries.known],
    ["operations", server.known],
    ["schema", deep.schemas.known],
    ["storage", collections.known],
  ];
  return new Set(parts.flatMap(([part, known]) => (known ? [] : [part])));
}

/** Parts in which there was nothing to look at. Pure. */
export function emptyParts({ deep: { queries, schemas, checks } }: HealthFacts): Set<FindingPart> {
  const empty = (part: FindingPart, list: Probed<readonly unknown[]>) =>
    list.known && list.value.length === 0 && !checks.some((check) => check.part === part) ? [part] : [];
  return new Set([...empty("queries", queries), ...empty("schema", schemas)]);
}
