import { setTimeout } from "node:timers/promises";
import { withDatabase } from "@org/dev-kit";
import { bundleChild, startChild, type WaitingChild } from "@org/dev-kit/children";
import { faultLoop } from "@org/dev-kit/faults";
import { type FlakyProxy, flakyProxy } from "@org/dev-kit/flaky-proxy";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { type Identity, openIdentity } from "../src/index.js";
import { createIndexes } from "./database.js";
import { type Delays, delaysOf, endAtRandom, metricsAtEnd, shareFromMemory } from "./revocations.js";

const temporary = useTemporaryDatabase({ label: "session-cache-processes" });
const boundMs = 1_000;
const batch = 30;
const batches = faultLoop({ seed: 20_961_130, all: 334, sample: 5 });
const stops = faultLoop({ seed: 20_961_131, all: 30, sample: 3, kinds: 3 });
const lines = faultLoop({ seed: 20_961_132, all: 20, sample: 4, kinds: 4 });
const bundle = await bundleChild(new URL("./children/session-checker.ts", import.meta.url));

let identity: Identity;
beforeAll(async () => {
  identity = await openIdentity(temporary.uri, { sessions: { rotationGraceMs: 0 } });
  await createIndexes(identity.models);
});
afterAll(() => identity?.close());

async function startChecker(uri = temporary.uri, wrongMs = 0): Promise<WaitingChild> {
  const checker = startChild(bundle, uri, String(boundMs), String(wrongMs));
  await checker.hasPrinted("ready\n");
  return checker;
}

/** Of several batches: the longest delay, and what was found after the acknowledgement in all. */
const together = (all: readonly Delays[]): Delays => ({
  revocations: all.reduce((sum, { revocations }) => sum + revocations, 0),
  longestMs: Math.max(...all.map(({ longestMs }) => longestMs)),
  acceptedAfter: all.reduce((sum, { acceptedAfter }) => sum + acceptedAfter, 0),
});

function report(what: string, { revocations, longestMs, acceptedAfter }: Delays): void {
  const text = `${what}: ${revocations} revocations, ${acceptedAfter} accepted after the acknowledgement, the longest for ${longestMs.toFixed(1)} ms of ${boundMs}`;
  process.stderr.write(`session cache, ${text}\n`);
}

describe(`what one process ends, another checks from memory: sessions, API keys, access tokens (seed ${batches.seed})`, () => {
  it.each([0, 3 * 3_600_000, -3 * 3_600_000])(
    "wall clock %i ms ahead: none is accepted after the bound",
    async (wrongMs) => {
      const checker = await startChecker(temporary.uri, wrongMs);
      const found: Delays[] = [];
      // Clocks that are hours apart are one more setting, not one more ten thousand.
      const rounds = wrongMs === 0 ? batches.rounds() : [...batches.rounds()].slice(0, 2);
      for (const { random } of rounds) {
        const ended = await endAtRandom(identity, checker, { tokens: batch, random });
        found.push(await delaysOf(checker, ended, boundMs));
      }
      const metrics = await metricsAtEnd(checker);
      const all = together(found);
      report(`clock ${wrongMs} ms ahead`, all);
      // Or it would prove nothing.
      expect(all.acceptedAfter).toBeGreaterThan(0);
      expect(shareFromMemory(metrics)).toBeGreaterThan(0.95);
    },
    3_600_000,
  );
});

describe(`a process that stops (seed ${stops.seed})`, () => {
  it("accepts nothing from memory that ended meanwhile", async () => {
    const checker = await startChecker();
    const found: Delays[] = [];
    for (const { kind, random } of stops.rounds()) {
      const stopMs = [0.5, 1, 5][kind]! * boundMs;
      let woken: Promise<void> | undefined;
      const during = async (at: number) => {
        if (at !== 5) return;
        checker.signal("SIGSTOP");
        woken = setTimeout(stopMs).then(() => checker.signal("SIGCONT"));
      };
      const ended = await endAtRandom(identity, checker, { tokens: 15, random, during });
      await woken;
      found.push(await delaysOf(checker, ended, boundMs));
    }
    await metricsAtEnd(checker);
    report("process stopped", together(found));
  }, 600_000);
});

describe(`a network that fails (seed ${lines.seed})`, () => {
  const disturbances: readonly ((proxy: FlakyProxy) => void)[] = [
    (proxy) => proxy.set("silent", "org-identity-cache"),
    (proxy) => proxy.set({ delayMs: 2 * boundMs }, "org-identity-cache"),
    (proxy) => proxy.cut(),
    (proxy) => proxy.set("silent"),
  ];

  it("lets nothing be accepted from memory after the bound, and memory is trusted again after it", async () => {
    const proxy = await flakyProxy(inject("engine").uri);
    const checker = await startChecker(withDatabase(proxy.uri, temporary.name));
    const found: Delays[] = [];
    try {
      for (const { kind, random } of lines.rounds()) {
        const during = async (at: number) => {
          if (at === 5) disturbances[kind]?.(proxy);
          if (at === 25) proxy.set("open");
        };
        const ended = await endAtRandom(identity, checker, { tokens: batch, random, during });
        // Lost packets stay lost: a connection that waits for it is cut.
        if (kind === 3) proxy.cut();
        found.push(await delaysOf(checker, ended, boundMs));
      }
      const ended = await endAtRandom(identity, checker, { tokens: batch, random: Math.random });
      found.push(await delaysOf(checker, ended, boundMs));
      const metrics = await metricsAtEnd(checker);
      expect(metrics.state).toBe("streaming");
      expect(metrics.lapses).toBeGreaterThan(0);
      report("network disturbed", together(found));
    } finally {
      await proxy.stop();
    }
  }, 600_000);
});
