/** How fast a job may work, with the defaults. */
export interface PaceLimits {
  /**
   * Highest allowed latency of reads, p99, as a multiple of their idle latency. Default 1.5; infinite: reads are not
   * measured.
   */
  readonly maxSlowdown: number;
  /** Largest part of the time that it works, above 0 up to 1. Default 1: reads decide. */
  readonly maxShare: number;
  /** Most documents per second. Default infinite. */
  readonly maxRate: number;
  /** Largest batch, in documents. Default 10,000. */
  readonly maxBatch: number;
}

/** The defaults: {@link PaceLimits} says what each is. */
export const defaultPace: PaceLimits = {
  maxSlowdown: 1.5,
  maxShare: 1,
  maxRate: Number.POSITIVE_INFINITY,
  maxBatch: 10_000,
};

/** Whether reads are measured beside the work. */
export function regardsReads({ maxSlowdown }: Pick<PaceLimits, "maxSlowdown">): boolean {
  return Number.isFinite(maxSlowdown);
}

/** Milliseconds that a batch should take: what is under way when it is to stop is over in a moment. */
const targetMs = 500;
/** By how much a batch may grow over the one before: at first, and once one has timed out, for its neighbours may be as slow. */
const firstGrowth = 2;
const growthAfterTimeout = 1.5;
/** How much of the past the rate of documents remembers: pt-online-schema-change's weight. */
const memory = 0.75;
const firstBatch = 200;
/** A batch gets no smaller for the sake of time: below that, its round trips are most of it. */
const smallestBatch = 100;
/** From this failure in a row on a batch is split, below the smallest size if need be. */
const splitFrom = 3;

/**
 * Part of the time in which reads may be slowed down, at most: half of one in a hundred, as not every read is seen, and
 * what an application does takes more than one. It is less where idle reads take part of that hundredth.
 */
export const slowShare = 0.005;
export const leastAllowedShare = slowShare / 5;
/** Milliseconds: a batch for which a read waits longer is too large, however seldom that is. */
const longestWaitMs = 100;
/** The part of the time that work begins with, and the least that is left of it. */
const firstShare = 0.05;
const leastShare = 0.002;
/** Milliseconds after which most of what was seen of reads is forgotten: a server's other work comes and goes. */
const evidenceMs = 10_000;
/** Slowed milliseconds that work is charged with before any is seen: one slow read. Calm work disproves it gradually. */
const assumedSlowMs = 5;
/** Slowed milliseconds that are remembered at most, so that they are forgotten within half a minute. */
const mostSlowedMs = 2 * slowShare * evidenceMs;
/** The longest rest, milliseconds: however slow the reads, the work goes on. */
const longestRestMs = 10_000;
/** Slowed milliseconds that rests make up for at most, and those that calm may save up for: a moment is no trend. */
const mostOwedMs = slowShare * 2 * longestRestMs;
const mostSavedMs = slowShare * 4_000;

/** State of the controller of the pace. Plain data: it can be stored and restored. */
export interface PaceState {
  /** Documents of the next batch. */
  readonly batchSize: number;
  readonly weightedDocuments: number;
  readonly weightedSeconds: number;
  /** Time-outs since the last batch that was done. */
  readonly failures: number;
  /** By how much the next batch may grow. */
  readonly growth: number;
  /** Part of the time that it works, 0 to 1. */
  readonly share: number;
  /** Milliseconds that it worked, and those for which reads were slowed, of the last seconds. */
  readonly workedMs: number;
  readonly slowedMs: number;
  /** Milliseconds that reads were slowed down for beyond what is allowed, which rests make up for; negative: saved up. */
  readonly owedMs: number;
}

/** The state before the first batch: gentle, where reads are regarded. */
export function startPace(limits: PaceLimits): PaceState {
  const gentle = regardsReads(limits);
  return {
    batchSize: Math.min(gentle ? firstBatch : 5 * firstBatch, largestBatch(limits)),
    weightedDocuments: 0,
    weightedSeconds: 0,
    failures: 0,
    growth: firstGrowth,
    share: Math.min(gentle ? firstShare : 1, limits.maxShare),
    workedMs: (firstShare * assumedSlowMs) / slowShare,
    slowedMs: 0,
    owedMs: 0,
  };
}

/** A batch that was done, with what was seen of reads since the one before. */
export interface DoneBatch {
  readonly documents: number;
  /** Milliseconds that it took. */
  readonly elapsedMs: number;
  /** Milliseconds that reads were watched for, in the rest before it and beside it; 0 where they are not regarded. */
  readonly watchedMs: number;
  /** Milliseconds for which reads were slow beyond the share that is slow while idle; negative if fewer were. */
  readonly slowedMs: number;
  /** The longest of these reads, milliseconds. */
  readonly longestMs: number;
  /** Part of the watched time in which reads may be slowed down, above 0 to {@link slowShare}. */
  readonly allowedShare: number;
}

