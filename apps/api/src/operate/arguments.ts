import { administratorRoles } from "@org/db-models/core";
import { readArguments, UsageError } from "@org/service-kit";
import { z } from "zod";

/** Exit codes: those of `org-db`. */
export const exitCodes = { ok: 0, failed: 1 } as const;

export const usage = `Usage: npm run operate -- <command> [options]

  administrators                    Who has a role of the admin area
  administrators set <email> [role …]
                                    Give these roles in the place of others; none takes all away
                                    (${administratorRoles.join(", ")})
  keys                              The keys that sign tokens
  keys rotate                       Publish a successor now; it signs after a day
  keys withdraw <kid>               Take back a key that others may have: its tokens are refused
  keys reseal                       Seal keys and second factors with the first of ORG_API_SEAL_KEYS
  keys drill                        Rehearse: rotate, and watch until every instance has the new key;
                                    no token may fail to verify meanwhile

Options:
  --algorithm <name>  Of the key to rotate: RS256, ES256 or EdDSA. Default: RS256
  --instance <url>    An instance to watch in a drill, more than once for more. Default: the issuer
  --withdraw          The drill withdraws the key that signs as well: everybody's tokens end
  --wait <seconds>    How long a drill waits for the instances. Default: 60
  --json              Answer in JSON
  --help              Show this

The service's own settings are read from the environment: MONGODB_URI, ORG_API_SEAL_KEYS, ORG_API_ISSUER.
Exit codes: 0 done, 1 failed
`;

const algorithms = ["RS256", "ES256", "EdDSA"] as const;
const names = [
  "administrators",
  "administrators set",
  "keys",
  "keys rotate",
  "keys withdraw",
  "keys reseal",
  "keys drill",
] as const;
export type CommandName = (typeof names)[number];

/** A command line. */
export interface Arguments {
  readonly help: boolean;
  readonly json: boolean;
  /** Absent only with `help`. */
  readonly command?: CommandName;
  /** What follows the command. */
  readonly operands: readonly string[];
  readonly algorithm: (typeof algorithms)[number];
  readonly instances: readonly string[];
  readonly withdraw: boolean;
  readonly waitMs: number;
}

const operandsOf: Readonly<Record<CommandName, { atLeast: number; atMost: number; what: string }>> = {
  administrators: { atLeast: 0, atMost: 0, what: "nothing" },
  "administrators set": { atLeast: 1, atMost: 1 + administratorRoles.length, what: "an address and roles" },
  keys: { atLeast: 0, atMost: 0, what: "nothing" },
  "keys rotate": { atLeast: 0, atMost: 0, what: "nothing" },
  "keys withdraw": { atLeast: 1, atMost: 1, what: "the kid of one key" },
  "keys reseal": { atLeast: 0, atMost: 0, what: "nothing" },
  "keys drill": { atLeast: 0, atMost: 0, what: "nothing" },
};

const optionsSchema = z.object({
  algorithm: z.enum(algorithms).default("RS256"),
  instance: z.array(z.url({ protocol: /^https?$/ })).default([]),
  wait: z.coerce.number().min(1).max(3_600).default(60),
});

/**
 * Reads the command line.
 *
 * @throws UsageError
 */
export function parseArguments(args: readonly string[]): Arguments {
  const { values, positionals } = parse(args);
  const checked = optionsSchema.safeParse(values);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    throw new UsageError(`--${issue?.path[0]?.toString()}: ${issue?.message}`);
  }
  const { algorithm, instance: instances, wait } = checked.data;
  const { help, json, withdraw } = values;
  const options = { help, json, algorithm, instances, withdraw, waitMs: wait * 1_000 };
  if (help) return { ...options, operands: [] };
  const [command, operands] = commandOf(positionals);
  const { atLeast, atMost, what } = operandsOf[command];
  if (operands.length < atLeast || operands.length > atMost) throw new UsageError(`${command} takes ${what}`);
  return { ...options, command, operands };
}

function commandOf(positionals: readonly string[]): [CommandName, string[]] {
  const [first = "", second = "", ...rest] = positionals;
  const pair = names.find((name) => name === `${first} ${second}`);
  if (pair) return [pair, rest];
  const single = names.find((name) => name === first);
  if (single && positionals.length === 1) return [single, []];
  throw new UsageError(positionals.length === 0 ? "no command" : `no command ${positionals.join(" ")}`);
}

function parse(args: readonly string[]) {
  const flag = { type: "boolean", default: false } as const;
  return readArguments({
    args: [...args],
    allowPositionals: true,
    options: {
      algorithm: { type: "string" },
      instance: { type: "string", multiple: true },
      wait: { type: "string" },
      withdraw: flag,
      json: flag,
      help: flag,
    },
  });
}
