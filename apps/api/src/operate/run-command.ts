import type { Identity } from "@org/db-models";
import { listAdministrators, setAdministrator } from "./administrators.js";
import type { Arguments, CommandName } from "./arguments.js";
import { type DrillReport, drill } from "./drill.js";
import { listKeys, resealAll, rotateKey, withdrawKey } from "./keys.js";

/** What a command found: for programs, and in lines for people. */
export interface Outcome {
  readonly ok: boolean;
  readonly result: unknown;
  readonly lines: readonly string[];
}

type Command = (identity: Identity, args: Arguments, issuer: string) => Promise<Outcome>;

const done = (result: unknown, lines: readonly string[]): Outcome => ({ ok: true, result, lines });

const keyLines = (keys: Awaited<ReturnType<typeof listKeys>>): string[] =>
  keys.map(
    ({ kid, algorithm, state, signsFrom }) =>
      `${kid}  ${algorithm}  ${state.padEnd(7)}  signs from ${signsFrom.toISOString()}`,
  );

const roleLine = (email: string, roles: readonly string[]) => `${email}  ${roles.join(" ") || "no role"}`;

const commands: Readonly<Record<CommandName, Command>> = {
  administrators: async (identity) => {
    const list = await listAdministrators(identity);
    const lines = list.map(({ email, roles }) => roleLine(email, roles));
    return done(list, lines.length > 0 ? lines : ["Nobody has a role of the admin area yet."]);
  },
  "administrators set": async (identity, { operands: [email = "", ...roles] }) => {
    const set = await setAdministrator(identity, email, roles);
    return done(set, [roleLine(set.email, set.roles)]);
  },
  keys: async (identity, { algorithm }) => {
    const keys = await listKeys(identity, algorithm);
    return done(keys, keyLines(keys));
  },
  "keys rotate": async (identity, { algorithm }) => {
    const keys = await rotateKey(identity, algorithm);
    return done(keys, keyLines(keys));
  },
  "keys withdraw": async (identity, { operands: [kid = ""] }) => {
    const result = await withdrawKey(identity, kid);
    return done(result, [`Withdrawn: ${kid}. Every instance drops it within ten seconds.`]);
  },
  "keys reseal": async (identity) => {
    const result = await resealAll(identity);
    const { keys, factors, brokenKeys, brokenFactors } = result;
    const lines = [
      `Sealed again: ${keys} signing keys, ${factors} second factors.`,
      ...brokenKeys.map((kid) => `The signing key ${kid} does not open: withdraw it.`),
      ...brokenFactors.map(
        (user) => `The authenticator app of user ${user} does not open: reset their factors.`,
      ),
    ];
    return { ok: brokenKeys.length + brokenFactors.length === 0, result, lines };
  },
  "keys drill": async (identity, { algorithm, instances, withdraw, waitMs }, issuer) => {
    const watched = instances.length > 0 ? instances : [issuer];
    const report = await drill(identity, { algorithm, instances: watched, withdraw, waitMs });
    return { ok: report.ok, result: report, lines: drillLines(report) };
  },
};

const steps = {
  before: "Before",
  rotated: "With the successor published",
  withdrawn: "With the key withdrawn",
} as const;

function drillLines({ ok, steps: taken }: DrillReport): string[] {
  const lines = taken.flatMap(({ step, kid, instances }) => [
    `${steps[step]} (${kid} signs):`,
    ...instances.map(({ instance, afterMs, verified, failed, error }) => {
      const when = afterMs === undefined ? "not in time" : `after ${(afterMs / 1_000).toFixed(1)} s`;
      return `  ${instance}  ${when}, ${verified} verified, ${failed} failed${error ? ` (${error})` : ""}`;
    }),
  ]);
  return [...lines, ok ? "Passed." : "Failed."];
}

/** Runs a command of an operator on a database that is set up. */
export function runCommand(
  identity: Identity,
  args: Arguments & { readonly command: CommandName },
  issuer: string,
): Promise<Outcome> {
  return commands[args.command](identity, args, issuer);
}
