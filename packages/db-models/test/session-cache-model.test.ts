import { faultLoop } from "@org/dev-kit/faults";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { TrustedCache } from "../src/session-cache/cache.js";
import { Entries } from "../src/session-cache/entries.js";
import { Heartbeats } from "../src/session-cache/heartbeats.js";
import { Invalidations } from "../src/session-cache/invalidations.js";
import { Trust, type TrustProof } from "../src/session-cache/trust.js";
import { boundMs, type Step, World } from "./session-cache-world.js";

const { seed, planned } = faultLoop({ seed: 20_961_129, all: 10_000, sample: 300 });

/** Clocks go wrong in one way at a time: a machine that sleeps and is set back by as much fools both. */
type Clocks = "honest" | "suspend" | "jump";

const session = fc.nat({ max: 1 });
const which = fc.nat({ max: 5 });
const seen = fc.double({ min: 0, max: 1, noNaN: true });

/** @param pulses - weight of heartbeats that come back at once, beside those that a slow stream brings. */
function stepsWith(clocks: Clocks, pulses: number): fc.Arbitrary<Step[]> {
  const wrong: Record<Clocks, { arbitrary: fc.Arbitrary<Step>; weight: number }[]> = {
    honest: [],
    suspend: [
      { arbitrary: fc.record({ kind: fc.constant("suspend"), ms: fc.nat({ max: 3 * boundMs }) }), weight: 2 },
    ],
    jump: [
      {
        arbitrary: fc.record({
          kind: fc.constant("jump"),
          ms: fc.integer({ min: -3 * boundMs, max: 3 * boundMs }),
        }),
        weight: 2,
      },
    ],
  };
  const step = fc.oneof<{ arbitrary: fc.Arbitrary<Step>; weight: number }[]>(
    { arbitrary: fc.record({ kind: fc.constant("pass"), ms: fc.nat({ max: boundMs / 2 }) }), weight: 8 },
    { arbitrary: fc.record({ kind: fc.constant("check"), session }), weight: 24 },
    { arbitrary: fc.record({ kind: fc.constant("change"), session }), weight: 6 },
    { arbitrary: fc.record({ kind: fc.constant("ownChange"), session }), weight: 4 },
    { arbitrary: fc.record({ kind: fc.constantFrom("commitOwn", "settleOwn"), which, seen }), weight: 8 },
    { arbitrary: fc.record({ kind: fc.constant("fill"), session }), weight: 8 },
    { arbitrary: fc.record({ kind: fc.constant("lookUp"), session, seen }), weight: 12 },
    { arbitrary: fc.record({ kind: fc.constant("land"), which, seen }), weight: 8 },
    { arbitrary: fc.record({ kind: fc.constantFrom("beat", "commitBeat") }), weight: 8 },
    { arbitrary: fc.record({ kind: fc.constant("pulse") }), weight: pulses },
    { arbitrary: fc.record({ kind: fc.constant("deliver"), events: fc.nat({ max: 6 }) }), weight: 6 },
    { arbitrary: fc.record({ kind: fc.constant("gap") }), weight: 1 },
    ...wrong[clocks],
  );
  return fc.array(step, { minLength: 40, maxLength: 160, size: "max" });
}

interface Setting {
  readonly proof: TrustProof;
  readonly clocks: Clocks;
  readonly dropsWhenSettled?: boolean;
}

/** The first violation in so many random interleavings, and the checks that memory answered in them. */
async function explore({ proof, clocks, dropsWhenSettled = true }: Setting, numRuns: number) {
  let hits = 0;
  const runs = fc.oneof(stepsWith(clocks, 12), stepsWith(clocks, 1));
  const property = fc.asyncProperty(runs, async (steps) => {
    const world = new World(proof, { dropsWhenSettled });
    for (const step of steps) await world.take(step);
    hits += world.hits;
    expect(world.violation).toBeUndefined();
  });
  const { failed, counterexample } = await fc.check(property, { numRuns, seed, endOnFailure: true });
  return { failed, hits, counterexample };
}

