import { parseArgs } from "node:util";

/** Exit codes: those of `org-db`. */
export const exitCodes = { ok: 0, error: 1, locked: 4 } as const;

/** Arguments that can't be read. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly code = "USAGE";
}

export const usage = `Usage: npm start [-- --once [job]]

Without --once, runs until SIGTERM and starts each job on its schedule.

  --once [job]  Run one job, or all, now and exit
  --help        Show this

Exit codes: 0 done, 1 failed or interrupted, 4 another instance holds the lease
`;

/**
 * Reads the command line.
 *
 * @throws UsageError
 */
export function parseArguments(args: readonly string[]): { help: boolean; once: boolean; job?: string } {
  const { values, positionals } = parse(args);
  const [job, ...rest] = positionals;
  if (rest.length > 0) throw new UsageError("at most one job can be named");
  if (job !== undefined && !values.once) throw new UsageError("a job is named only with --once");
  return { help: values.help, once: values.once, ...(job !== undefined && { job }) };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        once: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
