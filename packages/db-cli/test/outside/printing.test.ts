// Output of commands, after public reports: motdotla/dotenv #876 (a banner on stdout), percona/mongodb_exporter #1345,
// mongo-express #926 and mongo-ruby-driver #3039 (secrets of a connection string), CVE-2021-25743 of kubectl (escape
// sequences of a name reach the terminal), commander #1752 and cdk-real-drift #866 (closed and slow pipes).
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

import { redact } from "../../src/output/redact.js";
import { table } from "../../src/output/table.js";
import { fitting } from "../../src/output/width.js";
import { orgDbCommand, startOrgDb, startProgram } from "../org-db-process.js";
import { configs, orgDb } from "../support.js";

const database = useTemporaryDatabase({ label: "printing", per: "test" });
vi.setConfig({ testTimeout: 120_000 });

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "org-db-printing-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function configOf(text: string): Promise<string> {
  const path = join(folder, `${Math.random().toString(36).slice(2)}.config.mjs`);
  await writeFile(path, text);
  return path;
}

test.each([
  ["plan", "--json"],
  ["health", "--format", "prometheus"],
])("%s %s stays what it is when the project prints: that goes to stderr", async (...args) => {
  const config = await configOf(
    `console.log("banner"); process.stdout.write("more\\n");
       export default { models: (connection) => { console.log("models"); return [connection.model("A", undefined, "a")]; } };`.replace(
      'connection.model("A", undefined, "a")',
      'connection.model("A", new connection.base.Schema({ a: Number }), "a")',
    ),
  );
  const ran = await startOrgDb([...args, "--config", config], { MONGODB_URI: database.uri });
  expect(ran.stdout).not.toMatch(/banner|more|models/);
  expect(ran.stderr).toMatch(/banner\nmore\nmodels/);
  if (args.includes("--json")) expect(JSON.parse(ran.stdout)).toHaveProperty("inSync");
  else expect(ran.stdout).toMatch(/^# HELP org_db_/);
});

describe("secrets of a connection string", () => {
  test.each([
    "mongodb://ada:SECRET@127.0.0.1:1/shop",
    "mongodb+srv://ada:SECRET@example.com/shop",
    "mongodb://ada:SEC/RET@127.0.0.1/shop",
    "mongodb://ada:SEC RET@127.0.0.1/shop",
    "mongodb://ada:SEC@RET@127.0.0.1/shop",
    "mongodb:/ada:SECRET@127.0.0.1/shop",
    "mongodb://127.0.0.1/shop?tls=true&tlsCertificateKeyFilePassword=SECRET",
    "mongodb://127.0.0.1/shop?TLSCERTIFICATEKEYFILEPASSWORD=SECRET&appName=x",
    "mongodb://127.0.0.1/shop?proxyHost=a&proxyPort=1&proxyUsername=u&proxyPassword=SECRET",
    "mongodb://127.0.0.1/?authMechanism=MONGODB-AWS&authMechanismProperties=AWS_SESSION_TOKEN:SECRET",
    "mongodb://127.0.0.1/?authMechanismProperties=SERVICE_NAME:x,AWS_SESSION_TOKEN:SECRET",
  ])("%s", (uri) => {
    const shown = redact(`Cannot connect to ${uri}: refused`);
    expect(shown).not.toMatch(/SEC|RET/);
    expect(shown).toContain("***");
  });

  test("other text stays", () => {
    const text = "see https://example.com/a@b?password=1 and orders.user_1@v2";
    expect(redact(text)).toBe(text);
  });

  test("in a failure, its JSON and its details", async () => {
    const uri =
      "mongodb://ada:SECRET@127.0.0.1:9/shop?serverSelectionTimeoutMS=50&tls=true&tlsCertificateKeyFilePassword=SECRET";
    const ran = await orgDb(["plan", "--json", "--timeout", "1", "--config", configs.shop, "--uri", uri]);
    expect(ran.exitCode).toBe(1);
    expect(ran.stdout + ran.stderr).not.toContain("SECRET");
  });
});

describe("text of the server", () => {
  const hostile = "esc\u001b[2J\u001b[31mred\u0007 csi\u009b31m rtl\u202ename";
  // Characters that control a terminal or reverse text; line feeds are the report's own.
  const acting = /(?![\n\t])[\p{Cc}\u202e]/u;

  const hostileConfig = () =>
    configOf(`const names = ${JSON.stringify([hostile])};
export default {
  models: (connection) => names.map((name, at) => connection.model("M" + at,
    new connection.base.Schema({ at: { type: Date, index: true } }), name)),
  queries: () => names.map((name) => ({ name, collection: name, filter: { at: new Date(0) } })),
  cleanup: names.map((name, at) => ({ name: "r" + at, collection: name, field: "at", retentionSeconds: 1 })),
};`);

  test.each([
    ["plan"],
    ["health"],
    ["health", "--format", "markdown"],
    ["health", "--format", "html"],
    ["health", "--format", "prometheus"],
    ["health", "--json"],
    ["storage"],
    ["storage", "--json"],
    ["optimize", "--rounds", "1"],
    ["shard-plan"],
    ["cleanup"],
    ["setup"],
  ])("%s %s %s shows control characters as text", async (...args) => {
    await database.connection.collection(hostile).insertOne({ at: new Date(0) });
    const ran = await orgDb([...args, "--config", await hostileConfig(), "--uri", database.uri]);
    const shown = ran.stdout + ran.stderr;
    // JSON is for programs, which want the name; nothing in it acts on a terminal.
    expect(shown.replaceAll(args.includes("--json") ? "\u202e" : "", "")).not.toMatch(acting);
    expect(shown).toMatch(/\\u001b\\?\[2J/);
  });

  // As a row of `done` and `ok` lines is read by people and by scripts.
  test.each([
    ["plan"],
    ["setup"],
    ["plan", "--check"],
    ["health"],
    ["doctor"],
    ["shard-plan"],
    ["cleanup"],
    ["storage"],
    ["optimize", "--rounds", "1"],
    ["advise"],
  ])("%s %s shows a name with a line break within its line", async (...args) => {
    const forged = "ok      indexes: forged";
    const name = `orders\n${forged}`;
    await database.connection.collection(name).insertOne({ at: new Date(0), [name]: Array(200).fill(1) });
    const ran = await orgDb([...args, "--config", configs.lineBreak, "--uri", database.uri]);
    const lines = (ran.stdout + ran.stderr).split("\n");
    expect(lines.filter((line) => line.startsWith(forged))).toEqual([]);
    expect(lines.some((line) => line.includes(`orders\\u000a${forged}`))).toBe(true);
  });

  test("colours of our own stay", async () => {
    const stdout = { text: "", isTTY: true, write: (text: string) => (stdout.text += text) };
    await database.connection.collection(hostile).insertOne({ at: new Date(0) });
    await orgDb(["health", "--config", await hostileConfig(), "--uri", database.uri], { stdout });
    expect(stdout.text).toContain("\u001b[1m");
    expect(stdout.text).not.toContain("\u001b[2J");
  });
});

describe("pipes", () => {
  const piped = (args: string, to: string) =>
    startProgram(
      ["bash", "-c", `"$@" ${args} | ${to}; echo "exit \${PIPESTATUS[0]}" >&2`, "-", ...orgDbCommand],
      { MONGODB_URI: database.uri },
    );

  test("a reader that leaves ends the command without a word", async () => {
    const ran = await piped(`plan --check --config ${configs.shop}`, "true");
    expect(ran.stderr).not.toMatch(/EPIPE|\bat .*node:/);
    // With `set -o pipefail` the pipeline is no success.
    expect(ran.stderr).toMatch(/^exit 2$/m);
  });

  test("a slow reader gets all of it", async () => {
    const names = Array.from({ length: 150 }, (_, at) => `c${at}_${"x".repeat(180)}`);
    for (const name of names) await database.connection.createCollection(name);
    const ran = await piped(`storage --json --config ${configs.shop}`, "(sleep 1; cat)");
    expect(ran.stdout.length).toBeGreaterThan(65_536);
    expect(JSON.parse(ran.stdout)).toHaveProperty("collections");
  });
});

test.each([[["plan", "--nonsense"]], [["plan", "--timeout", "soon"]], [["plna"]], [["plan", "extra"]]])(
  "%j with --json: the error is JSON",
  async (args) => {
    const ran = await orgDb([...args, "--json"]);
    expect(ran.exitCode).toBe(1);
    expect(JSON.parse(ran.stdout)).toMatchObject({ error: { code: "USAGE", message: expect.any(String) } });
  },
);

test("--timeout 0 looks for a second, not for ever", async () => {
  const ran = await orgDb([
    "plan",
    "--timeout",
    "0",
    "--config",
    configs.shop,
    "--uri",
    "mongodb://127.0.0.1:9/shop",
  ]);
  expect(ran).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("UNREACHABLE") });
});

