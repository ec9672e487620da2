// The engine of a run of the tests, as the tests know it.
import type { Engine } from "./engine/engine.js";

/** The parts of the engine that tests get by `inject("engine")`. */
export type ProvidedEngine = Pick<Engine, "uri" | "kind" | "version" | "description" | "capabilities">;

/** Names a server to play in front of the engine: `limited-user` or `mongos`. */
export const PLAY = "ORG_DB_TEST_PLAY";

declare module "vitest" {
  export interface ProvidedContext {
    /** The engine that `@org/dev-kit/vitest-setup` started for this run. */
    engine: ProvidedEngine;
  }
}
