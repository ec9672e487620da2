import { join, resolve } from "node:path";

import type { EngineFlavor } from "../capabilities.js";
import { DevKitError, type EngineAttempt, messageOf } from "../errors.js";
import { engineCacheDir, type Log, requireWritable, type StartContext, throwIfAborted } from "./context.js";
import { describeEngine, type Engine } from "./engine.js";
import { type EngineProgram, type LaunchedEngine, launch } from "./launch.js";
import { withLock } from "./lock.js";
import { announceEngine, findRunningEngine, storedKind } from "./running-engine.js";
import { readServerFacts, withAdmin } from "./server-facts.js";
import { type EnginePreference, type EngineStep, engineSteps } from "./steps.js";

const EXTERNAL_WITHIN_MS = 10_000;
const FLAVORS: readonly EngineFlavor[] = ["mongod", "secantus-rs", "secantus-py"];

export interface StartEngineOptions {
  /** Default: `faithful`. `quick` installs the Python server before it builds the Rust one. */
  readonly prefer?: EnginePreference;
  /** Keeps the data in this folder (made if need be). Default: a temporary one, removed at `stop()`. */
  readonly storagePath?: string;
  /** Default: `ORG_DB_ENGINE_CACHE`, else `~/.cache/org-db-engine`. */
  readonly cacheDir?: string;
  /** Takes progress, line by line. Default: nothing is printed. */
  readonly log?: Log;
  /**
   * Operations that the log of a `secantus-rs` keeps, about. It walks all of them to tell the first or the last, as each check
   * of the health asks. Other engines go by their own bounds, as this one does by default: 100,000.
   */
  readonly logEntries?: number;
  /** Gives up, and cleans up, when it is aborted. Without effect once the engine runs. */
  readonly signal?: AbortSignal;
  /** Default: `process.env`. Read: `MONGODB_URI`, `DB_ENGINE`, `PATH`, `HOME`, `TMPDIR`, `MONGOMS_*`, `LIBCLANG_PATH`. */
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * Finds or makes a MongoDB server for development and tests: `MONGODB_URI`, an installed `mongod`, an installed or
 * cached `secantusd-rs`, a downloaded `mongod`, a built `secantusd-rs`, an installed `secantusd-py` (the last two the
 * other way round with `prefer: "quick"`). `DB_ENGINE` allows one kind only. The engine ends with this process, also
 * when this process is killed. With a `storagePath` on which an engine runs already, that one is returned.
 *
 * @throws {DevKitError} `ENGINE_UNAVAILABLE` with every attempt, `ENGINE_KIND_UNKNOWN`, `ENGINE_EXTERNAL_UNREACHABLE`,
 *   `ENGINE_STORAGE_NOT_WRITABLE`, `ENGINE_STORAGE_UNUSABLE`, `ENGINE_ABORTED`
 * @example
 * const engine = await startEngine({ prefer: "quick", log: console.error });
 * try { await mongoose.connect(engine.uri) } finally { await engine.stop() }
 */
export async function startEngine(options: StartEngineOptions = {}): Promise<Engine> {
  const env = options.env ?? process.env;
  const context: StartContext = {
    env,
    cacheDir: engineCacheDir(env, options.cacheDir),
    log: options.log ?? (() => {}),
    signal: options.signal ?? new AbortController().signal,
    ...(options.logEntries !== undefined && { logEntries: options.logEntries }),
  };
  throwIfAborted(context.signal);
  if (env.MONGODB_URI) return useExternal(env.MONGODB_URI);
  const forced = forcedKind(env.DB_ENGINE);
  const prefer = options.prefer ?? "faithful";
  if (options.storagePath === undefined) {
    return startFirst(engineSteps(prefer, forced, undefined), undefined, context);
  }
  return startStored(resolve(options.storagePath), prefer, forced, context);
}

async function useExternal(uri: string): Promise<Engine> {
  try {
    const facts = await withAdmin(uri, EXTERNAL_WITHIN_MS, readServerFacts);
    return describeEngine({ uri, kind: "external", facts, owned: false });
  } catch (cause) {
    const shown = uri.replace(/\/\/[^@/]*@/, "//***@");
    throw new DevKitError(
      "ENGINE_EXTERNAL_UNREACHABLE",
      `MONGODB_URI names ${shown}, which cannot be used: ${messageOf(cause)}`,
      { cause, fix: "start that server, correct MONGODB_URI, or unset it to let dev-kit start an engine" },
    );
  }
}

function forcedKind(named: string | undefined): EngineFlavor | undefined {
  if (!named) return undefined;
  const kind = FLAVORS.find((flavor) => flavor === named);
  if (kind) return kind;
  throw new DevKitError("ENGINE_KIND_UNKNOWN", `DB_ENGINE is ${named}, but must be ${FLAVORS.join(", ")}`);
}

async function startStored(
  storagePath: string,
  prefer: EnginePreference,
  forced: EngineFlavor | undefined,
  context: StartContext,
): Promise<Engine> {
  await requireWritable(storagePath, "ENGINE_STORAGE_NOT_WRITABLE");
  return withLock(join(storagePath, "engine.lock"), "starting the engine", context, async () => {
    const running = await findRunningEngine(storagePath);
    if (running) {
      context.log(`using ${running.description}, which already runs on ${storagePath}`);
      caution(running.kind, context);
      return running;
    }
    const stored = await storedKind(storagePath);
    const engine = await startFirst(engineSteps(prefer, forced, stored), storagePath, context);
    if (stored && engine.kind !== stored) {
      context.log(
        `the data that ${stored} wrote stays in ${join(storagePath, stored)}; ${engine.kind} has its own`,
      );
    }
    return engine;
  });
}

/** Warns about differences of the engine that affect plans and figures. */
function caution(kind: Engine["kind"], { log }: StartContext): void {
  if (kind !== "secantus-py") return;
  log(
    "secantusd-py plans queries in its own way: it sorts in memory, passes over many partial indexes and is slower, so " +
      "plans and times look worse than on MongoDB; DB_ENGINE=secantus-rs builds an engine that plans as MongoDB does",
  );
}

async function startFirst(
  steps: readonly EngineStep[],
  storagePath: string | undefined,
  context: StartContext,
): Promise<Engine> {
  const attempts: EngineAttempt[] = [];
  for (const step of steps) {
    throwIfAborted(context.signal);
    try {
      const { uri, facts, stop } = await runStep(step, storagePath, context);
      context.log(`started ${facts.description}`);
      caution(step.kind, context);
      return describeEngine({ uri, kind: step.kind, facts, owned: true, stop });
    } catch (error) {
      throwIfAborted(context.signal);
      if (endsTheSearch(error)) throw error;
      const fix = (error instanceof DevKitError && error.fix) || step.fix;
      attempts.push({ step: step.title, reason: messageOf(error), fix, error });
      context.log(`no engine from ${step.title}: ${messageOf(error).split("\n", 1)[0]}`);
    }
  }
  throw unavailable(attempts);
}

// Another kind of engine would meet the same folder, or start on it without the data that is there.
function endsTheSearch(error: unknown): boolean {
  return (
    error instanceof DevKitError &&
    (error.code === "ENGINE_STORAGE_NOT_WRITABLE" || error.code === "ENGINE_STORAGE_UNUSABLE")
  );
}

async function runStep(step: EngineStep, storagePath: string | undefined, context: StartContext) {
  const engine = await launchStep(step, storagePath, context);
  try {
    if (storagePath) await announceEngine(storagePath, engine.uri, step.kind, engine.pid);
    return engine;
  } catch (error) {
    await engine.stop();
    throw error;
  }
}

async function launchStep(step: EngineStep, storagePath: string | undefined, context: StartContext) {
  const { program, remake } = await step.obtain(context);
  try {
    return await launch(program, storagePath, context);
  } catch (error) {
    throwIfAborted(context.signal);
    if (storagePath) await blameStorage(program, storagePath, error, context);
    if (!remake) throw error;
    context.log(`the cached ${program.kind} does not start: making it again`);
    return launch(await remake(), storagePath, context);
  }
}

/**
 * @throws {DevKitError} `ENGINE_STORAGE_UNUSABLE` when the program starts well on an empty folder
 */
async function blameStorage(
  program: EngineProgram,
  storagePath: string,
  cause: unknown,
  context: StartContext,
) {
  const trial = await launch(program, undefined, context).catch((): LaunchedEngine | undefined => undefined);
  if (!trial) return;
  await trial.stop();
  throw new DevKitError(
    "ENGINE_STORAGE_UNUSABLE",
    `${program.kind} works, but not with the data in ${storagePath}: ${messageOf(cause)}`,
    { cause, fix: `end the process that uses ${storagePath}, or give another folder` },
  );
}

function unavailable(attempts: readonly EngineAttempt[]): DevKitError {
  const indent = (text: string) => text.replaceAll("\n", "\n     ");
  const tried = attempts.map(
    ({ step, reason, fix }, index) =>
      `  ${index + 1}. ${step}\n     failed: ${indent(reason)}\n     fix: ${fix}`,
  );
  return new DevKitError(
    "ENGINE_UNAVAILABLE",
    `No database engine could be started. Any one of these is enough:\n${tried.join("\n")}`,
    { attempts, cause: attempts.at(-1)?.error },
  );
}
