import type { EngineProgram } from "./launch.js";

/** A program that can be started and, where dev-kit has made it, a way to make it again. */
export interface ObtainedProgram {
  readonly program: EngineProgram;
  /** Present when the program comes from an older cache entry, which may be damaged. */
  readonly remake?: () => Promise<EngineProgram>;
}
