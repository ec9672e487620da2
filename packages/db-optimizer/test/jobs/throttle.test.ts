import fc from "fast-check";
import { mongo } from "mongoose";
import { describe, expect, it, test } from "vitest";
import type { Reading } from "../../src/core/server/figure.js";
import { diskFreeOf, lagOf, oplogHoursOf, queueOf } from "../../src/jobs/pacing/load.js";
import {
  defaultThrottle,
  idleThrottle,
  judgeLoad,
  type LoadSignals,
} from "../../src/jobs/pacing/throttle.js";

const known = <T>(value: T): Reading<T> => ({ state: "known", value });
const absent = { state: "absent" } as const;
const forbidden = { state: "forbidden", reason: "not authorized" } as const;
const unreadable = { state: "unreadable", reason: "not authorized" } as const;
const calm: LoadSignals = {
  lag: known(0),
  flowControl: known(false),
  queue: known(0),
  indexBuild: known(false),
  oplog: known(48),
  disk: known(0.5),
};

/** Decisions for a sequence of checks. */
function verdicts(looks: readonly Partial<LoadSignals>[]) {
  let state = idleThrottle;
  return looks.map((look) => {
    const step = judgeLoad(state, { ...calm, ...look }, defaultThrottle);
    state = step.state;
    return step.verdict.do === "go" ? "go" : `${step.verdict.do} ${step.verdict.reason}`;
  });
}

/** The state after a calm look at so long a queue. */
const idleThrottleAfter = (baseline: number) => ({ baseline, waiting: null, calm: 0, longQueues: 0 });

