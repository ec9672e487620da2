import type { RunCommand } from "@org/db-optimizer/jobs";
import { type ExitCode, exitCodes } from "./errors.js";

/** Facts about a command besides its options, the source of its help and its reference page. */
export interface CommandFacts {
  readonly summary: string;
  /** It only looks: what it may not see leaves the question open, and is no failure. */
  readonly reading: boolean;
  /** It reports what it can without a server. */
  readonly withoutServer?: boolean;
  /** Everything that it writes, on the server and elsewhere. */
  readonly writes: string;
  /** When it ends with a code that not every command has. */
  readonly exits: { readonly [C in Exclude<ExitCode, 0 | 1 | 130>]?: string };
  /** Command lines, each with what it does. */
  readonly examples: readonly (readonly [line: string, does: string])[];
}

/** Meanings of the exit codes; a command lists those that not every command has. */
export const exitMeanings: Readonly<Record<ExitCode, string>> = {
  [exitCodes.ok]: "in sync or done",
  [exitCodes.error]: "error",
  [exitCodes.drift]: "the database is not as the models declare",
  [exitCodes.undecidable]: "could not find out",
  [exitCodes.locked]: "locked by another process",
  [exitCodes.interrupted]: "stopped",
};

/** How `org-db health` prints what it found. */
export const healthFormats = ["text", "json", "html", "prometheus", "markdown"] as const;

/** Commands to a run. */
export const runCommands = ["pause", "resume", "cancel"] as const satisfies readonly RunCommand[];

/** Actions of `org-db migrate`. */
export const migrateActions = ["status", "up", "verify", "rollback", "contract", ...runCommands] as const;

const unseen = "the user lacks a privilege for it";
const busy = "another process holds the lease, and `--wait` was not long enough";
const nothing = "Nothing.";

