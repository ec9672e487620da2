import { execFile } from "node:child_process";
import { constants, getPriority } from "node:os";
import { promisify } from "node:util";
import { expect, it } from "vitest";

// In a process of its own, for nothing raises a priority again: prints those of its threads, and of what they start.
const script = `
  import { readdirSync } from "node:fs";
  import { getPriority } from "node:os";
  import { setTimeout } from "node:timers/promises";
  import { Worker } from "node:worker_threads";
  import { lowerCpuPriority } from ${JSON.stringify(new URL("../src/core/cpu-priority.ts", import.meta.url).href)};
  lowerCpuPriority();
  const worker = new Worker("setTimeout(() => undefined, 60_000)", { eval: true });
  await setTimeout(200);
  const threads = process.platform === "linux" ? readdirSync("/proc/self/task").map(Number) : [process.pid];
  console.log(JSON.stringify(threads.map((thread) => getPriority(thread))));
  await worker.terminate();
`;

it("lowers the priority of every thread, those that collect garbage and compile among them", async () => {
  const args = ["--import", "tsx", "--input-type=module", "--eval", script];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const priorities = new Set(JSON.parse(stdout) as number[]);
  expect(priorities).toEqual(new Set([Math.max(getPriority(), constants.priority.PRIORITY_BELOW_NORMAL)]));
});