describe("a connection string without a database", () => {
  const uri = () => database.uri.replace(database.name, "");

  test.each([["setup"], ["apply"], ["cleanup", "--run"], ["rollback"]])("%s refuses it", async (...args) => {
    const ran = await orgDb([...args, "--config", configs.shop, "--uri", uri()]);
    expect(ran).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("DATABASE_MISSING") });
    expect(ran.stderr).toContain("/shop");
  });
});

describe("characters that take two columns, or none", () => {
  // East Asian width (Unicode Standard Annex 11); a family emoji is one sign of several code points.
  test("columns stand below each other", () => {
    const text = table(
      [{ title: "collection" }, { title: "n", align: "right" }],
      [
        ["注文", "1"],
        ["orders", "22"],
        ["👨‍👩‍👧", "3"],
        ["cafe\u0301", "4"],
      ],
    );
    expect(text).toBe(
      "collection   n\n----------  --\n注文         1\norders      22\n👨‍👩‍👧           3\ncafe\u0301         4\n",
    );
  });

  test.each([
    ["注文の数", 5, "注文"],
    ["注文の数", 8, "注文の数"],
    ["a👨‍👩‍👧b", 2, "a"],
    ["cafe\u0301s", 4, "cafe\u0301"],
    ["", 0, ""],
  ])("%j in %d columns", (whole, columns, shown) => {
    expect(fitting(whole, columns)).toBe(shown);
  });
});
