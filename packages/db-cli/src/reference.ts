import type { Argument, Option } from "commander";
import { TypedOption } from "./argument-types.js";
import { type CommandFacts, type CommandName, commandFacts, exitMeanings } from "./command-facts.js";
import type { ExitCode } from "./errors.js";
import { buildProgram } from "./program.js";

/** An argument or an option of a command. */
export interface ParameterReference {
  /** As it is written: `<action>`, `--observe <days>`. */
  readonly flags: string;
  /** The option's type: `flag`, `text`, its choices, or a description. */
  readonly type: string;
  readonly default?: unknown;
  readonly description: string;
}

/** A command, as its help has it. */
export interface CommandReference extends CommandFacts {
  readonly name: CommandName;
  readonly parameters: readonly ParameterReference[];
}

/** All that `org-db` can do. */
export interface CliReference {
  readonly commands: readonly CommandReference[];
  /** Options that every command takes; a command lists its own only. */
  readonly common: readonly ParameterReference[];
  readonly exitCodes: Readonly<Record<ExitCode, string>>;
}

/**
 * The commands, options and exit codes of `org-db` as data, taken from what parses them: for documentation, or for
 * completion in a shell.
 *
 * @example
 * cliReference().commands.map(({ name, summary }) => `${name}: ${summary}`);
 */
export function cliReference(): CliReference {
  const program = buildProgram(async () => undefined);
  // Completion is about the shell, and takes none of the options that every other command takes.
  const commands = program.commands.filter((command) => Object.hasOwn(commandFacts, command.name()));
  const [first, ...others] = commands.map(({ options }) => new Map(options.map((one) => [one.flags, one])));
  const shared = [...(first ?? [])].filter(([flags]) => others.every((other) => other.has(flags)));
  const common = new Map(shared);
  return {
    commands: commands.map((command) => {
      const name = command.name() as CommandName;
      const own = command.options.filter(({ flags }) => !common.has(flags));
      const parameters = [...command.registeredArguments.map(argumentReference), ...own.map(optionReference)];
      return { name, ...commandFacts[name], parameters };
    }),
    common: [...common.values()].map(optionReference),
    exitCodes: exitMeanings,
  };
}

function argumentReference(argument: Argument): ParameterReference {
  const { required, description, argChoices } = argument;
  const name = argument.name();
  return {
    flags: required ? `<${name}>` : `[${name}]`,
    type: argChoices?.join(", ") ?? "text",
    description,
  };
}

function optionReference(option: Option): ParameterReference {
  const { flags, description, defaultValue } = option;
  return {
    flags,
    type: typeOf(option),
    description,
    ...(defaultValue !== undefined && { default: defaultValue }),
  };
}

function typeOf(option: Option): string {
  if (option.argChoices) return option.argChoices.join(", ");
  if (option instanceof TypedOption) return option.takes;
  return option.required || option.optional ? "text" : "flag";
}
