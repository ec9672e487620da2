// The message of whatever was thrown.
const reasonLength = 300;

/** What went wrong, as a mismatch has it. */
export function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, reasonLength);
}
