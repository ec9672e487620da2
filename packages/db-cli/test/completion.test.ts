// Completion as real shells do it: bash where the machine has one, as every one of ours does; zsh and fish where it has them.
import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";
import { expect, test, vi } from "vitest";
import { completionScript } from "../src/completion.js";
import { cliReference } from "../src/index.js";
import { buildProgram } from "../src/program.js";
import { orgDbCommand } from "./org-db-process.js";
import { configs, fixtures, orgDb } from "./support.js";

// Names of the configuration are read by a process, which takes long on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const run = promisify(execFile);
const quoted = (words: readonly string[]) =>
  words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
const program = buildProgram(async () => undefined);
const hasShell = (shell: string) => spawnSync(shell, ["-c", "exit 0"]).status === 0;

/** What a shell offers for the last word of a line. */
async function completed(shell: "bash" | "zsh" | "fish", words: readonly string[]): Promise<string[]> {
  const script = completionScript(shell, program);
  const stub = quoted(orgDbCommand);
  const programs = {
    bash: `org-db() { ${stub} "$@"; }\n${script}\nCOMP_WORDS=(${quoted(words)}); COMP_CWORD=${words.length - 1}; _org_db\nprintf '%s\\n' "\${COMPREPLY[@]}"`,
    // As bashcompinit does before it calls the function: arrays from 0, words split.
    zsh: `org-db() { ${stub} "$@"; }\n${script.replace(/\ncomplete -F.*/, "")}\ncomplete_it() { emulate -L sh; setopt kshglob noshglob braceexpand; local -a COMP_WORDS COMPREPLY; COMP_WORDS=(${quoted(words)}); COMP_CWORD=${words.length - 1}; _org_db; printf '%s\\n' "\${COMPREPLY[@]}"; }\ncomplete_it`,
    fish: `function org-db; ${stub} $argv; end\n${script}\ncomplete -C ${quoted([words.join(" ")])}`,
  };
  const flags = shell === "zsh" ? ["-f", "-c"] : ["-c"];
  const { stdout } = await run(shell, [...flags, programs[shell]], { cwd: fixtures });
  return (
    stdout
      .split("\n")
      .map((line) => line.split("\t")[0] ?? "")
      .filter(Boolean)
      // zsh itself takes of what is offered what begins with the word.
      .filter((word) => shell !== "zsh" || word.startsWith(words.at(-1) ?? ""))
  );
}

const { commands, common } = cliReference();
const present = (["bash", "zsh", "fish"] as const).filter(hasShell);
const longOf = (flags: string) => flags.split(" ")[0] ?? "";

test("bash is here", () => expect(present).toContain("bash"));

test.each(present)("%s offers every command", async (shell) => {
  const offered = await completed(shell, ["org-db", ""]);
  for (const { name } of commands) expect(offered).toContain(name);
  expect(offered.filter((word) => word.startsWith("_"))).toEqual([]);
  expect(await completed(shell, ["org-db", "he"])).toContain("health");
});

test.each(present)("%s offers the options of each command, and nothing of others", async (shell) => {
  for (const { name, parameters } of shell === "bash" ? commands : commands.slice(0, 3)) {
    const offered = await completed(shell, ["org-db", name, "--"]);
    const options = [...parameters, ...common]
      .map(({ flags }) => longOf(flags))
      .filter((one) => one.startsWith("--"));
    expect(offered.filter((one) => one !== "--help").sort()).toEqual(options.sort());
  }
});

test.each(present)("%s offers choices", async (shell) => {
  expect(await completed(shell, ["org-db", "health", "--format", ""])).toEqual(
    expect.arrayContaining(["html", "json", "markdown", "prometheus", "text"]),
  );
  expect(await completed(shell, ["org-db", "migrate", "ro"])).toEqual(["rollback"]);
});

test.each(present.filter((shell) => shell !== "fish"))(
  "%s offers the names of the configuration that the line gives, and no database is asked",
  async (shell) => {
    const line = ["org-db", "plan", "--config", configs.many, "--only", "many_1", "many_2"];
    expect(await completed(shell, line)).toContain("many_20");
  },
);

test.each([
  ["collections", configs.shop, "orders\n"],
  ["models", configs.shop, "Order\n"],
  ["rules", configs.shop, "old-orders\n"],
  ["migrations", configs.shop, ""],
  ["models", "absent.config.ts", ""],
])("names of %s come from %s", async (kind, config, expected) => {
  expect(await orgDb(["_names", kind, "--config", config])).toMatchObject({
    exitCode: 0,
    stdout: expected,
    stderr: "",
  });
});

test.each(["bash", "zsh", "fish"])(
  "org-db completion %s prints the script, and needs no configuration",
  async (shell) => {
    const { exitCode, stdout } = await orgDb(["completion", shell], { cwd: "/" });
    expect(exitCode).toBe(0);
    expect(stdout).toContain("org-db");
  },
);

test("a shell that is none is refused", async () => {
  expect(await orgDb(["completion", "tcsh"])).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining("bash, zsh, fish"),
  });
});
