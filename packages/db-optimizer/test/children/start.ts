import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";

/** A process of ours that waits for its first line. */
export interface WaitingChild {
  /** Everything it has printed. */
  printed(): string;
  /** Resolves when it has printed this, or ended. */
  hasPrinted(text: string): Promise<void>;
  tell(line: string): void;
  kill(): void;
  exited: Promise<unknown>;
}

const running = new Set<ReturnType<typeof spawn>>();

/** Starts a script. Whatever of it still runs is killed after the suite. */
export function startChild(script: URL, ...args: string[]): WaitingChild {
  const command = ["--conditions=@org/source", "--import", "tsx", fileURLToPath(script), ...args];
  const child = spawn(process.execPath, command, { stdio: ["pipe", "pipe", "inherit"] });
  running.add(child);
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
  });
  // It may be killed before it reads.
  child.stdin.on("error", () => undefined);
  const exited = once(child, "close").finally(() => running.delete(child));
  return {
    printed: () => printed,
    hasPrinted: async (text) => {
      while (!printed.includes(text) && running.has(child))
        await Promise.race([once(child.stdout, "data"), exited]);
    },
    tell: (line) => void child.stdin.write(`${line}\n`),
    kill: () => void child.kill("SIGKILL"),
    exited,
  };
}

/** A row of children that are already up, started ahead of their use. */
export function childrenAhead(ahead: number, total: number, start: () => WaitingChild) {
  const row: WaitingChild[] = [];
  let started = 0;
  const fill = () => {
    for (; row.length < ahead && started < total; started++) row.push(start());
  };
  fill();
  return async (): Promise<WaitingChild> => {
    const next = row.shift() as WaitingChild;
    await next.hasPrinted("ready\n");
    fill();
    return next;
  };
}

/** Small, fast, and the same for one seed (mulberry32): from 0 up to, not including, 1. */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

afterAll(() => {
  for (const child of running) child.kill("SIGKILL");
});