describe("judgeLoad", () => {
  it.each<[string, Partial<LoadSignals>[], string[]]>([
    ["lets a calm server be worked on", [{}, {}], ["go", "go"]],
    ["bears a lag up to the limit", [{ lag: known(1_500) }], ["go"]],
    ["pauses beyond it", [{ lag: known(1_501) }], ["pause lag"]],
    ["pauses while flow control holds writes back", [{ flowControl: known(true) }], ["pause flow_control"]],
    ["pauses for an index build on the collection", [{ indexBuild: known(true) }], ["pause index_build"]],
    ["bears twenty waiting operations", [{}, { queue: known(20) }], ["go", "go"]],
    ["pauses for more", [{}, { queue: known(21) }], ["go", "pause queue"]],
    [
      "measures a busy server by what it was at the start",
      [{ queue: known(100) }, { queue: known(120) }, { queue: known(121) }],
      ["go", "go", "pause queue"],
    ],
    ["pauses when a signal cannot be read", [{ queue: unreadable }], ["pause unreadable"]],
    ["pauses when a signal may not be read", [{ lag: forbidden }], ["pause unreadable"]],
    [
      "goes on without a signal that the server does not have",
      [{ lag: absent, flowControl: absent }],
      ["go"],
    ],
    ["shows the first of several reasons", [{ flowControl: known(true), lag: known(9e3) }], ["hold lag"]],
    ["holds at five seconds of lag", [{ lag: known(5_001) }], ["hold lag"]],
    ["bears an oplog and a disk at their bounds", [{ oplog: known(1), disk: known(0.05) }], ["go"]],
    ["holds for a shorter oplog", [{ oplog: known(0.9) }], ["hold oplog_short"]],
    ["holds for a fuller disk", [{ disk: known(0.049) }], ["hold disk_low"]],
    ["shows load before what is left", [{ disk: known(0.01), lag: known(2_000) }], ["pause lag"]],
    [
      "goes on where the oplog and the disk are unknown",
      [
        { oplog: absent, disk: absent },
        { oplog: unreadable, disk: unreadable },
      ],
      ["go", "go"],
    ],
    [
      "goes on after three looks at a disk that is free again",
      [{ disk: known(0.01) }, {}, {}, {}],
      ["hold disk_low", "pause disk_low", "pause disk_low", "go"],
    ],
    [
      "holds at a queue twice as long as usual, seen twice",
      [{ queue: known(50) }, { queue: known(101) }, { queue: known(101) }],
      ["go", "pause queue", "hold queue"],
    ],
    [
      "does not hold for two such looks that are not in a row",
      [{ queue: known(50) }, { queue: known(101) }, { queue: known(61) }, { queue: known(101) }],
      ["go", "pause queue", "pause queue", "pause queue"],
    ],
    [
      "continues after three checks below the lower limit in a row",
      [1_600, 700, 800, 700, 700, 700].map((lag) => ({ lag: known(lag) })),
      ["pause lag", "pause lag", "pause lag", "pause lag", "pause lag", "go"],
    ],
  ])("%s", (_name, looks, expected) => {
    expect(verdicts(looks)).toEqual(expected);
  });

  // The text for a user who asks why nothing happens.
  it.each<[Partial<LoadSignals>, string]>([
    [{ queue: unreadable }, "queue cannot be read: not authorized"],
    [
      { lag: forbidden },
      "lag may not be read: not authorized; grant clusterMonitor, or exclude it: --unwatched lag",
    ],
    [{ lag: known(1_999.6) }, "replication is 2000 ms behind"],
    [{ flowControl: known(true) }, "flow control holds writes back"],
    [{ queue: known(99) }, "99 operations wait on the server"],
    [{ indexBuild: known(true) }, "an index of it is being built"],
    [{ oplog: known(0.52) }, "the oplog reaches back 0.5 h only"],
    [{ disk: known(0.0123) }, "1.2 % of the disk are free"],
  ])("of %j says why", (signals, detail) => {
    const before = { ...idleThrottle, baseline: 0 };
    expect(judgeLoad(before, { ...calm, ...signals }, defaultThrottle).verdict).toMatchObject({ detail });
  });

  it("tells all that may not be read at once, and what ends the wait", () => {
    const signals = { ...calm, lag: forbidden, queue: forbidden, disk: forbidden };
    expect(judgeLoad(idleThrottle, signals, defaultThrottle).verdict).toMatchObject({
      reason: "unreadable",
      detail: expect.stringMatching(/^lag, queue may not be read: .* --unwatched lag queue$/),
      forbidden: ["lag", "queue"],
      remedy: "grant the user clusterMonitor, or stop it and run it with --unwatched lag queue",
    });
  });

  // A member that is away, or a question that fails, may be answered in a moment.
  it.each<[Partial<LoadSignals>]>([[{ lag: unreadable }], [{ queue: known(99) }], [{ disk: known(0.01) }]])(
    "has no remedy for %j, which ends by itself",
    (signals) => {
      const before = { ...idleThrottle, baseline: 0 };
      const { verdict } = judgeLoad(before, { ...calm, ...signals }, defaultThrottle);
      expect(verdict).not.toHaveProperty("remedy");
    },
  );

  it("takes nothing for a value that only has one", () => {
    const odd = { state: "absent", value: 9e9 } as never;
    expect(judgeLoad(idleThrottle, { ...calm, lag: odd, queue: odd }, defaultThrottle).verdict).toEqual({
      do: "go",
    });
  });

  it("holds beyond five seconds of lag, and beyond twice the usual queue", () => {
    expect(verdicts([{ lag: known(5_000) }])).toEqual(["pause lag"]);
    const queues = [50, 100, 100, 100].map((waiting) => ({ queue: known(waiting) }));
    expect(verdicts(queues)).toEqual(["go", "pause queue", "pause queue", "pause queue"]);
  });

  it("watches every signal unless told otherwise", () => {
    expect(defaultThrottle.unwatched).toEqual([]);
    expect(judgeLoad(idleThrottle, calm, defaultThrottle).state).toEqual(idleThrottleAfter(0));
  });

  it("never works while a signal is unreadable or over its limit, whatever came before", () => {
    const reading = fc.oneof(fc.nat({ max: 8_000 }).map(known), fc.constant(absent), fc.constant(unreadable));
    const looks = fc.array(fc.record({ lag: reading }), { maxLength: 40 });
    fc.assert(
      fc.property(looks, (list) => {
        for (const [at, verdict] of verdicts(list).entries()) {
          const { lag } = list[at]!;
          const bad = lag.state === "unreadable" || (lag.state === "known" && lag.value > 1_500);
          if (bad) expect(verdict).not.toBe("go");
        }
      }),
    );
  });
});

