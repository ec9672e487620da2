import { readFileSync } from "node:fs";
import type { LoadSignal } from "@org/db-optimizer/jobs";
import { Argument, Option, Command as Program } from "commander";
import { decimal, filledText, hours, ratioOrOff, TypedOption, wholeNumber } from "./argument-types.js";
import type { Command } from "./command.js";
import {
  type CommandFacts,
  type CommandName,
  commandFacts,
  exitMeanings,
  healthFormats,
  migrateActions,
} from "./command-facts.js";
import type { MigrateCommandOptions } from "./commands/migrate.js";
import { completionScript, nameKinds, shells } from "./completion.js";
import type { CommonOptions } from "./run-command.js";
import type { SessionNeeds } from "./session.js";

/** Imports a command, which takes the driver along: `--help` and completion answer without it. */
type LoadCommand<Options> = () => Promise<Command<Options>>;

/** Carries out a command with the options that were given. */
export type Act = <Options extends object>(
  load: LoadCommand<Options>,
  options: Options & CommonOptions,
  needs: SessionNeeds,
) => Promise<void>;

/** Prints the names of a kind that the configuration has, for completion. */
export type PrintNames = (kind: (typeof nameKinds)[number], config?: string) => Promise<void>;

/**
 * The commands of `org-db`, their arguments and options.
 *
 * @param print writes what a command without a database comes to
 */
export function buildProgram(
  act: Act,
  print: (text: string) => void = () => undefined,
  printNames: PrintNames = async () => undefined,
): Program {
  const program = new Program("org-db")
    .description("Sets up, inspects, optimises and cleans a MongoDB database from its Mongoose models.")
    .version(ownVersion())
    .addHelpText(
      "after",
      `\nExit codes: ${Object.entries(exitMeanings)
        .map(([code, meaning]) => `${code} ${meaning}`)
        .join(", ")}.`,
    );
  const add = <Options extends object>(name: CommandName, load: LoadCommand<Options>) =>
    common(describe(program.command(name), commandFacts[name])).action((options: Options & CommonOptions) =>
      act(load, options, commandFacts[name]),
    );
  expiring(selecting(waiting(add("setup", async () => (await import("./commands/setup.js")).setup))))
    .option(
      "--run",
      "also replace indexes, replace or weaken validators, refuse what sampled documents do, and delete what expires",
    )
    .addOption(
      new Option("--validators <action>", "what a violated validator does, before the configuration").choices(
        ["warn", "error"],
      ),
    );
  selecting(dropping(add("plan", async () => (await import("./commands/plan.js")).plan))).option(
    "--check",
    "for CI: one line, and exit with 0, 2, 3 or 4",
  );
  expiring(
    selecting(waiting(dropping(add("apply", async () => (await import("./commands/apply.js")).apply)))),
  )
    .option("--run", "also replace indexes, drop what was observed long enough, and delete what expires")
    .addOption(
      new TypedOption(
        "--observe <days>",
        "how long an index is hidden before it is dropped",
        decimal(0, 365, "days"),
      ).default(7),
    );
  waiting(add("rollback", async () => (await import("./commands/rollback.js")).rollback))
    .option("--run", "reverse it")
    .option("--id <run>", "another run than the last")
    .addOption(new Option("--list", "show the runs in the journal instead").conflicts(["run", "id"]));
  selecting(add("doctor", async () => (await import("./commands/doctor.js")).doctor));
  addLooking(add);
  cleaning(waiting(add("cleanup", async () => (await import("./commands/cleanup.js")).cleanup)));
  migrating(program, act);
  completing(program, print, printNames);
  return program;
}

function completing(program: Program, print: (text: string) => void, printNames: PrintNames): void {
  program
    .command("completion")
    .description("print a script that completes org-db in a shell")
    .addArgument(new Argument("<shell>", "which shell").choices(shells))
    .addHelpText("after", `\n${completionHelp.join("\n")}`)
    .action((shell: (typeof shells)[number]) => print(completionScript(shell, program)));
  program
    .command("_names", { hidden: true })
    .addArgument(new Argument("<kind>").choices(nameKinds))
    .option("--config <path>")
    .action((kind: (typeof nameKinds)[number], { config }: { config?: string }) => printNames(kind, config));
}

