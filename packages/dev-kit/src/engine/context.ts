import { constants } from "node:fs";
import { access, mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";

import { DevKitError, messageOf } from "../errors.js";

/** Takes one line for a person, without a line break. */
export type Log = (line: string) => void;

/** Context that all steps of a start share. */
export interface StartContext {
  readonly env: NodeJS.ProcessEnv;
  readonly cacheDir: string;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Operations that the engine's log keeps. */
  readonly logEntries?: number;
}

/** `option`, else `ORG_DB_ENGINE_CACHE`, else `~/.cache/org-db-engine`. */
export function engineCacheDir(env: NodeJS.ProcessEnv, option?: string): string {
  const named = option ?? env.ORG_DB_ENGINE_CACHE;
  return named ? resolve(named) : join(env.HOME || homedir(), ".cache", "org-db-engine");
}

/** The first executable file of that name on the PATH of `env`. */
export async function findExecutable(name: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  for (const folder of (env.PATH ?? "").split(delimiter).filter(Boolean)) {
    const file = join(folder, name);
    if (await isExecutable(file)) return file;
  }
  return undefined;
}

export async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}

/**
 * Finds a program that a step cannot do without.
 *
 * @throws {DevKitError} `ENGINE_TOOL_MISSING`
 */
export async function requireExecutable(
  names: readonly string[],
  env: NodeJS.ProcessEnv,
  fix: string,
): Promise<string> {
  for (const name of names) {
    const file = await findExecutable(name, env);
    if (file) return file;
  }
  throw new DevKitError("ENGINE_TOOL_MISSING", `${names.join(" or ")} is not on PATH`, { fix });
}

/** Which of the two folders cannot be written: the steps that need no cache may still work. */
type NotWritableCode = "ENGINE_STORAGE_NOT_WRITABLE" | "ENGINE_CACHE_NOT_WRITABLE";

/**
 * Makes the folder and proves that a file can be written there.
 *
 * @throws {DevKitError} with the code given
 */
export async function requireWritable(folder: string, code: NotWritableCode): Promise<void> {
  const probe = join(folder, `.write-test-${process.pid}`);
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(probe, "");
    await rm(probe);
  } catch (cause) {
    throw notWritable(folder, code, cause);
  }
}

/**
 * A new folder for temporary files, below `TMPDIR` of `env`.
 *
 * @throws {DevKitError} `ENGINE_STORAGE_NOT_WRITABLE`
 */
export async function temporaryFolder(env: NodeJS.ProcessEnv): Promise<string> {
  const parent = env.TMPDIR || tmpdir();
  try {
    return await mkdtemp(join(parent, "org-db-engine-"));
  } catch (cause) {
    throw notWritable(parent, "ENGINE_STORAGE_NOT_WRITABLE", cause);
  }
}

function notWritable(folder: string, code: NotWritableCode, cause: unknown): DevKitError {
  const folderIsSetBy =
    code === "ENGINE_CACHE_NOT_WRITABLE" ? "ORG_DB_ENGINE_CACHE" : "the storage path, or TMPDIR,";
  return new DevKitError(code, `The database engine cannot write to ${folder}: ${messageOf(cause)}`, {
    cause,
    fix: `let ${folderIsSetBy} name a folder that this user may write to, or free disk space`,
  });
}

/**
 * @throws {DevKitError} `ENGINE_ABORTED` when the caller gave up
 */
export function throwIfAborted(signal: AbortSignal): void {
  if (!signal.aborted) return;
  throw new DevKitError("ENGINE_ABORTED", "Starting the database engine was aborted", {
    cause: signal.reason,
  });
}

/** Waits; an abort ends the wait early with `ENGINE_ABORTED`. */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((wake) => {
    if (signal.aborted) return wake();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      wake();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done);
  });
  throwIfAborted(signal);
}
