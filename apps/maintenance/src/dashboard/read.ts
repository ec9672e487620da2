import type { FigureComparison } from "@org/db-optimizer";
import { type RunRecord, runResults, serverTime } from "@org/db-optimizer/jobs";
import { type Controls, runsOfJobs } from "../run-control.js";

/** The parts of its report that a health run keeps. */
export interface KeptHealth {
  readonly score: number;
  readonly parts: readonly {
    readonly part: string;
    readonly points: number | null;
    readonly weight: number;
  }[];
  readonly findings: readonly {
    readonly code: string;
    readonly severity: "info" | "warning" | "critical";
    readonly message: string;
  }[];
  readonly collections: readonly {
    readonly collection: string;
    readonly documents: number;
    readonly dataBytes: number;
    readonly storageBytes: number;
    readonly indexBytes: number;
  }[];
  /** Figures of the server now and at this hour a week ago; absent from runs of before they were kept. */
  readonly week?: readonly Pick<FigureComparison, "label" | "unit" | "now" | "weekAgo">[];
}

/** The parts of its report that a drift run keeps. */
export interface KeptDrift {
  readonly inSync: boolean;
  readonly steps: number;
  readonly first: readonly { readonly kind: string; readonly collection: string; readonly index: string }[];
}

/** Something that a run found out, and when. */
export interface Found<T> {
  readonly at: Date;
  readonly value: T;
}

/** All that the dashboard shows. */
export interface DashboardFacts {
  readonly database: string;
  readonly at: Date;
  readonly runs: readonly RunRecord[];
  readonly upcoming: readonly { readonly job: string; readonly next: Date | null }[];
  /** The newest last. */
  readonly scores: readonly Found<number>[];
  readonly health?: Found<KeptHealth>;
  readonly drift?: Found<KeptDrift>;
}

const scoresShown = 96;

/** Reads what the runs have left behind. Asks the history only, and of long results what is shown. */
export async function readDashboard(
  controls: Controls,
  upcoming: DashboardFacts["upcoming"],
): Promise<DashboardFacts> {
  const { connection } = controls;
  const { db } = connection;
  if (!db) throw new TypeError("the database is not open");
  const [scores, [health], [drift], runs, at] = await Promise.all([
    found<Pick<KeptHealth, "score">>(controls, "health", scoresShown, "score"),
    found<KeptHealth>(controls, "health", 1),
    found<KeptDrift>(controls, "drift", 1),
    runsOfJobs(controls, { isBrief: true }),
    serverTime(db),
  ]);
  return {
    database: db.databaseName,
    at,
    runs,
    upcoming,
    scores: scores.map(({ at, value }) => ({ at, value: value.score })).reverse(),
    ...(health && { health }),
    ...(drift && { drift }),
  };
}

async function found<T>(
  { connection }: Controls,
  job: string,
  limit: number,
  field?: string,
): Promise<Found<T>[]> {
  const results = await runResults(connection, job, limit, field);
  return results.map(({ at, result }) => ({ at, value: result as T }));
}
