import { describe, expect, test } from "vitest";
import type { Document } from "../../src/core/model.js";
import { membersOf } from "../../src/health/facts/replication.js";
import { transportOf } from "../../src/health/facts/security.js";
import { serverFactsOf } from "../../src/health/facts/server.js";

const at = (seconds: number) => new Date(1_800_000_000_000 + seconds * 1_000);

describe("members as replSetGetStatus tells of them", () => {
  const primary = { name: "a", stateStr: "PRIMARY", health: 1, optimeDate: at(100) };
  test.each<[what: string, member: Document, expected: object]>([
    ["in step", { stateStr: "SECONDARY", health: 1, optimeDate: at(100) }, { state: "SECONDARY", lagMs: 0 }],
    [
      "behind",
      { stateStr: "SECONDARY", health: 1, optimeDate: at(93) },
      { state: "SECONDARY", lagMs: 7_000 },
    ],
    [
      "ahead for a moment",
      { stateStr: "SECONDARY", health: 1, optimeDate: at(101) },
      { lagMs: 0, state: "SECONDARY" },
    ],
    [
      "recovering and behind",
      { stateStr: "RECOVERING", health: 1, optimeDate: at(40) },
      { state: "RECOVERING", lagMs: 60_000 },
    ],
    ["an arbiter", { stateStr: "ARBITER", health: 1 }, { state: "ARBITER" }],
    [
      "silent",
      { stateStr: "(not reachable/healthy)", health: 0, optimeDate: new Date(0), lastHeartbeatRecv: at(-20) },
      { state: "(not reachable/healthy)", silentMs: 120_000 },
    ],
    [
      "never heard of",
      { stateStr: "UNKNOWN", health: 0, lastHeartbeatRecv: new Date(0) },
      { state: "UNKNOWN" },
    ],
  ])("one that is %s", (_what, member, expected) => {
    const members = membersOf({ date: at(100), members: [primary, { name: "b", ...member }] }, new Map());
    expect(members[1]).toEqual({ name: "b", ...expected });
  });

  test("a delay that was asked for is no lag", () => {
    const delayed = { name: "b", stateStr: "SECONDARY", health: 1, optimeDate: at(100 - 3_601) };
    const members = membersOf({ members: [primary, delayed] }, new Map([["b", 3_600_000]]));
    expect(members[1]?.lagMs).toBe(1_000);
  });

  test("without a primary nobody knows who is behind", () => {
    const members = membersOf(
      { members: [{ name: "b", stateStr: "SECONDARY", optimeDate: at(1) }] },
      new Map(),
    );
    expect(members[0]).toEqual({ name: "b", state: "SECONDARY" });
  });
});

describe("serverStatus", () => {
  test.each<[what: string, status: Document, expected: object]>([
    ["nothing", {}, { connections: 0, uptimeSeconds: 0 }],
    [
      "queues of 8.0",
      {
        queues: {
          execution: {
            read: { normalPriority: { queueLength: 3 } },
            write: { normalPriority: { queueLength: 4 } },
          },
        },
      },
      { queued: 7 },
    ],
    ["the queue before 8.0", { globalLock: { currentQueue: { total: 5 } } }, { queued: 5 }],
    [
      "the cache",
      {
        wiredTiger: {
          cache: {
            "bytes currently in the cache": 50,
            "tracked dirty bytes in the cache": 10,
            "maximum bytes configured": 100,
            "pages read into cache": 1,
            "pages requested from the cache": 4,
          },
        },
      },
      { cacheUsedRatio: 0.5, cacheDirtyRatio: 0.1, cacheHitRatio: 0.75 },
    ],
  ])("reads %s", (_what, status, expected) => {
    expect(serverFactsOf(status)).toMatchObject(expected);
  });
});

test.each<[options: object, expected: object]>([
  [{ hosts: [{ host: "127.0.0.1" }] }, { tls: false, verified: false, loopback: true }],
  [{ hosts: [{ host: "::1" }, { host: "localhost" }] }, { loopback: true }],
  [{ hosts: [{ host: "127.0.0.1" }, { host: "db.example" }] }, { loopback: false }],
  [{ hosts: [{ host: "127.0.0.1.example" }] }, { loopback: false }],
  [
    { hosts: [], tls: true },
    { tls: true, verified: true, loopback: false },
  ],
  [
    { hosts: [], tls: true, rejectUnauthorized: false },
    { tls: true, verified: false },
  ],
])("of %j the way to the server is %j", (options, expected) => {
  expect(transportOf(options as never)).toMatchObject(expected);
});
