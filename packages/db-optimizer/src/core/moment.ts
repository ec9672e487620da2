/** A moment by the clock that only runs, and by that on the wall, which goes on while a machine sleeps. */
export interface Moment {
  readonly steady: number;
  readonly wall: number;
}

/** Now. */
export function thisMoment(): Moment {
  return { steady: performance.now(), wall: Date.now() };
}

/** Milliseconds since a moment, by the clock that says more. */
export function msSince({ steady, wall }: Moment): number {
  return Math.max(performance.now() - steady, Math.abs(Date.now() - wall));
}
