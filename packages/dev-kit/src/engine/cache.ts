import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import { DevKitError } from "../errors.js";
import { requireWritable, type StartContext } from "./context.js";
import { withLock } from "./lock.js";

/** How one entry of the engine cache comes about. */
export interface CacheRecipe {
  /** The entry's folder. */
  readonly entry: string;
  /** For people: "building the engine". */
  readonly purpose: string;
  /** Why the entry cannot be used; `undefined` when it can. */
  check(): Promise<string | undefined>;
  /** Makes the new entry in `staging/entry`; everything else in `staging` is scratch. */
  build(staging: string, logFile: string): Promise<void>;
}

/** Tells one build of an entry from the next. */
export type CacheStamp = string;

export interface CacheResult {
  /** Whether this call made the entry. */
  readonly fresh: boolean;
  readonly stamp: CacheStamp;
}

/**
 * Makes the entry unless it is there and sound. Processes that ask at once build once. The entry appears complete,
 * by a rename.
 *
 * @param condemned the build that turned out not to work, to be replaced although it looks sound
 * @throws {DevKitError} `ENGINE_BUILD_FAILED` naming the log, `ENGINE_CACHE_BROKEN`, `ENGINE_CACHE_NOT_WRITABLE`
 */
export async function ensureCacheEntry(
  recipe: CacheRecipe,
  context: StartContext,
  condemned?: CacheStamp,
): Promise<CacheResult> {
  const present = await usableStamp(recipe, condemned);
  if (present) return { fresh: false, stamp: present };
  await requireWritable(dirname(recipe.entry), "ENGINE_CACHE_NOT_WRITABLE");
  return withLock(`${recipe.entry}.lock`, recipe.purpose, context, async () => {
    const finished = await usableStamp(recipe, condemned);
    if (finished) return { fresh: true, stamp: finished };
    await removeRemains(recipe.entry);
    await buildEntry(recipe);
    return { fresh: true, stamp: await stampOf(recipe.entry) };
  });
}

async function usableStamp(recipe: CacheRecipe, condemned: CacheStamp | undefined) {
  const stamp = await stampOf(recipe.entry).catch(() => undefined);
  if (stamp === undefined || stamp === condemned) return undefined;
  return (await recipe.check()) === undefined ? stamp : undefined;
}

async function stampOf(entry: string): Promise<CacheStamp> {
  const { ino, birthtimeMs } = await stat(entry);
  return `${ino}-${birthtimeMs}`;
}

// Only the holder of the lock builds, so any staging folder that is found is left over from a crash.
async function removeRemains(entry: string): Promise<void> {
  const siblings = await readdir(dirname(entry));
  const remains = siblings.filter((name) => name.startsWith(`${basename(entry)}.building-`));
  for (const name of [...remains, basename(entry)]) {
    await rm(join(dirname(entry), name), { recursive: true, force: true });
  }
}

async function buildEntry(recipe: CacheRecipe): Promise<void> {
  const staging = `${recipe.entry}.building-${process.pid}`;
  const logFile = `${recipe.entry}.log`;
  try {
    await mkdir(staging);
    await recipe.build(staging, logFile);
    await rename(join(staging, "entry"), recipe.entry);
  } catch (cause) {
    if (!(cause instanceof DevKitError) || cause.code !== "ENGINE_BUILD_FAILED") throw cause;
    throw new DevKitError("ENGINE_BUILD_FAILED", `${cause.message}\nThe whole log is in ${logFile}`, {
      cause,
    });
  } finally {
    await rm(staging, { recursive: true, force: true, maxRetries: 5 });
  }
  const flaw = await recipe.check();
  if (flaw) throw new DevKitError("ENGINE_CACHE_BROKEN", `${recipe.entry} was built, but ${flaw}`);
  await rm(logFile, { force: true });
}
