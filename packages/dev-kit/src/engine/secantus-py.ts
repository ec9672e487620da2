import { access } from "node:fs/promises";
import { join } from "node:path";

import type { CacheRecipe } from "./cache.js";
import { obtainCached } from "./cached-program.js";
import { isExecutable, type StartContext } from "./context.js";
import type { EngineProgram } from "./launch.js";
import type { ObtainedProgram } from "./obtained-program.js";
import { createVenv } from "./python-venv.js";

/** The release that dev-kit installs. */
export const pythonServerVersion = "0.7.0b3";

export function installPythonServer(context: StartContext): Promise<ObtainedProgram> {
  const cached = recipe(context);
  return obtainCached(cached, programIn(cached.entry), context);
}

// The scripts of a virtual environment name the folder in which it was made. Ours is renamed into place
// afterwards, so the interpreter is called with the script instead.
function programIn(entry: string): EngineProgram {
  return {
    kind: "secantus-py",
    command: join(entry, "bin", "python"),
    leadingArgs: [join(entry, "bin", "secantusd-py")],
  };
}

function recipe(context: StartContext): CacheRecipe {
  const entry = join(context.cacheDir, pythonServerVersion);
  return {
    entry,
    purpose: "installing the engine",
    check: () => flawOf(programIn(entry)),
    build: async (staging, logFile) => {
      context.log(`installing secantusd-py ${pythonServerVersion} with pip: once, some seconds`);
      const requirement = `secantusdb==${pythonServerVersion}`;
      await createVenv(join(staging, "entry"), requirement, logFile, [staging], context);
    },
  };
}

async function flawOf({ command, leadingArgs }: EngineProgram): Promise<string | undefined> {
  if (!(await isExecutable(command))) return `${command} is missing or not executable`;
  for (const script of leadingArgs) {
    const missing = await access(script).then(
      () => false,
      () => true,
    );
    if (missing) return `${script} is missing`;
  }
  return undefined;
}
