/**
 * One moment on two clocks, in milliseconds. Linux stops the monotonic clock while it is suspended, and anybody may set the
 * wall clock: what must not outlast a bound is measured on both.
 */
export interface Moment {
  readonly monotonic: number;
  readonly wall: number;
}

/** Where moments come from. */
export interface TrustClocks {
  now(): Moment;
}

export const systemClocks: TrustClocks = {
  now: () => ({ monotonic: performance.now(), wall: Date.now() }),
};
