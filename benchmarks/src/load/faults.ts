import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { type Engine, startEngine } from "@org/dev-kit";
import type { FlakyProxy } from "@org/dev-kit/flaky-proxy";
import type { Instance } from "./instances.js";
import type { Target } from "./target.js";

/** How long each fault lasts, and what lies between two of them, milliseconds. */
export interface FaultTimes {
  readonly killedMs: number;
  readonly goneMs: number;
  readonly instanceMs: number;
  readonly betweenMs: number;
}

/** As an election of twelve seconds takes the primary away. */
export const faultTimes: FaultTimes = {
  killedMs: 3_000,
  goneMs: 12_000,
  instanceMs: 3_000,
  betweenMs: 10_000,
};

/** What the faults act on. */
export interface Disturbed {
  readonly proxy: FlakyProxy;
  /** A server that is theirs to kill, which keeps its data in this folder. */
  engine: Engine;
  readonly storagePath: string;
  readonly instances: Instance[];
  /** Starts another instance in the place of one that was killed. */
  start(): Promise<Instance>;
}

/** The database is killed and started again; the primary is gone; an instance is killed and another one started. */
export async function disturb(on: Disturbed, target: Target, times: FaultTimes): Promise<void> {
  await wait(times.betweenMs);
  await killEngine(on);
  await wait(times.killedMs);
  on.engine = await startStored(on.storagePath);
  on.proxy.lead(on.engine.uri);
  await wait(times.betweenMs);
  on.proxy.set("refused");
  await wait(times.goneMs);
  on.proxy.set("open");
  await wait(times.betweenMs);
  await on.instances[0]?.kill();
  await wait(times.instanceMs);
  const next = await on.start();
  on.instances[0] = next;
  target.move(0, next.address);
  await wait(times.betweenMs);
}

/** A server of one's own in a folder, whatever server else is given. */
export function startStored(storagePath: string): Promise<Engine> {
  return startEngine({ storagePath, env: { ...process.env, MONGODB_URI: "" } });
}

/** SIGKILL: nothing is shut down. What was acknowledged is on the disk. */
async function killEngine({ engine, storagePath }: Disturbed): Promise<void> {
  const written = await readFile(join(storagePath, "engine.json"), "utf8");
  const { process: known } = JSON.parse(written) as { process: { pid: number } };
  process.kill(known.pid, "SIGKILL");
  await engine.stop();
}
