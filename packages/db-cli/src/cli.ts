import { readFileSync } from "node:fs";

import { loadSignals } from "@org/db-optimizer";
import { Argument, CommanderError, InvalidArgumentError, Option, Command as Program } from "commander";

import type { Command } from "./command.js";
import { advise } from "./commands/advise.js";
import { apply } from "./commands/apply.js";
import { cleanup } from "./commands/cleanup.js";
import { health, healthFormats } from "./commands/health.js";
import { type MigrateCommandOptions, migrate, migrateActions } from "./commands/migrate.js";
import { optimize } from "./commands/optimize.js";
import { plan } from "./commands/plan.js";
import { rollback } from "./commands/rollback.js";
import { setup } from "./commands/setup.js";
import { shardPlan } from "./commands/shard-plan.js";
import { storage } from "./commands/storage.js";
import { type ExitCode, exitCodes } from "./errors.js";
import type { CliIo } from "./io.js";
import { type CommonOptions, runCommand } from "./run-command.js";

/**
 * Runs `org-db` as a function.
 *
 * @param argv arguments, without the interpreter and the script
 * @returns what the process should answer the shell with
 */
export async function runCli(argv: readonly string[], io: CliIo): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.ok;
  const program = buildProgram(io, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...argv], { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.error;
    throw error;
  }
}

function buildProgram(io: CliIo, done: (code: ExitCode) => void): Program {
  const program = new Program("org-db")
    .description("Sets up, inspects, optimises and cleans a MongoDB database from its Mongoose models.")
    .version(ownVersion())
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
    })
    .addHelpText("after", exitCodeHelp);
  const add = <Options extends object>(name: string, summary: string, run: Command<Options>) => {
    const reading = ["plan", "health", "optimize", "advise", "shard-plan", "storage"].includes(name);
    return common(program.command(name).description(summary)).action(
      async (options: Options & CommonOptions) => {
        done(await runCommand(io, options, run, reading));
      },
    );
  };
  waiting(add("setup", "create what the models declare: collections, validators, indexes", setup))
    .option("--run", "also replace indexes whose options changed, and refuse what sampled documents do")
    .addOption(
      new Option("--validators <action>", "what a violated validator does, before the configuration").choices(
        ["warn", "error"],
      ),
    );
  dropping(add("plan", "show what setup and apply would do; exit with 2 if that is anything", plan)).option(
    "--check",
    "for CI: one line, and exit with 0, 2, 3 or 4",
  );
  waiting(dropping(add("apply", "make the indexes as the models declare them", apply)))
    .option("--run", "also replace indexes whose options changed, and drop what was observed long enough")
    .addOption(
      new Option("--observe <days>", "how long an index is hidden before it is dropped")
        .argParser(days)
        .default(7),
    );
  waiting(add("rollback", "show how the last apply would be reversed; reverse it with --run", rollback))
    .option("--run", "reverse it")
    .option("--id <run>", "another run than the last")
    .option("--list", "show the runs in the journal instead");
  waiting(add("advise", "try indexes on copies of the data, and advise those that save half", advise))
    .addOption(
      new Option("--sample <documents>", "how much of a collection is copied")
        .argParser(wholeNumber)
        .default(10_000),
    )
    .addOption(
      new Option("--min-waste <documents>", "leave queries alone that waste no more")
        .argParser(naturalNumber)
        .default(500),
    );
  add("health", "show how the database does, with a score and recommendations", health)
    .addOption(
      new Option("--format <format>", "how to print it")
        .choices(healthFormats)
        .default("text")
        .conflicts("json"),
    )
    .addOption(
      new Option("--watch [seconds]", "check again and again, 5 s after the last check; q ends").argParser(
        watchSeconds,
      ),
    );
  add("optimize", "explain and time the named queries, and advise", optimize).addOption(
    new Option("--rounds <n>", "how often to time each query").argParser(wholeNumber).default(20),
  );
  add("shard-plan", "weigh shard keys for each collection on a sample", shardPlan)
    .addOption(
      new Option("--sample <documents>", "how much of a collection is sampled")
        .argParser(sampleSize)
        .default(5_000),
    )
    .addOption(
      new Option("--worthwhile <GiB>", "data from which sharding a collection pays")
        .argParser(naturalNumber)
        .default(100),
    );
  add("storage", "show sizes, reusable space, and documents and arrays that grow", storage).addOption(
    new Option("--sample <documents>", "documents of each collection that are looked at, 1 to 10000")
      .argParser(wholeNumber)
      .default(500),
  );
  cleaning(waiting(add("cleanup", "count what has outlived its retention; act on it with --run", cleanup)));
  addMigrate(program, io, done);
  return program;
}