const at = (ms: number) => new Date(1_700_000_000_000 + ms);

// https://www.mongodb.com/docs/manual/reference/command/replSetGetStatus/
test.each<[string, object, number | undefined]>([
  ["no primary", { members: [{ state: 2, optimeDate: at(0) }] }, undefined],
  ["a member alone", { members: [{ state: 1, optimeDate: at(0) }] }, 0],
  [
    "the slowest member",
    {
      members: [
        { state: 1, optimeDate: at(4_000) },
        { state: 2, optimeDate: at(1_000) },
        { state: 2, optimeDate: at(3_000) },
      ],
    },
    3_000,
  ],
  [
    "not one that is meant to be behind, nor one that holds no data or is starting",
    {
      members: [
        { state: 1, optimeDate: at(9_000) },
        { state: 2, secondaryDelaySecs: 3_600, optimeDate: at(0) },
        { state: 7 },
        { state: 5, optimeDate: at(0) },
      ],
    },
    0,
  ],
  [
    "the majority",
    {
      optimes: { lastAppliedWallTime: at(2_500), lastCommittedWallTime: at(500) },
      members: [{ state: 1, optimeDate: at(2_500) }],
    },
    2_000,
  ],
])("lag: %s", (_name, status, expected) => {
  expect(lagOf(status as never)).toBe(expected);
});

// https://www.mongodb.com/docs/manual/reference/command/serverStatus/#queues
test.each<[string, object, number | undefined]>([
  [
    "of 8.0's execution queues",
    {
      queues: {
        execution: {
          read: { normalPriority: { queueLength: 2 } },
          write: { normalPriority: { queueLength: 3 } },
        },
      },
      globalLock: { currentQueue: { total: 99 } },
    },
    5,
  ],
  ["of the global lock before", { globalLock: { currentQueue: { total: 7 } } }, 7],
  ["of a server that says neither", {}, undefined],
])("queue: %s", (_name, status, expected) => {
  expect(queueOf(status as never)).toBe(expected);
});

const since = (seconds: number) => new mongo.Timestamp({ t: 1_700_000_000 + seconds, i: 1 });

test.each<[string, object, number | undefined]>([
  ["between its edges", { oplog: { earliestOptime: since(0), latestOptime: since(5_400) } }, 1.5],
  [
    "of times with a term",
    { oplog: { earliestOptime: { ts: since(0), t: 1 }, latestOptime: { ts: since(7_200), t: 2 } } },
    2,
  ],
  ["of a server without one", {}, undefined],
  ["of one that is empty", { oplog: {} }, undefined],
])("oplog: %s", (_name, status, expected) => {
  expect(oplogHoursOf(status as never)).toBe(expected);
});

// https://www.mongodb.com/docs/manual/reference/command/dbStats/
test.each<[string, object, number | undefined]>([
  ["what is not used", { fsUsedSize: 75, fsTotalSize: 100 }, 0.25],
  ["nothing, where more is used than there is", { fsUsedSize: 101, fsTotalSize: 100 }, 0],
  ["unknown of a server that does not say", {}, undefined],
  ["unknown of a disk of no size", { fsUsedSize: 0, fsTotalSize: 0 }, undefined],
])("free disk: %s", (_name, stats, expected) => {
  expect(diskFreeOf(stats as never)).toBe(expected);
});
