import { randomUUID } from "node:crypto";
import { register } from "node:module";
import { pathToFileURL } from "node:url";
import { register as registerCommonJs } from "tsx/cjs/api";
import { register as registerModules } from "tsx/esm/api";

/**
 * Imports a file of a project, TypeScript or JavaScript, with what it imports.
 *
 * @param path absolute path
 * @param tsconfig path of the tsconfig.json that applies to it
 */
export async function importFile(path: string, tsconfig: string | undefined): Promise<unknown> {
  // Bun reads TypeScript and its tsconfig.json itself, and lacks the hooks that tsx works by.
  if (process.versions.bun) return import(pathToFileURL(path).href);
  try {
    return await importOnce(path, tsconfig, false);
  } catch (error) {
    // Outside a package of "type": "module" TypeScript is taken for CommonJS, which has no top-level await.
    if (!(error instanceof Error) || !/ERROR: Top-level await is currently not supported/.test(error.message))
      throw error;
    return importOnce(path, tsconfig, true);
  }
}

function importOnce(path: string, tsconfig: string | undefined, asModules: boolean): Promise<unknown> {
  // One namespace an attempt, so that the second does not get the failures of the first.
  const namespace = randomUUID();
  registerCommonJs({ namespace });
  // The hook that is registered last is asked first.
  if (asModules) registerText(typeScriptIsModules);
  const modules = registerModules({ namespace, tsconfig: tsconfig ?? false });
  registerText(foldersOfCommonJs);
  return modules.import(pathToFileURL(path).href, import.meta.url);
}

// A hook runs in a thread of its own, hence its source as text.
function registerText(source: string): void {
  register(`data:text/javascript,${encodeURIComponent(source)}`);
}

const typeScriptIsModules = `export const load = (url, context, next) =>
  next(url, /^file:(?!.*\\/node_modules\\/)[^?]*\\.tsx?(\\?|$)/.test(url) ? { ...context, format: "module" } : context);`;

// tsx gives CommonJS to Node under a data: URL, of which Node makes both names of the file; tsx corrects `__filename` only.
const foldersOfCommonJs = `import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
export const load = async (url, context, next) => {
  const loaded = await next(url, context);
  if (loaded.format !== "commonjs" || !loaded.responseURL?.startsWith("data:")) return loaded;
  return { ...loaded, source: "__dirname=" + JSON.stringify(dirname(fileURLToPath(url))) + ";" + loaded.source };
};`;
