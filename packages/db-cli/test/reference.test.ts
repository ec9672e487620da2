import { expect, test } from "vitest";
import { cliReference } from "../src/index.js";
import { buildProgram } from "../src/program.js";
import { orgDb } from "./support.js";

const { commands, common, exitCodes } = cliReference();

test.each(commands.flatMap(({ name, examples }) => examples.map(([line]) => [line, name] as const)))(
  "%s is a command line that can be typed",
  async (line, name) => {
    const typed: string[] = [];
    const program = buildProgram(async () => undefined);
    for (const command of program.commands)
      command.exitOverride().hook("preAction", (_this, acting) => void typed.push(acting.name()));
    const [program0, ...args] = line.split(" ");
    await program.parseAsync(args, { from: "user" });
    expect([program0, ...typed]).toEqual(["org-db", name]);
  },
);

test.each(commands.map((command) => [command.name, command] as const))(
  "the help of %s shows what the reference has of it",
  async (name, { summary, writes, exits, examples, parameters }) => {
    const { exitCode, stdout } = await orgDb([name, "--help"]);
    expect(exitCode).toBe(0);
    const shown = stdout.replace(/\s+/g, " ");
    const lines = examples.map(([line]) => line);
    for (const text of [summary, writes, ...Object.values(exits), ...lines]) expect(shown).toContain(text);
    for (const { flags } of [...parameters, ...common])
      expect(shown).toContain(flags.replace(/^[<[](.*)[>\]]$/, "$1"));
  },
);

test("a command says when it ends with a code that not every command has", () => {
  expect(Object.keys(exitCodes).map(Number)).toEqual([0, 1, 2, 3, 4, 130]);
  // A command that waits for another process can run out of time.
  const waiting = commands.filter(({ parameters }) =>
    parameters.some(({ flags }) => flags.startsWith("--wait")),
  );
  expect(waiting.length).toBeGreaterThan(0);
  for (const { exits } of waiting) expect(exits).toHaveProperty("4");
});

test("what an option takes is told before it is refused, and in the same words", async () => {
  for (const { name, parameters } of commands)
    for (const { flags, type } of parameters.filter((one) => / from | to |such as/.test(one.type))) {
      const [option = ""] = flags.split(" ");
      const operands = name === "migrate" ? ["status"] : [];
      const { exitCode, stderr } = await orgDb([name, ...operands, option, "-"]);
      expect([exitCode, stderr]).toEqual([1, expect.stringContaining(`It takes ${type}.`)]);
    }
});
