import { OptimizerError } from "@org/db-optimizer";
import { temporaryDatabase } from "@org/dev-kit";
import { mongo } from "mongoose";
import { describe, expect, inject, test } from "vitest";

import type { Command } from "../src/command.js";
import { commandFacts } from "../src/command-facts.js";
import { failureOf } from "../src/failure.js";
import { runCommand } from "../src/run-command.js";
import { configs, fixtures, orgDb } from "./support.js";

const nowhere = "mongodb://user:secret@127.0.0.1:9/shop";

describe("configuration", () => {
  test.each<[string, string[], string, RegExp]>([
    ["none in the folder", [], "CONFIG_NOT_FOUND", /No db\.config\.ts, .* in .*--config/],
    ["none of that name", ["--config", "absent.ts"], "CONFIG_NOT_FOUND", /No file absent\.ts/],
    ["one that throws", ["--config", configs.throws], "CONFIG_FAILED", /the shop is closed/],
    [
      "one that exports nothing by default",
      ["--config", configs.noDefault],
      "CONFIG_INVALID",
      /export default/,
    ],
    ["no connection string", ["--config", configs.shop], "URI_MISSING", /--uri.*MONGODB_URI/],
    [
      "a wrong connection string",
      ["--config", configs.shop, "--uri", "mongo://x"],
      "CONFIG_INVALID",
      /connection string/,
    ],
    // Source: Automattic/mongoose #6401, mojaloop/project #3256, mongodb-js/vscode #341.
    ...["pa@SEC", "pa#SEC", "pa/SEC", "pa%SEC", "pa:SEC", "pa?SEC"].map(
      (password): [string, string[], string, RegExp] => [
        `a password with a special character: ${password}`,
        ["--config", configs.shop, "--uri", `mongodb://ada:${password}@127.0.0.1:9/shop`],
        "CONFIG_INVALID",
        /^(?!.*SEC).*@ as %40/s,
      ],
    ),
  ])("%s", async (_name, args, code, message) => {
    const result = await orgDb(["plan", ...args]);
    expect(result).toMatchObject({ exitCode: 1, stdout: "" });
    expect(result.stderr).toContain(code);
    expect(result.stderr).toMatch(message);
  });

  test("a wrong shape names each path", async () => {
    const { exitCode, stderr } = await orgDb(["plan", "--config", configs.shape, "--uri", nowhere]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain("CONFIG_INVALID");
    expect(stderr).toContain("\n  models: models must be a function");
    expect(stderr).toContain("\n  cleanup.0.name: ");
    expect(stderr).toContain("\n  cleanup.0.retentionSeconds: ");
    expect(stderr).toContain('Unrecognized key: "speling"');
  });

  test.each([
    ["models that throw", configs.modelsThrow, "CONFIG_FAILED", "models failed: no schema today"],
    ["what is not a model", configs.notAModel, "INVALID_MODEL", "an object with the keys hello"],
    ["two named queries of one name", configs.sameNames, "INVALID_QUERY", 'Two named queries are named "q"'],
    ["a model without a name", configs.nameless, "INVALID_MODEL", 'collection "things" has no name'],
  ])("%s", async (_name, config, code, message) => {
    const { exitCode, stderr } = await orgDb(["doctor", "--config", config, "--uri", inject("engine").uri]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(code);
    expect(stderr).toContain(message);
  });
});

describe("server", () => {
  test("one that is not there: bounded, coded, without the password", async () => {
    const result = await orgDb(["health", "--config", configs.shop, "--uri", nowhere, "--timeout", "0.2"]);
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toContain("UNREACHABLE Cannot connect to mongodb://***@127.0.0.1:9/shop");
    expect(result.stderr).not.toContain("secret");
  });

  test("wrong credentials are told from a server that is away, without the password", async () => {
    const wrong = new URL(inject("engine").uri);
    wrong.username = "nobody";
    wrong.password = "secret";
    const uri = wrong.href;
    const result = await orgDb(["plan", "--config", configs.shop, "--uri", uri]);
    expect(result).toMatchObject({ exitCode: 1, stdout: "" });
    expect(result.stderr).toContain("AUTHENTICATION_FAILED");
    expect(result.stderr).toContain("authSource");
    expect(result.stderr).not.toContain("secret");
  });

  test("a failure as JSON", async () => {
    const { stdout } = await orgDb([
      "plan",
      "--json",
      "--config",
      configs.shop,
      "--uri",
      nowhere,
      "--timeout",
      "0.2",
    ]);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: "UNREACHABLE" } });
    expect(stdout).not.toContain("secret");
  });

  const refusal = (code: number) => new mongo.MongoServerError({ message: "not you", code });

  // The engine of the tests has no users, so the documented error codes stand in for its answers.
  test.each<[string, unknown, boolean, string, number]>([
    ["wrong credentials", refusal(18), true, "AUTHENTICATION_FAILED", 1],
    ["no privilege to read leaves the question open", refusal(13), true, "NOT_AUTHORIZED", 3],
    ["no privilege to write is an error", refusal(13), false, "NOT_AUTHORIZED", 1],
    ["locked", new OptimizerError("LOCKED", "another"), false, "LOCKED", 4],
    ["a fault of our own", new TypeError("oops"), true, "UNEXPECTED", 1],
  ])("%s", async (_name, error, reading, code, exitCode) => {
    const failing: Command = async () => {
      throw error;
    };
    let stderr = "";
    const io = {
      stdout: { write: () => undefined },
      stderr: { write: (text: string) => (stderr += text) },
      env: {},
      cwd: fixtures,
      onInterrupt: () => () => undefined,
      exit: () => undefined,
      now: () => new Date(),
    };
    const uri = temporaryDatabase({ uri: inject("engine").uri, label: "bad_input" }).uri;
    const options = { config: configs.shop, uri, timeout: 5 };
    expect(await runCommand(io, options, failing, { reading })).toBe(exitCode);
    expect(stderr).toContain(code);
  });

  test("a handshake that is refused is about credentials, not about reach", () => {
    const cause = refusal(18);
    const error = new OptimizerError("AUTHENTICATION_FAILED", "Cannot connect", { cause });
    expect(failureOf(error, true).hint).toContain("authSource");
  });
});

