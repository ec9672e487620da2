// Completion in bash, zsh and fish: commands, options and choices are in the script; names come from the configuration.
import type { Argument, Option, Command as Program } from "commander";
import type { CliIo } from "./io.js";

/** Shells that completion is written for. */
export const shells = ["bash", "zsh", "fish"] as const;

/** Names that only the configuration has. */
export const nameKinds = ["collections", "models", "rules", "migrations"] as const;
type NameKind = (typeof nameKinds)[number];

/** What an option or an argument may be followed by. */
interface Values {
  readonly choices?: readonly string[] | undefined;
  readonly names?: NameKind | undefined;
  readonly files?: boolean;
}

const namesOf: Readonly<Record<string, NameKind>> = {
  "--only": "collections",
  "--ignore": "models",
  "--rule": "rules",
  "[name]": "migrations",
};

/** The script that a shell evaluates. Pure. */
export function completionScript(shell: (typeof shells)[number], program: Program): string {
  const commands = program.commands.filter((command) => !isHidden(command));
  if (shell === "fish") return fishScript(commands);
  const script = bashScript(commands);
  return shell === "bash"
    ? script
    : `autoload -Uz compinit bashcompinit\n(( $+functions[compdef] )) || compinit\nbashcompinit\n${script}`;
}

/** Reads the names of a kind from the configuration. Connects to nothing. */
export async function configuredNames(io: CliIo, kind: NameKind, path?: string): Promise<readonly string[]> {
  const { loadConfig } = await import("./load-config.js");
  const { config, mongoose } = await loadConfig(io.cwd, path);
  if (kind === "rules") return config.cleanup.map(({ name }) => name);
  if (kind === "migrations") return config.migrations.map(({ name }) => name);
  const connection = mongoose.createConnection();
  for (const option of ["autoIndex", "autoCreate"] as const) connection.set(option, false);
  const models = Object.values(await config.models(connection)) as {
    modelName: string;
    collection: { collectionName: string };
  }[];
  const names = models.map(({ modelName, collection }) =>
    kind === "models" ? modelName : collection.collectionName,
  );
  return [...new Set(names)];
}

function isHidden(command: Program): boolean {
  return command.name().startsWith("_");
}

function valuesOf(name: string, { argChoices }: Option | Argument): Values {
  return { choices: argChoices, names: namesOf[name], files: name === "--config" };
}

const takesValue = ({ required, optional }: Option) => required || optional;

function bashScript(commands: readonly Program[]): string {
  return `_org_db() {
  local cur=\${COMP_WORDS[COMP_CWORD]} command=\${COMP_WORDS[1]} option= config= at
  COMPREPLY=()
  if [ "$COMP_CWORD" -le 1 ]; then
    COMPREPLY=($(compgen -W "${commands.map((one) => one.name()).join(" ")} help --version --help" -- "$cur"))
    return
  fi
  # The option that the word belongs to: of one value the word before, of many the last one.
  for ((at = 2; at < COMP_CWORD; at++)); do
    case "\${COMP_WORDS[at]}" in
      --config) config=\${COMP_WORDS[at + 1]}; option=--config ;;
      --*) option=\${COMP_WORDS[at]} ;;
      *) case "$command $option" in
${commands.flatMap(variadicPatterns).join("\n")}
          *) option= ;;
        esac ;;
    esac
  done
  case "$cur" in -*) option= ;; esac
  case "$command $option" in
${commands.flatMap(bashValues).join("\n")}
  esac
  case "$command" in
${commands.map((one) => `    ${one.name()}) COMPREPLY=($(compgen -W "${wordsOf(one)}" -- "$cur")) ;;`).join("\n")}
  esac
}
_org_db_names() {
  org-db _names "$1" \${config:+--config "$config"} 2>/dev/null
}
complete -F _org_db org-db
`;
}

function variadicPatterns(command: Program): string[] {
  return command.options
    .filter(({ variadic }) => variadic)
    .map(({ long }) => `          "${command.name()} ${long}") ;;`);
}

function bashValues(command: Program): string[] {
  return command.options.filter(takesValue).map((option) => {
    const { choices, names, files } = valuesOf(option.long ?? "", option);
    const reply = files
      ? '$(compgen -f -- "$cur")'
      : `$(compgen -W "${names ? `$(_org_db_names ${names})` : (choices ?? []).join(" ")}" -- "$cur")`;
    return `    "${command.name()} ${option.long}") COMPREPLY=(${reply}); return ;;`;
  });
}

/** The first argument's choices, the names that a second one may have, and the options. */
function wordsOf(command: Program): string {
  const { registeredArguments, options } = command;
  const values = registeredArguments.map((argument) => valuesOf(`[${argument.name()}]`, argument));
  return [
    ...values.flatMap(({ choices = [], names }) => [
      ...choices,
      ...(names ? [`$(_org_db_names ${names})`] : []),
    ]),
    ...options.map(({ long }) => long),
    "--help",
  ].join(" ");
}

function fishScript(commands: readonly Program[]): string {
  const lines = commands.flatMap((command) => {
    const name = command.name();
    const seen = `complete -c org-db -f -n '__fish_seen_subcommand_from ${name}'`;
    return [
      `complete -c org-db -f -n __fish_use_subcommand -a ${name} -d ${fishText(command.description())}`,
      ...command.registeredArguments.map(
        (argument) => `${seen}${fishValues(valuesOf(`[${argument.name()}]`, argument))}`,
      ),
      ...command.options.map((option) => {
        const values = takesValue(option) ? fishOption(valuesOf(option.long ?? "", option)) : "";
        return `${seen} -l ${option.long?.slice(2)} -d ${fishText(option.description)}${values}`;
      }),
    ];
  });
  return `${lines.join("\n")}\n`;
}

function fishOption(values: Values): string {
  return values.files ? " -r -a '(__fish_complete_path (commandline -ct))'" : ` -x${fishValues(values)}`;
}

function fishValues({ choices, names }: Values): string {
  if (names) return ` -a '(org-db _names ${names} 2>/dev/null)'`;
  return choices ? ` -a ${fishText(choices.join(" "))}` : "";
}

function fishText(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
