import { type CacheRecipe, ensureCacheEntry } from "./cache.js";
import type { StartContext } from "./context.js";
import type { EngineProgram } from "./launch.js";
import type { ObtainedProgram } from "./obtained-program.js";

/** The program of a cache entry, which is made if need be. */
export async function obtainCached(
  recipe: CacheRecipe,
  program: EngineProgram,
  context: StartContext,
): Promise<ObtainedProgram> {
  const { fresh, stamp } = await ensureCacheEntry(recipe, context);
  if (fresh) return { program };
  const remake = async () => {
    await ensureCacheEntry(recipe, context, stamp);
    return program;
  };
  return { program, remake };
}
