// The states of a run, as a model of processes that hold it, die, sleep and are replaced, with people who command it.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  heldStates,
  type JobState,
  nextStatus,
  type RunEvent,
  type RunStatus,
} from "../../src/jobs/run-state.js";

const seed = Number(process.env.TEST_SEED ?? 20_961_124);
const error = { code: "DISK_FULL", message: "no space" };
const fresh: RunStatus = { state: "queued", instance: "ada", fencing: 0, before: [] };
const at = (state: JobState, more: Partial<RunStatus> = {}): RunStatus => ({
  ...fresh,
  state,
  instance: "a",
  fencing: 3,
  ...more,
});

describe("a transition", () => {
  const command = (on: "pause" | "resume" | "cancel", below = 3): RunEvent => ({ on, by: "ada", below });
  const end = (state: "succeeded" | "stopped" | "failed"): RunEvent => ({
    on: "end",
    fencing: 3,
    with: state === "failed" ? { state, error } : { state },
  });
  const wait: RunEvent = {
    on: "wait",
    fencing: 3,
    for: { reason: "lag", detail: "5 s behind", remedy: "wait" },
  };

  test.each<[JobState, RunEvent, Partial<RunStatus>]>([
    ["queued", { on: "take", instance: "b", fencing: 4 }, { state: "running", instance: "b", fencing: 4 }],
    ["interrupted", { on: "take", instance: "b", fencing: 4 }, { state: "running", fencing: 4 }],
    ["failed", { on: "take", instance: "b", fencing: 4 }, { state: "running", error: undefined }],
    ["running", wait, { state: "paused", reason: "lag", detail: "5 s behind", remedy: "wait" }],
    ["paused", { on: "work", fencing: 3 }, { state: "running", reason: undefined, remedy: undefined }],
    ["cancelling", { on: "work", fencing: 3 }, { state: "cancelling" }],
    ["cancelling", wait, { state: "cancelling" }],
    ["running", command("pause"), { state: "running", wanted: "pause", wantedBy: "ada" }],
    ["interrupted", command("pause"), { state: "interrupted", wanted: "pause" }],
    ["paused", command("resume"), { state: "paused", wanted: undefined }],
    ["interrupted", command("resume"), { state: "queued", wanted: undefined }],
    ["failed", command("resume"), { state: "queued" }],
    ["running", command("cancel"), { state: "cancelling", wantedBy: "ada" }],
    ["running", command("cancel", 4), { state: "cancelled" }],
    ["cancelling", command("cancel", 4), { state: "cancelled" }],
    ["queued", command("cancel"), { state: "cancelled" }],
    ["interrupted", command("cancel"), { state: "cancelled" }],
    ["running", { on: "lose", below: 4 }, { state: "interrupted", reason: "process_lost" }],
    ["running", { on: "lose", below: 3 }, { state: "running" }],
    ["cancelling", { on: "lose", below: 4 }, { state: "cancelled" }],
    ["succeeded", { on: "lose", below: 4 }, { state: "succeeded" }],
    ["running", end("succeeded"), { state: "succeeded" }],
    ["running", end("stopped"), { state: "interrupted", reason: "stopped" }],
    ["running", end("failed"), { state: "failed", error }],
    // A run that finished before it saw the cancellation has succeeded; all others are cancelled.
    ["cancelling", end("succeeded"), { state: "succeeded" }],
    ["cancelling", end("stopped"), { state: "cancelled" }],
    ["cancelling", end("failed"), { state: "cancelled", error }],
    // Written down already, and the answer was lost.
    ["succeeded", end("succeeded"), { state: "succeeded" }],
    ["interrupted", end("stopped"), { state: "interrupted" }],
  ])("from %s by %j", (state, event, expected) => {
    expect(nextStatus(at(state), event)).toMatchObject(expected);
  });

  test.each<[JobState, RunEvent, string]>([
    ["succeeded", command("pause"), "RUN_ENDED"],
    ["cancelled", command("resume"), "RUN_ENDED"],
    ["succeeded", command("cancel"), "RUN_ENDED"],
    ["cancelling", command("pause"), "RUN_CANCELLING"],
    ["cancelling", command("resume"), "RUN_CANCELLING"],
    ["running", { on: "work", fencing: 2 }, "LEASE_LOST"],
    ["interrupted", { on: "work", fencing: 3 }, "LEASE_LOST"],
    ["running", { on: "take", instance: "b", fencing: 4 }, "LEASE_LOST"],
    ["interrupted", { on: "take", instance: "b", fencing: 3 }, "LEASE_LOST"],
    ["running", { on: "end", fencing: 2, with: { state: "succeeded" } }, "LEASE_LOST"],
  ])("from %s by %j is refused", (state, event, code) => {
    expect(() => nextStatus(at(state), event)).toThrow(expect.objectContaining({ code }));
  });
});

/** Events of a job: processes take its lease, work, wait, sleep, die and end; people command. */
type Happening =
  | {
      readonly what: "start" | "work" | "wait" | "succeed" | "stop" | "fail" | "die" | "expire";
      readonly process: number;
    }
  | { readonly what: "pause" | "resume" | "cancel" };

