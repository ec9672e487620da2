import { type CommandReference, cliReference, type ParameterReference } from "@org/db-cli";
import { table } from "./markdown.js";

/** Every command of `org-db`, from what parses its command line. */
export function cliPage(): string {
  const { commands, common, exitCodes } = cliReference();
  return [
    "# Commands of org-db\n",
    "What `org-db <command> --help` says of each, in one page ([what `--json` prints](cli-json.md)). Without `--run` nothing is removed or replaced.\n",
    table(
      ["command", "does"],
      commands.map(({ name, summary }) => [`[\`${name}\`](#org-db-${name})`, summary]),
    ),
    "\n## Options of every command\n",
    parameterTable(common),
    "\n## Completion\n",
    "`org-db completion bash`, `zsh` or `fish` prints a script that completes commands, options and their choices. Names of collections, models, cleanup rules and migrations come from the configuration; no database is asked.\n",
    "```sh",
    'eval "$(org-db completion bash)"     # in ~/.bashrc',
    'eval "$(org-db completion zsh)"      # in ~/.zshrc',
    "org-db completion fish | source      # in ~/.config/fish/config.fish",
    "```\n",
    "## Exit codes\n",
    table(
      ["code", "meaning"],
      Object.entries(exitCodes).map(([code, meaning]) => [code, meaning]),
    ),
    "",
    ...commands.map(commandText),
  ].join("\n");
}

function commandText({ name, summary, writes, parameters, exits, examples }: CommandReference): string {
  const codes = Object.entries(exits).map(([code, when]) => [code, when]);
  const longest = Math.max(...examples.map(([line]) => line.length));
  return [
    `## org-db ${name}\n`,
    `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.\n`,
    `**Writes:** ${writes}\n`,
    ...(parameters.length > 0 ? [parameterTable(parameters), ""] : []),
    `Exits with 0, 1, 130, and:\n`,
    table(["code", "when"], codes),
    "\n```sh",
    ...examples.map(([line, does]) => `${line.padEnd(longest)}  # ${does}`),
    "```\n",
  ].join("\n");
}

function parameterTable(parameters: readonly ParameterReference[]): string {
  return table(
    ["option", "takes", "default", "meaning"],
    parameters.map(({ flags, type, default: fallback, description }) => [
      `\`${flags}\``,
      type,
      fallback === undefined ? "" : `\`${String(fallback)}\``,
      description,
    ]),
  );
}
