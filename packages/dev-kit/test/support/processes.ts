import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { expect, onTestFinished } from "vitest";

import type { Engine, StartEngineOptions } from "../../src/index.js";

const starterFile = fileURLToPath(new URL("./starter.ts", import.meta.url));

/** Another process that starts an engine. */
export interface Starter {
  readonly lines: string[];
  /** Settles when the process has ended. */
  readonly exited: Promise<unknown>;
  /** Waits for the engine; fails with what the process said instead. */
  engine(): Promise<Engine>;
  waitForLine(pattern: RegExp): Promise<void>;
  /** Lets it stop its engine and end. */
  finish(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

export function runStarter(options: StartEngineOptions, ending: "stop" | "forget" = "stop"): Starter {
  const args = ["--import", "tsx", starterFile, JSON.stringify(options), ending];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const lines: string[] = [];
  let engine: Engine | undefined;
  createInterface({ input: child.stdout! }).on("line", (line) => {
    const event = JSON.parse(line) as { log?: string; engine?: Engine; error?: string };
    engine ??= event.engine;
    lines.push(event.log ?? event.error ?? "started");
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return {
    lines,
    exited,
    engine: async () => {
      await expect.poll(() => engine ?? lines, { timeout: 15_000 }).toHaveProperty("uri");
      return engine!;
    },
    waitForLine: async (pattern) => {
      await expect.poll(() => lines.join("\n"), { timeout: 15_000 }).toMatch(pattern);
    },
    finish: async () => {
      child.stdin?.end();
      await exited;
    },
    kill: async () => {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

/** Whether something listens where the connection string points. */
export function answers(uri: string): Promise<boolean> {
  const port = Number(/:(\d+)\//.exec(uri)?.[1]);
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