function cleaning(program: Program): Program {
  return program
    .option("--run", "do what the rules say: delete, archive, anonymise")
    .option("--rule <name...>", "only these rules")
    .option("--ttl", "instead of the rules: drain what the TTL monitor has not got round to")
    .option("--allow-collection-scan", "let a rule read a whole collection for want of an index")
    .addOption(
      new Option("--nice <ratio>", "rest after a batch, as a multiple of its time")
        .argParser(ratio)
        .default(0.5),
    )
    .addOption(new Option("--batch <documents>", "largest batch").argParser(wholeNumber).default(10_000))
    .addOption(
      new Option("--window <from-to>", "pause outside these hours, such as 01:00-05:00").argParser(hours),
    )
    .option("--time-zone <name>", "IANA time zone of the window", "UTC")
    .addOption(
      new Option("--unwatched <signal...>", "signs of load that are not asked for").choices(loadSignals),
    )
    .option("--status", "show the last runs, whichever process runs them")
    .option("--pause", "pause the run that is under way")
    .option("--resume", "let it go on")
    .option("--cancel", "end it after the batch under way");
}

function addMigrate(program: Program, io: CliIo, done: (code: ExitCode) => void): void {
  type Given = Omit<MigrateCommandOptions, "action" | "name"> & CommonOptions;
  const command = program
    .command("migrate")
    .description("show where a migration is; take it up, back or to its end with --run")
    .addArgument(new Argument("<action>", "what to do").choices(migrateActions))
    .argument("[name]", "which migration, if there are several")
    .action(async (action: MigrateCommandOptions["action"], name: string | undefined, options: Given) => {
      const given = { ...options, action, ...(name !== undefined && { name }) };
      done(await runCommand(io, given, migrate, action === "status" || action === "verify"));
    });
  waiting(common(command))
    .option("--run", "do it")
    .addOption(
      new Option("--to <phase>", "where up stops")
        .choices(["expand", "backfill", "verify", "switched"])
        .default("switched"),
    )
    .addOption(
      new Option("--nice <ratio>", "pause after a batch, as a multiple of its time")
        .argParser(ratio)
        .default(0.5),
    );
}

function ownVersion(): string {
  const manifest = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}

// No option takes a password: arguments are readable by every process of the machine.
function common(program: Program): Program {
  return program
    .option("--config <path>", "configuration (default: db.config.ts, .mts, .js or .mjs)")
    .option("--uri <uri>", "connection string, before MONGODB_URI and the configuration")
    .option("--json", "print the result as JSON")
    .addOption(
      new Option("--timeout <seconds>", "how long to look for the server").argParser(seconds).default(5),
    );
}

function waiting(program: Program): Program {
  return program.addOption(
    new Option("--wait <seconds>", "how long to wait for another process").argParser(seconds).default(0),
  );
}

function dropping(program: Program): Program {
  return program.option("--drop <collection.index...>", "undeclared indexes to hide, observe and then drop");
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text))
    throw new InvalidArgumentError("It takes a whole number from 1 to 999999.");
  return Number(text);
}

function sampleSize(text: string): number {
  if (!/^[1-9]\d{0,4}$|^100000$/.test(text))
    throw new InvalidArgumentError("It takes a whole number from 1 to 100000.");
  return Number(text);
}

function naturalNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("It takes a whole number from 0 to 999999999.");
  return Number(text);
}

function days(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && value <= 365))
    throw new InvalidArgumentError("It takes days, 0 to 365.");
  return value;
}

function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && value <= 86_400))
    throw new InvalidArgumentError("It takes seconds, 0 to 86400.");
  return value;
}

// At most once a second: a check asks a lot.
function watchSeconds(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 1 && value <= 3_600))
    throw new InvalidArgumentError("It takes seconds, 1 to 3600.");
  return value;
}

function hours(text: string): { from: string; to: string } {
  const [, from, to] = /^(\d\d:\d\d)-(\d\d:\d\d)$/.exec(text) ?? [];
  if (!from || !to) throw new InvalidArgumentError("It takes hours such as 01:00-05:00.");
  return { from, to };
}

function ratio(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && value <= 100))
    throw new InvalidArgumentError("It takes a number from 0 to 100.");
  return value;
}

const exitCodeHelp = `
Exit codes: 0 in sync or done, 1 error, 2 drift, 3 could not find out, 4 another process is at it, 130 stopped.`;
