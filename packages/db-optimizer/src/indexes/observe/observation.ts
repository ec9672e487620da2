// Judges the observation of a hidden index.
import type { NamedQuery } from "../../core/named-query.js";
import type { QueryPlan } from "../../queries/explain.js";
import type { IndexSpec } from "../spec.js";
import { specOfText } from "../steps/state-text.js";

/** A named query's plan at one moment, as far as an observation goes by it. */
export interface PlanMark
  extends Pick<QueryPlan, "collectionScan" | "blockingSort" | "docsExamined" | "keysExamined"> {
  readonly query: string;
  /** Why the server refuses it; its figures are zeros then. */
  readonly refused?: string;
}

/** A slow operation's shape, as far as an observation goes by it. */
export interface SlowMark {
  readonly fingerprint: string;
  readonly operation: string;
  readonly count: number;
  readonly maxMillis: number;
  /** Fields that it filters and sorts by. */
  readonly fields: readonly string[];
  /** `null`: it could not be explained. */
  readonly scans: boolean | null;
  /** The index that it hints, by name or keys. */
  readonly hint?: string | Readonly<Record<string, unknown>>;
}

/** An operation that reads the whole collection at this moment. */
export interface RunningScan {
  readonly operation: string;
  readonly runningMs: number;
}

/** Signals of the use of a collection at one moment. `null`: the signal could not be read. */
export interface Signals {
  readonly queries: readonly PlanMark[];
  /** Slow operations since the index is hidden, or before it was. */
  readonly slow: readonly SlowMark[] | null;
  /** Why a profiler that is on does not see every slow operation; absent if it does. */
  readonly blind?: readonly string[];
  /** Why what it saw since the index is hidden is not all there any more; absent if it is. */
  readonly lost?: readonly string[];
  readonly scans: readonly RunningScan[] | null;
}

/** An index that is hidden to see whether anybody misses it, as the journal has it. */
export interface Observation {
  /** `observe <collection>.<index>`: one for each index. */
  readonly _id: string;
  readonly collection: string;
  readonly index: string;
  /** `hiding`: written down, and perhaps not hidden yet. */
  readonly state: "hiding" | "observing" | "dropped" | "unhidden";
  readonly run: string;
  readonly since: Date;
  /** From when on it may be dropped. */
  readonly until: Date;
  /** The index as it was. */
  readonly spec: string;
  /** Signals from before it was hidden. */
  readonly baseline: Signals;
  /** Why it was unhidden. */
  readonly harm?: readonly string[];
}

/** Verdict on an observation. */
export type ObservationVerdict =
  /** Somebody misses the index. */
  | { readonly kind: "harm"; readonly reasons: readonly string[] }
  /** No harm so far, and the time is not up. */
  | { readonly kind: "wait" }
  /** No harm in all the time. */
  | { readonly kind: "drop" }
  /** It could not be watched so far, and can from now on: its time starts again, with a new baseline. */
  | { readonly kind: "begin"; readonly baseline: Signals; readonly reasons?: readonly string[] }
  /** Nothing can be watched, or not all: not knowing is no reason to drop. */
  | { readonly kind: "blind"; readonly reasons?: readonly string[] };

// Below this a plan that reads more is noise of the data, not of the index.
const tolerableGrowth = 2;
const tolerableExtra = 100;

/** Whether an index that is hidden is missed. Pure. The index counter says nothing: hiding resets it. */
export function judgeObservation(
  { baseline, until, spec }: Pick<Observation, "baseline" | "until" | "spec">,
  current: Signals,
  now: Date,
): ObservationVerdict {
  const leading = specOfText(spec)?.keys[0]?.field;
  const reasons = [
    ...current.queries.flatMap((mark) => harmOfPlan(mark, baseline.queries)),
    ...(current.slow ?? []).flatMap((mark) => harmOfSlow(mark, baseline.slow ?? [], leading)),
    ...(current.scans ?? []).flatMap((scan) => harmOfScan(scan, baseline.scans ?? [])),
  ];
  if (reasons.length > 0) return { kind: "harm", reasons };
  if (isBlind(current)) return { kind: "blind", ...(current.blind && { reasons: current.blind }) };
  const { lost = [] } = current;
  if (lost.length > 0 || !wasWatched(baseline, current))
    return {
      kind: "begin",
      baseline: beginning(baseline, current),
      ...(lost.length > 0 && { reasons: lost }),
    };
  return now < until ? { kind: "wait" } : { kind: "drop" };
}