/** Where each shell takes the script from. */
const completionHelp = [
  'bash, in ~/.bashrc:                     eval "$(org-db completion bash)"',
  'zsh, in ~/.zshrc:                       eval "$(org-db completion zsh)"',
  "fish, in ~/.config/fish/config.fish:    org-db completion fish | source",
];

type Add = <Options extends object>(name: CommandName, load: LoadCommand<Options>) => Program;

function addLooking(add: Add): void {
  waiting(add("advise", async () => (await import("./commands/advise.js")).advise))
    .addOption(
      new TypedOption(
        "--sample <documents>",
        "how much of a collection is copied",
        wholeNumber(1, 999_999),
      ).default(10_000),
    )
    .addOption(
      new TypedOption(
        "--min-waste <documents>",
        "leave queries alone that waste no more",
        wholeNumber(0, 999_999_999),
      ).default(500),
    );
  add("health", async () => (await import("./commands/health.js")).health)
    .addOption(
      new TypedOption(
        "--fail-under <score>",
        "for CI: exit with 2 when the score is lower",
        wholeNumber(0, 100),
      ).conflicts("watch"),
    )
    .addOption(
      new Option("--format <format>", "how to print it")
        .choices(healthFormats)
        .default("text")
        .conflicts("json"),
    )
    .addOption(
      new TypedOption(
        "--watch [seconds]",
        "check again and again, 5 s after the last check; q ends",
        // At most once a second: a check asks a lot.
        decimal(1, 3_600, "seconds"),
      ),
    )
    .addOption(
      // A watch would keep a report every few seconds.
      new Option("--keep", "keep the figures, to be compared with in a week").conflicts("watch"),
    );
  add("optimize", async () => (await import("./commands/optimize.js")).optimize).addOption(
    new TypedOption("--rounds <n>", "how often to time each query", wholeNumber(1, 999_999)).default(20),
  );
  add("shard-plan", async () => (await import("./commands/shard-plan.js")).shardPlan)
    .addOption(sampleOption())
    .addOption(
      new TypedOption(
        "--worthwhile <GiB>",
        "data from which sharding a collection pays",
        wholeNumber(0, 999_999_999),
      ).default(100),
    );
  steering(
    pacing(waiting(add("storage", async () => (await import("./commands/storage.js")).storage)))
      .addOption(sampleOption())
      .option("--every-document", "read every document, in batches, instead of a sample"),
  );
}

function sampleOption(): Option {
  const help = "documents of each collection to sample";
  return new TypedOption("--sample <documents>", help, wholeNumber(1, 100_000)).default(1_000);
}

function cleaning(program: Program): void {
  pacing(program)
    .option("--run", "do what the rules say: delete, archive, anonymise")
    .option("--rule <name...>", "only these rules")
    .option("--ttl", "instead of the rules: drain what the TTL monitor has not got round to")
    .option("--allow-collection-scan", "let a rule read a whole collection for want of an index")
    .addOption(
      new TypedOption("--batch <documents>", "largest batch", wholeNumber(1, 999_999)).default(10_000),
    )
    .addOption(new TypedOption("--window <from-to>", "pause outside these hours", hours))
    .option("--time-zone <name>", "IANA time zone of the window", "UTC");
  steering(program);
}

/** Commands to the run of another process. */
function steering(program: Program): Program {
  return program
    .option("--status", "show the last runs, whichever process runs them")
    .option("--pause", "pause the run that is under way")
    .option("--resume", "continue it")
    .option("--cancel", "end it after the batch under way");
}

