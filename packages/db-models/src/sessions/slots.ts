import type { LimitPolicy } from "../schemas/user.js";

/** A session that holds a slot, as far as the cap is concerned. */
export interface SlotHolder<Id> {
  _id: Id;
  slot: number;
  createdAt: Date;
  idleExpiresAt: Date;
  /** Absent for 0. */
  userGeneration?: number;
}

/** Changes that free `slot` for a session; `denied` if the policy forbids them. */
export type SlotDecision<Id> = SlotGrant<Id> | { denied: true; live: number };

export interface SlotGrant<Id> {
  denied: false;
  slot: number;
  expired: Id[];
  evicted: Id[];
  moved: Array<{ _id: Id; from: number; to: number }>;
}

export interface SlotRequest {
  cap: number;
  policy: LimitPolicy;
  now: Date;
  userGeneration: number;
  /** 0 up to 1: which of the free slots to try, so that parallel logins do not all try the same one. */
  choice: number;
}

/**
 * Decides which slot a new session takes. Pure: the unique index on (user, slot) makes the decision safe, since of
 * two logins that decide for the same slot only one can insert.
 */
export function decideSlot<Id>(holders: readonly SlotHolder<Id>[], request: SlotRequest): SlotDecision<Id> {
  const isLive = (holder: SlotHolder<Id>) =>
    holder.idleExpiresAt > request.now && (holder.userGeneration ?? 0) >= request.userGeneration;
  const live = holders.filter(isLive).sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime());
  const excess = live.length - request.cap + 1;
  if (excess > 0 && request.policy === "deny") return { denied: true, live: live.length };
  const evicted = live.slice(0, Math.max(excess, 0));
  const staying = live.slice(evicted.length);
  const free = freeSlots(staying, request.cap);
  const moved = moveBelowCap(staying, free, request.cap);
  return {
    denied: false,
    slot: free[Math.floor(request.choice * free.length)] ?? 0,
    expired: holders.filter((holder) => !isLive(holder)).map((holder) => holder._id),
    evicted: evicted.map((holder) => holder._id),
    moved,
  };
}

function freeSlots<Id>(staying: readonly SlotHolder<Id>[], cap: number): number[] {
  const taken = new Set(staying.map((holder) => holder.slot));
  return Array.from({ length: cap }, (_, slot) => slot).filter((slot) => !taken.has(slot));
}

// After a cap was lowered, sessions may sit on slots above it. They move below, or they would not be counted.
function moveBelowCap<Id>(staying: readonly SlotHolder<Id>[], free: number[], cap: number) {
  return staying
    .filter((holder) => holder.slot >= cap)
    .map((holder) => ({ _id: holder._id, from: holder.slot, to: free.pop() as number }));
}
