import { z } from "zod";
import { IdentityError } from "../core/errors.js";
import { duration } from "../core/limits.js";

const megabyte = 1_048_576;

/** How checks are answered from memory. */
export const sessionCacheSchema = z.strictObject({
  revocationBoundMs: z
    .int()
    .min(200)
    .max(duration.minute)
    .default(duration.second)
    .describe("No check accepts from memory what was revoked so long ago, in milliseconds"),
  proof: z
    .enum(["read", "echo"])
    .default("read")
    .describe(
      "What memory rests on while heartbeats do not come back: `read`, each entry on its own read for the bound; `echo`, nothing, so that every check reads",
    ),
  maxEntries: z.int().min(1).max(1_000_000).default(10_000).describe("Entries of each kind, at most"),
  maxBytes: z
    .int()
    .min(megabyte)
    .max(1_024 * megabyte)
    .default(16 * megabyte)
    .describe("Size of the entries of each kind as BSON, at most; in memory they take about twice as much"),
});

/** As a service configures it; every field has a default. */
export type SessionCacheInput = z.input<typeof sessionCacheSchema>;
export type SessionCacheSettings = z.output<typeof sessionCacheSchema>;

/** Names of one option: the driver takes the older ones too. */
const journalNames = ["journal", "j", "fsync"];

/**
 * The promise rests on writes that the majority has, on disk: the models ask for the majority themselves, but a connection
 * string that asks for less says that its owner writes otherwise.
 *
 * @throws IdentityError `WRITE_CONCERN_TOO_WEAK`.
 */
export function assertDurableWrites(uri: string): void {
  const options = new Map(
    [...new URLSearchParams(uri.split("?")[1] ?? "")].map(([name, value]) => [name.toLowerCase(), value]),
  );
  const w = options.get("w");
  if (w !== undefined && w !== "majority") throw tooWeak(`w=${w}`);
  for (const name of journalNames) if (options.get(name) === "false") throw tooWeak(`${name}=false`);
}

function tooWeak(option: string): IdentityError {
  const message = `Cannot answer checks from memory with ${option} in the connection string. Remove it, or set w=majority`;
  return new IdentityError("WRITE_CONCERN_TOO_WEAK", message, { details: { option } });
}
