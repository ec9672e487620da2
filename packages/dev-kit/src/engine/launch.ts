import { mkdir, readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { totalmem } from "node:os";
import { join } from "node:path";

import type { EngineFlavor } from "../capabilities.js";
import { DevKitError, messageOf } from "../errors.js";
import { freePort } from "../free-port.js";
import { pause, type StartContext, temporaryFolder, throwIfAborted } from "./context.js";
import { advanceToPrimary } from "./replica-set.js";
import { readServerFacts, type ServerFacts, withAdmin } from "./server-facts.js";
import { type Supervised, supervise } from "./supervise.js";

const READY_WITHIN_MS = 60_000;
const STOP_GRACE_MS = 10_000;
const LOG_LINES_SHOWN = 8;

/** A server program that can be started. */
export interface EngineProgram {
  readonly kind: EngineFlavor;
  readonly command: string;
  /** Arguments before the server's own, such as the script for an interpreter. */
  readonly leadingArgs: readonly string[];
}

export interface LaunchedEngine {
  readonly uri: string;
  readonly pid: number;
  readonly facts: ServerFacts;
  stop(): Promise<void>;
}

/**
 * Starts the program and waits until it is a writable primary.
 *
 * @param storagePath keeps the data (a folder for each kind of engine) and the log; without it they go to a
 *   temporary folder that is removed when the engine stops
 * @throws {DevKitError} `ENGINE_START_FAILED` with the end of the engine's log, `ENGINE_ABORTED`
 */
export async function launch(
  program: EngineProgram,
  storagePath: string | undefined,
  context: StartContext,
): Promise<LaunchedEngine> {
  throwIfAborted(context.signal);
  const folder = storagePath ?? (await temporaryFolder(context.env));
  const dataDir = join(folder, program.kind);
  const logFile = join(folder, "engine.log");
  await mkdir(dataDir, { recursive: true });
  await writeFile(logFile, "");
  const configFile = join(folder, "engine.toml");
  await writeFile(configFile, "");
  const port = program.kind === "mongod" ? await freePort() : 0;
  const child = await supervise({
    command: program.command,
    args: [
      ...program.leadingArgs,
      ...serverArguments(program.kind, { dataDir, configFile, port }, context.logEntries),
    ],
    env: context.env,
    cwd: folder,
    logFile,
    removeAtEnd: storagePath ? [] : [folder],
    graceMs: STOP_GRACE_MS,
  });
  try {
    const { uri, facts } = await becomeReady(child, logFile, port, context);
    child.unref();
    return { uri, pid: child.pid, facts, stop: () => child.stop() };
  } catch (error) {
    const failure = await startFailure(program, logFile, error);
    await child.stop();
    throw failure;
  }
}

interface ServerPlace {
  readonly dataDir: string;
  readonly configFile: string;
  readonly port: number;
}

function serverArguments(
  kind: EngineFlavor,
  { dataDir, configFile, port }: ServerPlace,
  logEntries: number | undefined,
): string[] {
  if (kind === "mongod") {
    const network = ["--port", String(port), "--bind_ip", "127.0.0.1"];
    return [
      ...network,
      "--dbpath",
      dataDir,
      "--replSet",
      "org-db",
      "--wiredTigerCacheSizeGB",
      String(cacheGigabytes()),
    ];
  }
  // An empty configuration keeps the user's own, with its authentication or TLS, from being picked up.
  const files = ["--config", configFile, "--storage-path", dataDir];
  const log =
    kind === "secantus-rs" && logEntries !== undefined ? ["--oplog-max-entries", String(logEntries)] : [];
  // Without --sync-on-commit a crash loses writes that were acknowledged with j: true.
  return [...files, "--port", "0", "--cache-size", `${cacheGigabytes()}G`, "--sync-on-commit", ...log];
}

// A quarter of the memory, 1 to 4 GB. SecantusDB builds an index in one transaction, which has to fit: with 1 GB the
// build over a million sessions is rolled back and begun again for ever.
function cacheGigabytes(): number {
  return Math.min(Math.max(Math.floor(totalmem() / 4 / 2 ** 30), 1), 4);
}

async function becomeReady(child: Supervised, logFile: string, port: number, context: StartContext) {
  const deadline = Date.now() + READY_WITHIN_MS;
  let ended = false;
  void child.exited.then(() => {
    ended = true;
  });
  let lastError: unknown;
  while (!ended && Date.now() < deadline) {
    try {
      const ready = await askIfReady(port || (await announcedPort(logFile)));
      if (ready) return ready;
    } catch (error) {
      lastError = error;
    }
    await pause(30, context.signal);
  }
  const reason = ended ? "its process ended" : `it was not ready within ${READY_WITHIN_MS / 1_000} s`;
  throw new Error(reason, { cause: lastError });
}

async function askIfReady(port: number) {
  // The driver would wait for the server in steps of half a second, and not notice that its process has ended.
  if (port === 0 || !(await accepts(port))) return undefined;
  const uri = `mongodb://127.0.0.1:${port}/?directConnection=true`;
  return withAdmin(uri, 2_000, async (admin) => {
    const primary = await advanceToPrimary(admin, `127.0.0.1:${port}`);
    return primary ? { uri, facts: await readServerFacts(admin) } : undefined;
  });
}

async function announcedPort(logFile: string): Promise<number> {
  const match = /listening on 127\.0\.0\.1:(\d+)\s/.exec(await readFile(logFile, "utf8"));
  return match ? Number(match[1]) : 0;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const settle = (accepted: boolean) => {
      socket.destroy();
      resolve(accepted);
    };
    socket.once("connect", () => settle(true));
    socket.once("error", () => settle(false));
  });
}

async function startFailure(program: EngineProgram, logFile: string, cause: unknown): Promise<unknown> {
  if (cause instanceof DevKitError) return cause;
  const tail = (await readFile(logFile, "utf8")).trimEnd().split("\n").slice(-LOG_LINES_SHOWN).join("\n");
  return new DevKitError(
    "ENGINE_START_FAILED",
    `${program.command} did not start: ${messageOf(cause)}${tail ? `\n${tail}` : ""}`,
    { cause },
  );
}
