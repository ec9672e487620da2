import { dayMs } from "./circular.js";
import type { Profile } from "./profile.js";

/** A sign-in so far from the newest is believed when the next one is near it: until then a clock may have been wrong. */
const doubtfulAfterMs = 180 * dayMs;

/** A profile's time features at the time of a sign-in. */
export interface SignInTime {
  /** The time of the profile after this sign-in. */
  readonly at: number;
  readonly believed: boolean;
}

/**
 * The time of the profile after a sign-in. One wrong reading moves nothing, or everything learnt would fade at once and
 * count for nothing until that time has come; two in a row, in their order, do.
 */
export function timeOf(profile: Profile, at: number): SignInTime {
  if (profile.learned === 0) return { at, believed: true };
  if (Math.abs(at - profile.at) <= doubtfulAfterMs) return { at: Math.max(profile.at, at), believed: true };
  return followsDoubtful(profile, at) ? { at, believed: true } : { at: profile.at, believed: false };
}

/** Milliseconds since the newest learnt sign-in; since the doubtful one where this one bears it out. */
export function idleFor(profile: Profile, at: number): number {
  const newest = followsDoubtful(profile, at) ? Math.max(profile.at, profile.doubtful ?? 0) : profile.at;
  return Math.max(0, at - newest);
}

function followsDoubtful({ doubtful }: Profile, at: number): boolean {
  if (doubtful === null) return false;
  const since = at - doubtful;
  return since > 0 && since <= doubtfulAfterMs;
}
