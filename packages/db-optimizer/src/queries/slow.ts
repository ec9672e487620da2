// Slow operations that the profiler recorded, by shape.
import type { Connection } from "mongoose";
import { isOptimizerError, toOptimizerError } from "../core/errors.js";
import type { Document } from "../core/model.js";
import { databaseOf } from "../core/server/database.js";
import { primary } from "../core/server/own-collection.js";
import { type QueryPlan, summariseExplain } from "./explain.js";
import { ownSlow, type ProfileEntry, readProfiler, type SlowFilter } from "./profiler.js";
import { explainCommand } from "./run-explain.js";
import { filterOf, type QueryShape, shapeOf } from "./shape.js";

/** All slow operations of one shape that the profiler recorded. */
export interface SlowShape {
  readonly shape: QueryShape;
  readonly count: number;
  readonly maxMillis: number;
  readonly totalMillis: number;
  readonly lastAt: Date;
  /** Of one of them, as the profiler recorded it or else as explained now; `null` when it can't be explained. */
  readonly plan: QueryPlan | null;
  /** Why it can't be explained, in the server's words. */
  readonly failure?: string;
}

/** Slow operations by the profiler; `unknown` with its reason if it cannot be read. */
export type SlowOperations =
  | { readonly known: true; readonly profiling: boolean; readonly shapes: readonly SlowShape[] }
  | { readonly known: false; readonly reason: string };

/** Explaining runs the operation again, which is slow by definition: the costliest shapes, each for so long. */
const maxExplained = 10;
const maxTimeMS = 5_000;
const writes: Readonly<Record<string, string>> = { update: "update", remove: "delete" };
/**
 * The fields of a command that determine which documents it reads, and how. The others belong to sessions, transactions,
 * routers or drivers, and explain rejects most of them. https://www.mongodb.com/docs/manual/reference/command/nav-crud/
 */
const own: Readonly<Record<string, readonly string[]>> = {
  find: [
    "filter",
    "sort",
    "projection",
    "hint",
    "skip",
    "limit",
    "collation",
    "let",
    "min",
    "max",
    "allowDiskUse",
    "returnKey",
    "showRecordId",
  ],
  count: ["query", "limit", "skip", "hint", "collation"],
  distinct: ["key", "query", "hint", "collation"],
  aggregate: ["pipeline", "hint", "collation", "let", "allowDiskUse"],
};

/** Recorded operations for reports: without their commands. Pure. */
export function withoutCommands(recorded: RecordedOperations): SlowOperations {
  if (!recorded.known) return recorded;
  const shapes = recorded.shapes.map(({ command: _command, ...shape }) => shape);
  return { known: true, profiling: recorded.profiling, shapes };
}

/** {@link recordedShapes} for reports. */
export async function slowOperations(
  connection: Connection,
  thresholdMs: number,
  only: SlowFilter = {},
): Promise<SlowOperations> {
  return withoutCommands(await recordedShapes(connection, thresholdMs, only));
}

/** Slow shapes with a command of each, whose values are the users': for explaining, not for reports. */
export type RecordedOperations =
  | { readonly known: true; readonly profiling: boolean; readonly shapes: readonly RecordedShape[] }
  | { readonly known: false; readonly reason: string };

/**
 * Reads the slow operations that the profiler recorded, grouped by shape, the most wasteful first. Profilers that say
 * nothing of documents examined are made up for by explaining the recorded command.
 *
 * @param thresholdMs operations faster than this are left out
 * @param known the plan of a shape that has been explained already
 */
export async function recordedShapes(
  connection: Connection,
  thresholdMs: number,
  only: SlowFilter = {},
  known: (shape: RecordedShape) => QueryPlan | null = () => null,
): Promise<RecordedOperations> {
  try {
    const view = await readProfiler(databaseOf(connection), thresholdMs, only);
    const shapes = await explainedShapes(connection, view.entries, known);
    return { known: true, profiling: view.profiling, shapes };
  } catch (error) {
    return { known: false, reason: toOptimizerError(error, "The profiler can't be read").message };
  }
}

/** Entries by shape, the costliest with their plans. */
export function explainedShapes(
  connection: Connection,
  entries: readonly ProfileEntry[],
  known: (shape: RecordedShape) => QueryPlan | null = () => null,
): Promise<RecordedShape[]> {
  const groups = groupByShape(entries).map((group) => ({ ...group, plan: group.plan ?? known(group) }));
  return explained(connection, groups);
}

