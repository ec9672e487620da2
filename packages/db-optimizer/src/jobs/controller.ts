/** Bounds of the batch controller, with their defaults. */
export interface ControllerLimits {
  /** Milliseconds that a batch should take. Default 500. */
  readonly targetMs: number;
  /** Smallest batch, in documents, as long as none fails again and again. Default 100, or the largest where that is less. */
  readonly minBatch: number;
  /** Largest batch, in documents. Default 10,000. */
  readonly maxBatch: number;
  /** By how much a batch may grow over the one before. Default 1.2. */
  readonly maxGrowth: number;
  /**
   * Rest after a batch, as a multiple of the time that the batch took; longer where reads are slowed down. 0 has no
   * regard for reads either. Default 30.
   */
  readonly niceRatio: number;
  /** How many times as long as at rest the slowest of a hundred reads may take while it works. Default 1.5. */
  readonly maxSlowdown: number;
}

/**
 * The defaults: {@link ControllerLimits} says what each is. What is written in a second slows reads down, however small
 * the batches: one of a hundred is for as long as it is written for a thirtieth of the time, on a server that lets them
 * wait for its disk.
 */
export const defaultLimits: ControllerLimits = {
  targetMs: 500,
  minBatch: 100,
  maxBatch: 10_000,
  maxGrowth: 1.2,
  niceRatio: 30,
  maxSlowdown: 1.5,
};

/** All limits where some are given. Pure. */
export function limitsOf(given: Partial<ControllerLimits> = {}): ControllerLimits {
  const limits = { ...defaultLimits, ...given };
  return { ...limits, minBatch: given.minBatch ?? Math.min(limits.minBatch, limits.maxBatch) };
}

/** How much of the past the rate remembers: pt-online-schema-change's weight. */
const memory = 0.75;
const firstBatch = 1_000;
/** Batches without harm before the next step up, after one that was too much for reads. */
const patience = 32;
/** From this failure in a row on a batch is split, below the smallest size if need be. */
const splitFrom = 3;

/** What the controller knows. Plain data: it can be stored and taken up again. */
export interface ControllerState {
  readonly batchSize: number;
  readonly weightedDocuments: number;
  readonly weightedSeconds: number;
  /** Time-outs since the last batch that was done. */
  readonly failures: number;
  /** Batches until the size may grow, since one was too much for reads. */
  readonly patience: number;
}

/** What to do next. */
export interface ControllerStep {
  readonly state: ControllerState;
  /** Milliseconds to wait before the next batch. */
  readonly pauseMs: number;
}

/** The state before the first batch. */
export function startController(limits: ControllerLimits): ControllerState {
  const batchSize = clamp(firstBatch, limits);
  return { batchSize, weightedDocuments: 0, weightedSeconds: 0, failures: 0, patience: 0 };
}

/** Whether reads are watched beside the batches. */
export function isWatched({ niceRatio, maxSlowdown }: ControllerLimits): boolean {
  return niceRatio > 0 && Number.isFinite(maxSlowdown);
}

/** A batch that was done. */
export interface DoneBatch {
  readonly documents: number;
  /** Milliseconds that it took. */
  readonly elapsedMs: number;
  /** Whether it was too much at a time for the reads beside it. */
  readonly tooMuch: boolean;
}

/**
 * After a batch: the size that would take the target time at the weighted rate, within the bounds, and a pause. When
 * it was too much for reads it is half the size, and from then on it grows a step in {@link patience} batches. Pure.
 */
export function afterBatch(
  state: ControllerState,
  batch: DoneBatch,
  limits: ControllerLimits,
): ControllerStep {
  const weightedDocuments = memory * state.weightedDocuments + batch.documents;
  const weightedSeconds = memory * state.weightedSeconds + Math.max(batch.elapsedMs, 1) / 1_000;
  const wanted = Math.floor((weightedDocuments / weightedSeconds) * (limits.targetMs / 1_000));
  const growth = growthAfter(state, batch, limits);
  // What was split climbs back step by step: the documents that timed out may have neighbours like them.
  const least = Math.min(limits.minBatch, growth.allowed);
  const batchSize = Math.min(Math.max(Math.min(wanted, growth.allowed), least), limits.maxBatch);
  return {
    state: { batchSize, weightedDocuments, weightedSeconds, failures: 0, patience: growth.patience },
    pauseMs: Math.round(batch.elapsedMs * limits.niceRatio),
  };
}

/** The largest next batch, and how long it stays that. */
function growthAfter(
  { batchSize, patience: left }: ControllerState,
  { tooMuch }: DoneBatch,
  limits: ControllerLimits,
): { readonly allowed: number; readonly patience: number } {
  if (tooMuch) return { allowed: halved(batchSize, limits), patience };
  if (left > 1) return { allowed: batchSize, patience: left - 1 };
  const allowed = Math.max(Math.floor(batchSize * limits.maxGrowth), batchSize + 1);
  return { allowed, patience: left === 1 ? patience : 0 };
}

/**
 * After a batch that timed out: half of it, down to the least; from the third time in a row on half of it down to a
 * single document. Pure.
 */
export function afterTimeout(state: ControllerState, limits: ControllerLimits): ControllerState {
  const failures = state.failures + 1;
  const half = Math.max(Math.floor(state.batchSize / 2), 1);
  const least = failures < splitFrom ? Math.min(limits.minBatch, state.batchSize) : 1;
  return { ...state, failures, batchSize: Math.max(half, least) };
}

/** Whether there is nothing smaller left to try: a single document has timed out as often as a batch may. Pure. */
export function isExhausted({ batchSize, failures }: ControllerState): boolean {
  return batchSize === 1 && failures >= splitFrom * splitFrom;
}

/** After a pause for the sake of the server: half a batch, down to the least. Pure. */
export function afterThrottle(state: ControllerState, limits: ControllerLimits): ControllerState {
  return { ...state, batchSize: halved(state.batchSize, limits) };
}

function halved(batchSize: number, { minBatch }: ControllerLimits): number {
  return Math.max(Math.floor(batchSize / 2), Math.min(minBatch, batchSize));
}

function clamp(size: number, { minBatch, maxBatch }: ControllerLimits): number {
  return Math.min(Math.max(size, minBatch), maxBatch);
}
