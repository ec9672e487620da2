// The message of whatever was thrown.
const reasonLength = 300;

/** The reason of a failure, as mismatches store it. */
export function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, reasonLength);
}
