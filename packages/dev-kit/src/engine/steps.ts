import type { EngineFlavor } from "../capabilities.js";
import type { StartContext } from "./context.js";
import { downloadMongod, installedMongod } from "./mongod.js";
import type { ObtainedProgram } from "./obtained-program.js";
import { installPythonServer } from "./secantus-py.js";
import { buildRustServer, installedRustServer } from "./secantus-rs.js";

/** `faithful`: behaves most like mongod. `quick`: is there soonest. */
export type EnginePreference = "quick" | "faithful";

/** One way to come by an engine. */
export interface EngineStep {
  readonly kind: EngineFlavor;
  readonly title: string;
  readonly fix: string;
  obtain(context: StartContext): Promise<ObtainedProgram>;
}

const mongodInstalled: EngineStep = {
  kind: "mongod",
  title: "mongod on PATH or in MONGOMS_SYSTEM_BINARY",
  fix: "install MongoDB 6.0 or later, or set MONGODB_URI to a running server",
  obtain: installedMongod,
};

const rustInstalled: EngineStep = {
  kind: "secantus-rs",
  title: "secantusd-rs on PATH or in the cache",
  fix: "nothing to do: it is built when a build is possible",
  obtain: installedRustServer,
};

const mongodDownload: EngineStep = {
  kind: "mongod",
  title: "a mongod that mongodb-memory-server has cached or can download",
  fix: "allow the way out to MongoDB's download host, or name a mirror in MONGOMS_DOWNLOAD_MIRROR",
  obtain: downloadMongod,
};

const rustBuild: EngineStep = {
  kind: "secantus-rs",
  title: "building secantusd-rs with cargo",
  fix: "install Rust (cargo), cmake and a C compiler, and let cargo reach its registry",
  obtain: buildRustServer,
};

const pythonInstall: EngineStep = {
  kind: "secantus-py",
  title: "installing secantusd-py with pip",
  fix: "install Python 3.10 or later with venv, and let pip reach its index",
  obtain: installPythonServer,
};

/**
 * The steps in the order in which they are tried.
 *
 * @param forced only this kind
 * @param stored the kind that wrote the storage folder, which goes first: another one would not see its data
 */
export function engineSteps(
  prefer: EnginePreference,
  forced: EngineFlavor | undefined,
  stored: EngineFlavor | undefined,
): EngineStep[] {
  const last = prefer === "quick" ? [pythonInstall, rustBuild] : [rustBuild, pythonInstall];
  const steps = [mongodInstalled, rustInstalled, mongodDownload, ...last];
  if (forced) return steps.filter((step) => step.kind === forced);
  return [...steps.filter((step) => step.kind === stored), ...steps.filter((step) => step.kind !== stored)];
}
