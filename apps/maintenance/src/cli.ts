import { readArguments, UsageError } from "@org/service-kit";

/** Exit codes: those of `org-db`. */
export const exitCodes = { ok: 0, error: 1, locked: 4 } as const;

export const usage = `Usage: npm start [-- <command>]

Without a command, runs until SIGTERM: starts each job on its schedule, and the runs that are queued.

  --once [job]   Run one job, or all, now and exit
  --queue <job>  Have a job run by an instance that is up
  --list [job]   Show the last runs
  --show <run>   Show one run
  --pause <run>  Pause a run after the batch under way, until it is resumed
  --resume <run> Let it go on; queue one that was interrupted or failed
  --cancel <run> End a run after the batch under way
  --help         Show this

Exit codes: 0 done, 1 failed or interrupted, 4 another instance holds the lease
`;

const commands = ["once", "queue", "list", "show", "pause", "resume", "cancel"] as const;
/** Commands other than serving. */
export type CommandName = (typeof commands)[number];
const withoutTarget: readonly CommandName[] = ["once", "list"];

/** A command line. */
export interface Arguments {
  readonly help: boolean;
  /** Absent: serve. */
  readonly command?: CommandName;
  /** The job or the run that is named. */
  readonly target?: string;
}

/**
 * Reads the command line.
 *
 * @throws UsageError
 */
export function parseArguments(args: readonly string[]): Arguments {
  const { values, positionals } = parse(args);
  const [target, ...rest] = positionals;
  const [command, another] = commands.filter((name) => values[name]);
  if (another) throw new UsageError(`--${command} and --${another} do not go together`);
  if (rest.length > 0) throw new UsageError("at most one job or run can be named");
  if (target !== undefined && !command) throw new UsageError("a job or run is named only with a command");
  if (command && target === undefined && !withoutTarget.includes(command))
    throw new UsageError(`--${command} needs the name of a ${command === "queue" ? "job" : "run"}`);
  return { help: values.help, ...(command && { command }), ...(target !== undefined && { target }) };
}

function parse(args: readonly string[]) {
  const flag = { type: "boolean", default: false } as const;
  return readArguments({
    args: [...args],
    allowPositionals: true,
    options: {
      once: flag,
      queue: flag,
      list: flag,
      show: flag,
      pause: flag,
      resume: flag,
      cancel: flag,
      help: flag,
    },
  });
}