const happening: fc.Arbitrary<Happening> = fc.oneof(
  fc.record({
    what: fc.constantFrom("start", "start", "work", "wait", "succeed", "stop", "fail", "die", "expire"),
    process: fc.integer({ min: 0, max: 2 }),
  }),
  fc.record({ what: fc.constantFrom("pause", "resume", "resume", "cancel") }),
) as fc.Arbitrary<Happening>;

/** The lease of a job and its one run, as the server has them. */
class World {
  run: RunStatus = fresh;
  lease = { owner: -1, fencing: 0, live: false };
  /** The number under which each process believes that it holds the run. */
  readonly beliefs = new Map<number, number>();
  isCancelAccepted = false;

  get below(): number {
    return this.lease.live ? this.lease.fencing : this.lease.fencing + 1;
  }

  /** Whether it was done; a refusal leaves everything as it was. */
  apply(event: RunEvent): boolean {
    try {
      this.run = nextStatus(this.run, event);
      return true;
    } catch {
      return false;
    }
  }

  happen(one: Happening): void {
    if (!("process" in one)) {
      const accepted = this.apply({ on: one.what, by: "ada", below: this.below });
      this.isCancelAccepted ||= accepted && one.what === "cancel";
      return;
    }
    const { process } = one;
    if (one.what === "start") {
      this.#start(process);
      return;
    }
    if (one.what === "die") this.beliefs.delete(process);
    // The holder sleeps, or is dead: its lease runs out, and it may not know.
    if (one.what === "expire" || one.what === "die") {
      if (this.lease.owner === process) this.lease.live = false;
      return;
    }
    this.#write(process, one.what);
  }

  #start(process: number): void {
    if (this.lease.live) return;
    this.lease = { owner: process, fencing: this.lease.fencing + 1, live: true };
    const { fencing } = this.lease;
    this.apply({ on: "lose", below: fencing });
    if (this.apply({ on: "take", instance: String(process), fencing })) this.beliefs.set(process, fencing);
  }

  #write(process: number, what: "work" | "wait" | "succeed" | "stop" | "fail"): void {
    const fencing = this.beliefs.get(process);
    if (fencing === undefined) return;
    const endings = {
      succeed: { state: "succeeded" },
      stop: { state: "stopped" },
      fail: { state: "failed", error },
    } as const;
    const event: RunEvent =
      what === "work"
        ? { on: "work", fencing }
        : what === "wait"
          ? { on: "wait", fencing, for: { reason: "lag", detail: "" } }
          : { on: "end", fencing, with: endings[what] };
    this.apply(event);
    if (event.on !== "end") return;
    this.beliefs.delete(process);
    if (this.lease.owner === process) this.lease.live = false;
  }
}

describe(`in any sequence of commands and crashes (seed ${seed})`, () => {
  const histories = fc.array(happening, { maxLength: 60 });
  const always = (holds: (before: RunStatus, world: World, one: Happening) => void) =>
    fc.assert(
      fc.property(histories, (history) => {
        const world = new World();
        for (const one of history) {
          const before = world.run;
          world.happen(one);
          holds(before, world, one);
        }
      }),
      { numRuns: 2_000, seed },
    );

  test("a run that succeeded or was cancelled stays so", () => {
    always((before, { run }) => {
      if (before.state === "succeeded" || before.state === "cancelled") expect(run.state).toBe(before.state);
    });
  });

  test("no cancellation is lost: nobody takes the run up again, and it does not go on", () => {
    always((before, { run, isCancelAccepted }) => {
      if (!isCancelAccepted) return;
      expect(["cancelling", "cancelled", "succeeded"]).toContain(run.state);
      if (before.state === "cancelling") expect(run.fencing).toBe(before.fencing);
    });
  });

  test("a write of a holder that was replaced changes nothing, and the numbers only grow", () => {
    always((before, { run, beliefs }, one) => {
      expect(run.fencing).toBeGreaterThanOrEqual(before.fencing);
      if (
        "process" in one &&
        one.what !== "start" &&
        (beliefs.get(one.process) ?? before.fencing) < before.fencing
      )
        expect(run).toEqual(before);
    });
  });

  test("at most one process can write to the run", () => {
    always((_before, { run, beliefs }) => {
      const writers = [...beliefs.values()].filter((fencing) => fencing === run.fencing);
      expect(heldStates.includes(run.state) ? writers.length : 0).toBeLessThanOrEqual(1);
    });
  });

  test("a pause that was asked for holds over every process until it is resumed, cancelled or through", () => {
    always((before, { run }, one) => {
      if (before.wanted === "pause" && run.wanted !== "pause")
        expect(one.what === "resume" || one.what === "cancel" || run.state === "succeeded").toBe(true);
    });
  });

  test("a cancellation ends: whatever becomes of the holder, the next to look finds it over", () => {
    fc.assert(
      fc.property(histories, (history) => {
        const world = new World();
        for (const one of history) world.happen(one);
        if (world.run.state !== "cancelling") return;
        world.lease.live = false;
        world.apply({ on: "lose", below: world.below });
        expect(world.run.state).toBe("cancelled");
      }),
      { numRuns: 2_000, seed },
    );
  });
});