/** The commands of `org-db`, in the order in which the help lists them. */
export const commandFacts = {
  setup: {
    summary: "create what the models declare: collections, validators, indexes",
    reading: false,
    writes:
      "Collections, validators and indexes that are missing, and expiries that delete nothing yet. With `--run` it also replaces indexes, replaces or weakens validators, and sets expiries that delete documents at once; with `--allow-expiry` only those. A validator that somebody else made stays. What was there before is in `org_db_journal`.",
    exits: { 2: "something is still not as the models declare", 4: busy },
    examples: [
      ["org-db setup", "adds what is missing, and nothing on a second run"],
      ["org-db setup --validators error", "lets validators refuse, where no sampled document fails them"],
      [
        "org-db setup --allow-expiry",
        "also sets expiries that delete old documents at once: see org-db plan",
      ],
    ],
  },
  plan: {
    summary: "show what setup and apply would do; exit with 2 if that is anything",
    reading: true,
    writes: nothing,
    exits: {
      2: "something would be done",
      3: `an index is under construction (with \`--check\`), or ${unseen}`,
      4: "another process is applying a plan (with `--check`)",
    },
    examples: [
      ["org-db plan", "lists the steps, what they cost and how risky they are"],
      ["org-db plan --check", "says it in one line, for CI"],
      ["org-db plan --only orders --ignore Report", "leaves out other collections, and a model"],
    ],
  },
  apply: {
    summary: "make the indexes as the models declare them",
    reading: false,
    writes:
      "Indexes: creates and changes them, hides what `--drop` names; with `--run` it replaces and drops. An expiry that deletes documents at once is set with `--allow-expiry` or `--run` only. Each step is journalled in `org_db_journal` first.",
    exits: { 2: "steps were left out that need `--run` or `--allow-expiry`", 4: busy },
    examples: [
      ["org-db apply", "creates and changes indexes"],
      ["org-db apply --drop orders.old_customer", "hides an undeclared index, and begins to observe it"],
      ["org-db apply --run", "also replaces indexes, and drops what nothing has missed"],
    ],
  },
  rollback: {
    summary: "show how the last apply would be reversed; reverse it with --run",
    reading: false,
    writes: "Nothing without `--run`; with it, indexes, validators and expiries of collections.",
    exits: { 2: "something would be reversed, or could not be", 4: busy },
    examples: [
      ["org-db rollback --list", "shows the journal"],
      ["org-db rollback --run", "reverses the last apply; what was changed since is left alone"],
    ],
  },
  doctor: {
    summary: "check the configuration, its models, the connection and the privileges; name the next command",
    reading: true,
    withoutServer: true,
    writes: nothing,
    exits: { 2: "the database is not as the models declare", 3: unseen },
    examples: [
      [
        "org-db doctor",
        "says what is wrong, and which command to run next; without a server, what of it can be known",
      ],
    ],
  },
  advise: {
    summary: "try indexes on copies of the data, and advise those that save half",
    reading: true,
    writes: "Collections of its own (`org_db_advice_…`), which it removes; none of yours.",
    exits: { 3: unseen, 4: busy },
    examples: [["org-db advise --sample 50000", "measures on copies of up to 50,000 documents"]],
  },
  health: {
    summary: "show how the database does, with a score and recommendations",
    reading: true,
    writes:
      "Nothing, except what `record` of the configuration makes of findings about security; with `--keep`, the figures of the check in `org_db_health`, for five weeks.",
    exits: {
      2: "the indexes are not as declared, or the score is lower than `--fail-under`",
      3: "a fact could not be read for lack of a privilege, or a privilege is missing for `--keep`",
    },
    examples: [
      ["org-db health", "prints the score, its parts and the findings"],
      ["org-db health --fail-under 80", "fails in CI when the score is lower than 80"],
      ["org-db health --keep", "keeps the figures: in a week, a check at this hour compares with them"],
      ["org-db health --watch 30", "checks again 30 s after the last check"],
      ["org-db health --format html", "prints one page that needs nothing else"],
    ],
  },
  optimize: {
    summary: "explain and time the named queries, and advise",
    reading: true,
    writes: nothing,
    exits: { 3: unseen },
    examples: [["org-db optimize --rounds 100", "times each query a hundred times"]],
  },
  "shard-plan": {
    summary: "weigh shard keys for each collection on a sample",
    reading: true,
    writes: nothing,
    exits: { 3: "a collection could not be sampled" },
    examples: [["org-db shard-plan --worthwhile 0", "weighs keys for small collections too"]],
  },
  storage: {
    summary: "show sizes, reusable space, and documents and arrays that grow",
    reading: true,
    writes:
      "Nothing; with `--every-document`, where it is in `org_db_runs`. `--pause`, `--resume` and `--cancel` write there.",
    exits: { 3: unseen, 4: busy },
    examples: [
      ["org-db storage --sample 5000", "samples up to 5,000 documents of each collection"],
      ["org-db storage --every-document", "finds the one array that has grown, among millions of documents"],
    ],
  },
  cleanup: {
    summary: "count what has outlived its retention; act on it with --run",
    reading: false,
    writes:
      "Nothing without `--run`; with it, what the rules say, in batches, and where it is in `org_db_runs`. `--pause`, `--resume` and `--cancel` write there.",
    exits: { 4: busy },
    examples: [
      ["org-db cleanup", "counts, and estimates the time"],
      ["org-db cleanup --run --window 01:00-05:00", "works at night, UTC, and waits by day"],
      ["org-db cleanup --run --ttl", "drains what the TTL monitor has not got round to"],
      ["org-db cleanup --pause", "pauses the run that is under way, from any machine"],
    ],
  },
  migrate: {
    summary: "show where a migration is; take it up, back or to its end with --run",
    reading: false,
    writes:
      "Nothing without `--run`; with it, the collections of the migration, its phase in `org_db_migrations`, and where it is in `org_db_runs`. `pause`, `resume` and `cancel` write there.",
    exits: {
      2: "there is something to do, or `verify` found documents that are not as they should be",
      3: `\`status\` and \`verify\`: ${unseen}`,
      4: busy,
    },
    examples: [
      ["org-db migrate status", "shows the phase, and what applications do in it"],
      ["org-db migrate up --to verify --run", "copies and compares, and leaves reads where they are"],
      [
        "org-db migrate pause",
        "pauses the run that is under way, from any machine; resume or cancel it later",
      ],
      ["org-db migrate rollback --run", "goes back; what was written meanwhile is carried along"],
    ],
  },
} as const satisfies Readonly<Record<string, CommandFacts>>;

/** A command of `org-db`. */
export type CommandName = keyof typeof commandFacts;
