import type { Engine } from "./engine/engine.js";

/** The parts of the engine that tests get by `inject("engine")`. */
export type ProvidedEngine = Pick<Engine, "uri" | "kind" | "version" | "description" | "capabilities">;

declare module "vitest" {
  export interface ProvidedContext {
    /** The engine that `@org/dev-kit/vitest-setup` started for this run. */
    engine: ProvidedEngine;
  }
}