/** How many slow operations the profiler recorded since a moment, as far as it reaches back. */
export async function countSlow(connection: Connection, thresholdMs: number, since: Date): Promise<number> {
  const db = databaseOf(connection);
  const recorded = db.collection<ProfileEntry>("system.profile", primary);
  return recorded.countDocuments({ ...ownSlow(db, thresholdMs), ts: { $gte: since } });
}

/** A slow shape with one of its commands. */
export interface RecordedShape extends SlowShape {
  readonly command: Document;
}

/** Groups profiler entries by shape, those that took the most time in all first. Pure. */
export function groupByShape(entries: readonly ProfileEntry[]): RecordedShape[] {
  const groups = new Map<string, RecordedShape>();
  for (const entry of entries) {
    const { op, ns, command, millis, ts } = entry;
    const operation = operationOf(op, command);
    if (!operation) continue;
    const shape = shapeOf(operation, ns.slice(ns.indexOf(".") + 1), command);
    const known = groups.get(shape.fingerprint);
    groups.set(shape.fingerprint, {
      shape,
      // One with a hint shows which index cannot go.
      command: known && !(command.hint && !known.command.hint) ? known.command : command,
      count: (known?.count ?? 0) + 1,
      maxMillis: Math.max(known?.maxMillis ?? 0, millis),
      totalMillis: (known?.totalMillis ?? 0) + millis,
      lastAt: known && known.lastAt > ts ? known.lastAt : ts,
      plan: known?.plan ?? recordedPlan(entry),
    });
  }
  return [...groups.values()].sort((a, b) => b.totalMillis - a.totalMillis);
}

// The profiler records an update or a delete by its statement, and anything else by its command.
function operationOf(op: string, command: Document | undefined): string | undefined {
  const named = Object.keys(command ?? {}).find((key) => Object.hasOwn(own, key));
  if (named) return named;
  if (command && ("findAndModify" in command || "findandmodify" in command)) return "findAndModify";
  return command && "q" in command ? writes[op] : undefined;
}

async function explained(connection: Connection, groups: readonly RecordedShape[]): Promise<RecordedShape[]> {
  const shapes: RecordedShape[] = [];
  for (const [position, group] of groups.entries()) {
    const explain = group.plan === null && position < maxExplained;
    shapes.push(explain ? { ...group, ...(await planOf(connection, group.shape, group.command)) } : group);
  }
  return shapes;
}

async function planOf(
  connection: Connection,
  shape: QueryShape,
  recorded: Document,
): Promise<Pick<SlowShape, "plan" | "failure">> {
  const command = explainableCommand(shape, recorded);
  if (!command) return { plan: null };
  try {
    const answer = await explainCommand(connection, command, `a slow ${shape.operation}`, { maxTimeMS });
    return { plan: summariseExplain(answer) };
  } catch (error) {
    if (isOptimizerError(error, "UNREACHABLE")) throw error;
    return { plan: null, failure: toOptimizerError(error).message };
  }
}

function recordedPlan(entry: ProfileEntry): QueryPlan | null {
  const { docsExamined, keysExamined = 0, nreturned = 0, planSummary = "", hasSortStage, millis } = entry;
  if (docsExamined === undefined) return null;
  const stages: readonly string[] = planSummary.match(/[A-Z][A-Z_]+(?= \{|,|$)/g) ?? [];
  return {
    // The summary has the keys of an index, not its name.
    indexes: [],
    stages,
    collectionScan: stages.includes("COLLSCAN"),
    blockingSort: hasSortStage === true,
    keysExamined,
    docsExamined,
    returned: nreturned,
    millis,
  };
}

/** The command that shows what the recorded one costs; `undefined` for one that cannot be explained without writing. */
export function explainableCommand(
  { operation, collection }: QueryShape,
  recorded: Document,
): Document | undefined {
  const stages = (Array.isArray(recorded.pipeline) ? recorded.pipeline : []) as Document[];
  if (stages.some((stage) => "$out" in stage || "$merge" in stage)) return undefined;
  // The cost of a write is mostly that of finding its documents, which a find shows without writing.
  const names = own[operation];
  if (!names) {
    const { sort } = recorded;
    return { find: collection, filter: filterOf(recorded), ...(sort !== undefined && { sort }) };
  }
  const entries = Object.entries(recorded).filter(
    ([key, value]) => names.includes(key) && value !== undefined,
  );
  const command = { [operation]: recorded[operation] ?? collection, ...Object.fromEntries(entries) };
  return operation === "aggregate" ? { ...command, cursor: {} } : command;
}
