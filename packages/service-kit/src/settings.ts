// Settings of a service: one zod schema has type, default and description of each.
import { z } from "zod";

/** Whole numbers between two, as text too. */
export const integer = (min: number, max: number) => z.coerce.number().int().min(min).max(max);

/** A setting that is missing or can't be used. The message names the settings and never a value. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly code = "CONFIG_INVALID";
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The ways to a service's settings. */
export interface Settings<Schema extends z.ZodObject, Input = z.input<Schema>> {
  /**
   * Fills in the defaults.
   *
   * @throws ConfigError
   */
  readonly define: (input: Input) => z.output<Schema>;
  /**
   * Reads the settings from environment variables. An empty variable counts as absent, and a variable with the prefix that
   * is no setting is an error, because it is most likely a misspelt one. What Kubernetes sets for Services whose names begin
   * with the prefix is ignored.
   *
   * @throws ConfigError
   */
  readonly read: (env: Environment) => z.output<Schema>;
  /** The environment variable of a setting: its name in capitals behind the prefix. `mongodbUri` is `MONGODB_URI`. */
  readonly variableOf: (setting: string) => string;
}

/** @param prefix of the environment variables, with its underscore */
export function settingsOf<Schema extends z.ZodObject, Input = z.input<Schema>>(
  schema: Schema,
  prefix: string,
): Settings<Schema, Input> {
  const variableOf = (setting: string) =>
    setting === "mongodbUri"
      ? "MONGODB_URI"
      : `${prefix}${setting.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
  const variables = new Map(Object.keys(schema.shape).map((setting) => [variableOf(setting), setting]));

  const parse = (input: unknown, nameOf: (setting: string) => string): z.output<Schema> => {
    const parsed = schema.safeParse(input);
    if (parsed.success) return parsed.data;
    const problems = parsed.error.issues.map(({ path, message }) => `${nameOf(String(path[0]))}: ${message}`);
    throw new ConfigError(problems.join("; "));
  };

  const read = (env: Environment) => {
    const own = new Map(
      Object.entries(env).filter(([name, value = ""]) => value !== "" && !isServiceLink(name, value)),
    );
    const unknown = [...own.keys()].filter((name) => name.startsWith(prefix) && !variables.has(name));
    if (unknown.length > 0) throw new ConfigError(`${unknown.join(", ")}: no such setting`);
    const given = [...variables].filter(([name]) => own.has(name));
    return parse(Object.fromEntries(given.map(([name, setting]) => [setting, own.get(name)])), variableOf);
  };

  return { define: (input) => parse(input, (setting) => setting), read, variableOf };
}

const serviceLinks: readonly (readonly [name: RegExp, value: RegExp])[] = [
  [/_SERVICE_HOST$/, /^[\da-f.:]+$/i],
  [/_SERVICE_PORT(_[A-Z\d_]+)?$/, /^\d+$/],
  [/_PORT(_\d+_(TCP|UDP|SCTP))?$/, /^(tcp|udp|sctp):\/\/./i],
  [/_PORT_\d+_(TCP|UDP|SCTP)_PROTO$/, /^(tcp|udp|sctp)$/i],
  [/_PORT_\d+_(TCP|UDP|SCTP)_PORT$/, /^\d+$/],
  [/_PORT_\d+_(TCP|UDP|SCTP)_ADDR$/, /^[\da-f.:]+$/i],
];

/**
 * Whether a variable is one that Kubernetes puts into each pod of a namespace for each of its Services.
 * https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
 */
function isServiceLink(name: string, value: string): boolean {
  return serviceLinks.some(([ofName, ofValue]) => ofName.test(name) && ofValue.test(value));
}

type Row = readonly [variable: string, shownDefault: string, description: string | undefined];

/** The table of settings that a README should have: variable, default, description. */
export function settingsTable<Schema extends z.ZodObject>(
  schema: Schema,
  { variableOf }: Pick<Settings<Schema>, "variableOf">,
  defaults: Readonly<Record<string, unknown>>,
): Row[] {
  return Object.entries(schema.shape).map(([setting, { description }]: [string, z.ZodType]) => {
    const value = setting === "mongodbUri" ? undefined : defaults[setting];
    const shown = value === undefined || Array.isArray(value) ? "" : `\`${value}\``;
    return [`\`${variableOf(setting)}\``, shown, description];
  });
}

/** The table of settings that a README has, under its heading `Settings`. */
export function readmeSettings(readme: string): string[][] {
  const section = readme.slice(readme.indexOf("## Settings"));
  const rows = section.split("\n").filter((line) => line.startsWith("| `"));
  return rows.map((row) =>
    row
      .split("|")
      .slice(1, 4)
      .map((cell) => cell.trim()),
  );
}