const settings: Setting[] = (["read", "echo"] as const).flatMap((proof) =>
  (["honest", "suspend", "jump"] as const).map((clocks) => ({ proof, clocks })),
);

describe(`${planned} interleavings: memory never answers with what changed a bound ago, or by this process (seed ${seed})`, () => {
  it.each(settings)("proof $proof, clocks $clocks", async (setting) => {
    const { failed, hits, counterexample } = await explore(setting, planned);
    expect(failed, JSON.stringify(counterexample)).toBe(false);
    // Or it would prove nothing.
    expect(hits).toBeGreaterThan(3 * planned);
  });
});

/** Each guard, taken away. */
const without: Record<string, { knock(): void; setting: Setting }> = {
  "the age of the proof": {
    knock: () => vi.spyOn(Trust.prototype, "covers").mockReturnValue(true),
    setting: { proof: "read", clocks: "honest" },
  },
  "the wall clock": {
    knock: () =>
      vi.spyOn(Trust.prototype, "covers").mockImplementation(function (this: Trust, since, now) {
        return this.isWithin(now.monotonic - since.monotonic);
      }),
    setting: { proof: "read", clocks: "suspend" },
  },
  "the monotonic clock": {
    knock: () =>
      vi.spyOn(Trust.prototype, "covers").mockImplementation(function (this: Trust, since, now) {
        return this.isWithin(now.wall - since.wall);
      }),
    setting: { proof: "read", clocks: "jump" },
  },
  "the moment before a heartbeat is sent": {
    knock: () => {
      const returned = Heartbeats.prototype.returned;
      vi.spyOn(Heartbeats.prototype, "returned").mockImplementation(function (this: Heartbeats, number) {
        return returned.call(this, number) && now();
      });
      let now = () => ({ monotonic: 0, wall: 0 });
      const echoed = TrustedCache.prototype.echoed;
      vi.spyOn(TrustedCache.prototype, "echoed").mockImplementation(function (this: TrustedCache) {
        now = () => this.clocks.now();
        echoed.call(this, now());
      });
    },
    setting: { proof: "echo", clocks: "honest" },
  },
  "the ticket": {
    knock: () => vi.spyOn(Invalidations.prototype, "isDirty").mockReturnValue(false),
    setting: { proof: "echo", clocks: "honest" },
  },
  "the place in the log that a read has to have seen": {
    knock: () => vi.spyOn(TrustedCache.prototype, "position", "get").mockReturnValue(undefined),
    setting: { proof: "echo", clocks: "honest" },
  },
  "the first echo of an epoch": {
    knock: () => vi.spyOn(TrustedCache.prototype, "followsEcho").mockReturnValue(true),
    setting: { proof: "echo", clocks: "honest" },
  },
  "forgetting the echo of the epoch before": {
    knock: () => vi.spyOn(Trust.prototype, "reset").mockReturnValue(undefined),
    setting: { proof: "echo", clocks: "honest" },
  },
  "emptying memory after a gap": {
    knock: () => vi.spyOn(Entries.prototype, "clear").mockReturnValue(undefined),
    setting: { proof: "echo", clocks: "honest" },
  },
  "dropping what the stream says": {
    knock: () => vi.spyOn(Entries.prototype, "drop").mockReturnValue(undefined),
    setting: { proof: "echo", clocks: "honest" },
  },
  "the second drop of an own write": {
    knock: () => undefined,
    setting: { proof: "read", clocks: "honest", dropsWhenSettled: false },
  },
};

describe(`each guard is needed (seed ${seed})`, () => {
  afterEach(() => vi.restoreAllMocks());

  it.each(Object.keys(without))("%s", async (guard) => {
    const { knock, setting } = without[guard]!;
    knock();
    const { failed } = await explore(setting, 20_000);
    expect(failed).toBe(true);
  });
});
