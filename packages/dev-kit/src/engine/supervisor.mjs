// A process of its own between us and the engine (or a build). It reads a pipe whose other end only our process
// holds: when that process ends, however it ends, the pipe closes, and the supervisor stops the child and removes
// the temporary folders. Plain JavaScript, because it runs under node without a loader.
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { rm } from "node:fs/promises";
import { createInterface } from "node:readline";

let spec;
let child;
let childEnded = Promise.resolve();
let keepFiles = false;

function report(event) {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

function start() {
  const log = openSync(spec.logFile, "a");
  child = spawn(spec.command, spec.args, {
    cwd: spec.cwd,
    env: spec.env,
    detached: true,
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  childEnded = new Promise((resolve) => {
    child.once("spawn", () => report({ pid: child.pid }));
    child.once("error", (error) => {
      report({ error: error.message });
      resolve();
    });
    child.once("exit", (code, signal) => {
      report({ exit: { code, signal } });
      resolve();
    });
  });
}

function signalGroup(signal) {
  try {
    process.kill(-child.pid, signal);
  } catch {
    // the group is gone, which is what the signal was for
  }
}

async function shutDown() {
  if (child?.pid !== undefined) {
    signalGroup("SIGTERM");
    const timer = setTimeout(() => signalGroup("SIGKILL"), spec.graceMs);
    await childEnded;
    clearTimeout(timer);
    signalGroup("SIGKILL");
  }
  if (!keepFiles) {
    for (const path of spec?.removeAtEnd ?? []) {
      await rm(path, { recursive: true, force: true, maxRetries: 5 });
    }
  }
  process.exit(0);
}

// Our process may be dead: its end of the pipe is then closed, and a write must not end the supervisor too early.
process.stdout.on("error", () => {});
process.on("SIGTERM", shutDown);

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  if (line === "keep") keepFiles = true;
  else {
    spec = JSON.parse(line);
    start();
  }
});
lines.on("close", shutDown);