/**
 * Whether nothing tells who uses a collection, or a profiler that would be trusted does not see everything. What runs at
 * this moment is one glance. Pure.
 */
export function isBlind({ queries, slow, blind = [] }: Signals): boolean {
  const explained = queries.filter(({ refused }) => refused === undefined);
  return blind.length > 0 || (explained.length === 0 && slow === null);
}

/** Queries and recorded operations that name an index in a hint: hidden, it would be refused to them. Pure. */
export function hintedBy(
  index: Pick<IndexSpec, "name" | "keys">,
  queries: readonly Pick<NamedQuery, "name" | "hint">[],
  { slow }: Pick<Signals, "slow">,
): string[] {
  const keys = JSON.stringify(index.keys.map(({ field, kind }) => [field, kind]));
  const isHinted = (hint: unknown) =>
    hint === index.name ||
    (typeof hint === "object" && hint !== null && JSON.stringify(Object.entries(hint)) === keys);
  return [
    ...queries.filter(({ hint }) => isHinted(hint)).map(({ name }) => name),
    ...(slow ?? [])
      .filter(({ hint }) => isHinted(hint))
      .map(({ operation, fingerprint }) => `${operation} ${fingerprint}`),
  ];
}

// The profiler or a named query must have seen the whole time, and not only its end.
function wasWatched(baseline: Signals, current: Signals): boolean {
  if (baseline.blind && baseline.blind.length > 0) return false;
  const named = new Set(baseline.queries.map(({ query }) => query));
  return (
    (baseline.slow !== null && current.slow !== null) ||
    current.queries.some(({ query, refused }) => refused === undefined && named.has(query))
  );
}

// Operations that are slow now may be slow because the index is hidden: the new baseline does not include them.
function beginning(baseline: Signals, current: Signals): Signals {
  const { blind: _blind, lost: _lost, ...rest } = baseline;
  return { ...rest, queries: current.queries, slow: current.slow && [] };
}

function harmOfPlan(mark: PlanMark, before: readonly PlanMark[]): string[] {
  const was = before.find(({ query }) => query === mark.query);
  if (mark.refused !== undefined)
    return was?.refused === undefined ? [`${mark.query} is now refused: ${mark.refused}`] : [];
  // It may well be for want of the index, and nobody knows better.
  if (!was) return mark.collectionScan ? [`${mark.query}, not named before, scans the collection`] : [];
  if (mark.collectionScan && !was.collectionScan) return [`${mark.query} now scans the collection`];
  if (mark.blockingSort && !was.blockingSort) return [`${mark.query} now sorts in memory`];
  const [now, then] = [mark, was].map(({ docsExamined, keysExamined }) => docsExamined + keysExamined) as [
    number,
    number,
  ];
  const grown = now > then * tolerableGrowth && now - then > tolerableExtra;
  return grown ? [`${mark.query} now examines ${now} keys and documents instead of ${then}`] : [];
}

// A shape that is new, and slow for reasons of its own, is none of the index's business.
function harmOfSlow(mark: SlowMark, before: readonly SlowMark[], leading: string | undefined): string[] {
  const was = before.find(({ fingerprint }) => fingerprint === mark.fingerprint);
  const { operation, fingerprint, count, maxMillis, scans, fields } = mark;
  const what = `${operation} ${fingerprint} (${count} times, up to ${maxMillis} ms)`;
  if (was) return scans && was.scans === false ? [`scans the collection since: ${what}`] : [];
  const concerned = scans !== false || (leading !== undefined && fields.includes(leading));
  return concerned ? [`slow since: ${what}`] : [];
}

function harmOfScan({ operation, runningMs }: RunningScan, before: readonly RunningScan[]): string[] {
  if (before.some((scan) => scan.operation === operation)) return [];
  return [`${operation} scans the collection at this moment, for ${runningMs} ms so far`];
}
