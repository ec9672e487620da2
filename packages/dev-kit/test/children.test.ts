import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { bundleChild, startChild } from "../src/children.js";

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

it.each([{ whole: true }, {}])(
  "a child ends when the process that started it is killed: %j",
  async (options) => {
    const forever = await bundleChild(new URL("./fixtures/waits-forever.ts", import.meta.url), options);
    const parent = startChild(
      await bundleChild(new URL("./fixtures/starts-another.ts", import.meta.url)),
      forever,
    );
    await parent.hasPrinted("\n");
    const pid = Number(parent.printed());
    expect(isRunning(pid)).toBe(true);
    parent.kill();
    while (isRunning(pid)) await sleep(50);
    expect(isRunning(pid)).toBe(false);
  },
);