describe("usage", () => {
  test.each([
    ["an unknown command", ["plant"], "unknown command 'plant'"],
    ["an unknown option", ["plan", "--password", "x"], "unknown option '--password'"],
    ["a wrong number", ["optimize", "--rounds", "many"], "whole number"],
    [
      "options before the command",
      ["--uri", nowhere, "plan"],
      "Options follow the command: org-db plan --uri",
    ],
    ["wrong seconds", ["plan", "--timeout", "soon"], "It takes seconds"],
    [
      "a variable that is not set, for the connection string",
      ["apply", "--uri", ""],
      "It takes a connection string",
    ],
  ])("%s", async (_name, args, message) => {
    const result = await orgDb(args);
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toContain(message);
  });

  test("help and its exit codes", async () => {
    const result = await orgDb(["--help"]);
    expect(result.exitCode).toBe(0);
    for (const name of ["setup", "plan", "apply", "health", "optimize", "cleanup"])
      expect(result.stdout).toContain(name);
    expect(result.stdout).toContain("Exit codes: 0");
  });

  test.each(Object.keys(commandFacts))(
    "the help of %s fits 80 columns, but for commands to paste",
    async (name) => {
      const { stdout } = await orgDb([name, "--help"]);
      expect(stdout).toContain("\nWrites: ");
      const wide = stdout.split("\n").filter((line) => line.length > 80 && !line.startsWith("  org-db "));
      expect(wide).toEqual([]);
    },
  );

  test("nothing at all shows the help", async () => {
    const result = await orgDb([]);
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toContain("Usage: org-db");
  });

  test("the second Ctrl-C leaves at once", async () => {
    const left: number[] = [];
    await orgDb(["plan", "--config", configs.shop, "--uri", nowhere, "--timeout", "0.2"], {
      onInterrupt: (listener) => {
        listener();
        listener();
        return () => undefined;
      },
      exit: (code) => left.push(code),
    });
    expect(left).toEqual([130]);
  });
});