function migrating(program: Program, act: Act): void {
  type Given = Omit<MigrateCommandOptions, "action" | "name"> & CommonOptions;
  const command = describe(program.command("migrate"), commandFacts.migrate)
    .addArgument(new Argument("<action>", "what to do").choices(migrateActions))
    .argument("[name]", "which migration, if there are several")
    .action((action: MigrateCommandOptions["action"], name: string | undefined, options: Given) => {
      const given = { ...options, action, ...(name !== undefined && { name }) };
      const load = async () => (await import("./commands/migrate.js")).migrate;
      return act(load, given, { reading: action === "status" || action === "verify" });
    });
  pacing(waiting(common(command)))
    .option("--run", "do it")
    .addOption(
      new Option("--to <phase>", "where up stops")
        .choices(["expand", "backfill", "verify", "switched"])
        .default("switched"),
    );
}

function describe(command: Program, { summary, writes, exits, examples }: CommandFacts): Program {
  const helper = command.createHelp();
  const help = () => {
    const columns = command.configureOutput().getOutHelpWidth?.() ?? 80;
    const wrapped = (text: string, first: string, indent: string) =>
      first + helper.boxWrap(text, columns - indent.length).replaceAll("\n", `\n${indent}`);
    const codes = Object.entries(exits).map(([code, when]) => wrapped(when, `  ${code}  `, "     "));
    const lines = examples.map(([line, does]) => `  ${line}\n${wrapped(does, "      ", "      ")}`);
    const sections = [
      [wrapped(`Writes: ${writes}`, "", "")],
      ["Exit codes, besides 0, 1 and 130:", ...codes],
      ["Examples:", ...lines],
    ];
    return `\n${sections.map((section) => section.join("\n")).join("\n\n")}`;
  };
  return command.description(summary).addHelpText("after", help);
}

function ownVersion(): string {
  const manifest = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}

// No option takes a password: arguments are readable by every process of the machine.
function common(program: Program): Program {
  return (
    program
      .option("--config <path>", "configuration (default: db.config.ts, .mts, .cts, .js, .mjs or .cjs)")
      // An empty one is a variable that is not set: what it falls back to may be another database than was meant.
      .addOption(
        new TypedOption(
          "--uri <uri>",
          "connection string, before MONGODB_URI and the configuration",
          filledText("a connection string"),
        ),
      )
      .option("--json", "print the result as JSON")
      .addOption(
        new TypedOption(
          "--timeout <seconds>",
          "how long to look for the server; less than 1 counts as 1",
          seconds,
        ).default(30),
      )
  );
}

const seconds = decimal(0, 86_400, "seconds");

function waiting(program: Program): Program {
  return program.addOption(
    new TypedOption("--wait <seconds>", "how long to wait for another process", seconds).default(0),
  );
}

function selecting(program: Program): Program {
  return program
    .option("--only <collection...>", "only the models of these collections")
    .option("--ignore <model...>", "all models but these");
}

function expiring(program: Program): Program {
  return program.option("--allow-expiry", "also set expiries (TTL) that delete documents at once");
}

// All of them, as the type sees to; their list comes with the driver.
const loadSignals: Record<LoadSignal, true> = {
  lag: true,
  flowControl: true,
  queue: true,
  indexBuild: true,
  oplog: true,
  disk: true,
};

/** How fast work in batches may go, and what it watches. */
function pacing(program: Program): Program {
  return program
    .addOption(
      new TypedOption(
        "--max-slowdown <ratio>",
        "highest p99 latency of reads, as a multiple of their idle latency; off: do not measure reads",
        ratioOrOff(1.01, 1_000),
      ).default(1.5),
    )
    .addOption(
      new TypedOption(
        "--max-share <part>",
        "largest part of the time that it works",
        decimal(0.001, 1, "a part"),
      ).default(1),
    )
    .addOption(
      new TypedOption(
        "--max-rate <documents>",
        "most documents per second",
        decimal(0.01, 1_000_000_000, "documents"),
      ),
    )
    .addOption(
      new Option("--unwatched <signal...>", "signs of load that are not asked for").choices(
        Object.keys(loadSignals),
      ),
    );
}

function dropping(program: Program): Program {
  return program.option("--drop <collection.index...>", "undeclared indexes to hide, observe and then drop");
}
