import { type ParseArgsConfig, parseArgs } from "node:util";

/** Arguments that can't be read. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly code = "USAGE";
}

/**
 * `parseArgs` of Node.
 *
 * @throws UsageError where it can't read the arguments.
 */
export function readArguments<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