/**
 * After a batch: the size of the next one and how long to rest before it.
 *
 * The size is what takes half a second at the rate of the last batches: a batch has a cost of its own, so few large ones
 * slow fewer reads down than many small ones. It is halved when a read waits too long for it, or when no rest could make
 * up for it. The part of the time that is worked is what reads bear by the evidence of the last ten seconds: the allowed
 * part of slowed time, over the part of the worked time for which reads were slowed. One slow read more than was seen is
 * assumed, so it begins at a twentieth, and grows no faster than calm work shows that it may. Beside that it owes a rest
 * for every slowed millisecond, so that in the long run no more reads are slowed down than allowed, wherever that leaves
 * the part of the time. Pure.
 */
export function afterBatch(
  state: PaceState,
  batch: DoneBatch,
  limits: PaceLimits,
): { readonly state: PaceState; readonly restMs: number } {
  const weightedDocuments = memory * state.weightedDocuments + batch.documents;
  const weightedSeconds = memory * state.weightedSeconds + Math.max(batch.elapsedMs, 1) / 1_000;
  const { allowedShare } = batch;
  const allowedMs = allowedShare * batch.watchedMs;
  const owedMs = clamp(state.owedMs + batch.slowedMs - allowedMs, -mostSavedMs, mostOwedMs);
  const kept = Math.exp(-batch.watchedMs / evidenceMs);
  const slowedMs = clamp(kept * state.slowedMs + batch.slowedMs, 0, mostSlowedMs);
  // No more than all of the time asks for, or long calm would outweigh what is seen now.
  const enoughMs = (slowedMs + assumedSlowMs) / allowedShare;
  const workedMs = Math.min(kept * state.workedMs + batch.elapsedMs, enoughMs);
  const share = shareAfter({ workedMs, slowedMs, allowedShare }, limits);
  const forReadsMs = Math.max(batch.elapsedMs * (1 / share - 1), owedMs / allowedShare);
  const isTooLarge = batch.longestMs > longestWaitMs || forReadsMs > longestRestMs;
  const next = {
    batchSize: sizeAfter(
      state,
      isTooLarge,
      (weightedDocuments / weightedSeconds) * (targetMs / 1_000),
      limits,
    ),
    weightedDocuments,
    weightedSeconds,
    failures: 0,
    growth: state.growth,
    share,
    workedMs,
    slowedMs,
    owedMs,
  };
  const restMs = Math.max(Math.min(forReadsMs, longestRestMs), restForLimits(batch, limits));
  return { state: next, restMs: Math.round(restMs) };
}

function sizeAfter(
  { batchSize, growth }: PaceState,
  isTooLarge: boolean,
  wanted: number,
  limits: PaceLimits,
): number {
  const maxBatch = largestBatch(limits);
  const least = Math.min(smallestBatch, maxBatch);
  if (isTooLarge) return clamp(Math.floor(batchSize / 2), Math.min(least, batchSize), maxBatch);
  const allowed = Math.max(Math.floor(batchSize * growth), batchSize + 1);
  return clamp(Math.floor(Math.min(wanted, allowed)), Math.min(least, allowed), maxBatch);
}

/** At a limited rate documents come in batches of half a second, not in a flood every minute. */
function largestBatch({ maxBatch, maxRate }: PaceLimits): number {
  return Math.max(Math.min(maxBatch, Math.floor((maxRate * targetMs) / 1_000)), 1);
}

function shareAfter(
  {
    workedMs,
    slowedMs,
    allowedShare,
  }: Pick<PaceState, "workedMs" | "slowedMs"> & { readonly allowedShare: number },
  limits: PaceLimits,
): number {
  if (!regardsReads(limits)) return limits.maxShare;
  const borne = (allowedShare * workedMs) / (slowedMs + assumedSlowMs);
  return Math.min(Math.max(borne, leastShare), limits.maxShare);
}

function restForLimits({ documents, elapsedMs }: DoneBatch, { maxShare, maxRate }: PaceLimits): number {
  return Math.max(elapsedMs * (1 / maxShare - 1), (documents / maxRate) * 1_000 - elapsedMs);
}

/**
 * After a batch that timed out: half of it, down to the least; from the third time in a row on half of it down to a
 * single document. Pure.
 */
export function afterTimeout(state: PaceState): PaceState {
  const failures = state.failures + 1;
  const half = Math.max(Math.floor(state.batchSize / 2), 1);
  const least = failures < splitFrom ? Math.min(smallestBatch, state.batchSize) : 1;
  return { ...state, failures, growth: growthAfterTimeout, batchSize: Math.max(half, least) };
}

/** Whether there is nothing smaller left to try: a single document has timed out as often as a batch may. Pure. */
export function isExhausted({ batchSize, failures }: PaceState): boolean {
  return batchSize === 1 && failures >= splitFrom * splitFrom;
}

/** After a pause for the sake of the server: half a batch and half the part of the time. Pure. */
export function afterPause(state: PaceState): PaceState {
  const least = Math.min(smallestBatch, state.batchSize);
  return {
    ...state,
    batchSize: Math.max(Math.floor(state.batchSize / 2), least),
    share: Math.min(state.share, Math.max(state.share / 2, leastShare)),
    workedMs: state.workedMs / 2,
  };
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
