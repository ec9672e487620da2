import { accessSync, constants, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openDatabase } from "@org/db-models";
import { type Engine, holdTtlMonitor, startEngine, temporaryDatabase } from "@org/dev-kit";
import { runDemo } from "./demo.js";
import { renderHtml } from "./html.js";
import { Screen } from "./screen.js";
import { assertEnoughMemory, sizeFor } from "./size.js";
import { renderText } from "./table.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const usage = `npm run demo [-- --users N] [--sessions N] [--seed N] [--report FILE] [--json]`;

interface Arguments {
  /** Default: what the engine does in some minutes. */
  users: number | undefined;
  sessions: number | undefined;
  seed: number;
  report: string;
  json: boolean;
}

function readArguments(): Arguments {
  const { values } = parseArgs({
    options: {
      users: { type: "string" },
      sessions: { type: "string" },
      seed: { type: "string", default: "1" },
      report: { type: "string", default: "reports/demo.html" },
      json: { type: "boolean", default: false },
    },
  });
  const whole = (name: "users" | "sessions" | "seed", text: string, most: number) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= 1 && value <= most) return value;
    throw new TypeError(`--${name} must be a whole number from 1 to ${most}, not ${text}`);
  };
  const { users, sessions, seed } = values;
  return {
    users: users === undefined ? undefined : whole("users", users, 10_000_000),
    sessions: sessions === undefined ? undefined : whole("sessions", sessions, 100_000_000),
    seed: whole("seed", seed, 2 ** 31 - 1),
    report: resolve(root, values.report),
    json: values.json,
  };
}

async function main(): Promise<number> {
  const screen = new Screen(process.stderr);
  let parsed: Arguments;
  try {
    parsed = readArguments();
  } catch (error) {
    screen.line(`${(error as Error).message}\n${usage}`);
    return 1;
  }
  const stopping = new AbortController();
  process.once("SIGINT", () => stopping.abort());
  process.once("SIGTERM", () => stopping.abort());
  try {
    assertWritable(parsed.report);
    const engine = await startEngine({
      // It proves plans, so it waits once for an engine that plans as MongoDB does.
      prefer: "faithful",
      signal: stopping.signal,
      log: (line: string) => screen.line(`engine: ${line}`),
    });
    try {
      await demonstrate(engine, parsed, stopping.signal, screen);
    } finally {
      await engine.stop();
    }
    return 0;
  } catch (error) {
    if (stopping.signal.aborted) {
      screen.line("\nstopped; nothing was left behind, and it can be run again");
      return 130;
    }
    screen.line(`\n${describe(error)}`);
    return 1;
  }
}

/** Before the work, so that a path that cannot be written costs nobody the wait. */
function assertWritable(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    accessSync(existsSync(path) ? path : dirname(path), constants.W_OK);
  } catch (error) {
    const message = `the report cannot be written to ${path}: ${(error as Error).message}`;
    throw Object.assign(new Error(message, { cause: error }), { code: "REPORT_NOT_WRITABLE" });
  }
}

async function demonstrate(
  engine: Engine,
  parsed: Arguments,
  signal: AbortSignal,
  screen: Screen,
): Promise<void> {
  const size = sizeFor(engine.kind, parsed);
  assertEnoughMemory(engine.kind, size.sessions);
  const temporary = temporaryDatabase({ uri: engine.uri, label: "demo" });
  const database = await openDatabase(temporary.uri);
  try {
    if (!(await holdTtlMonitor(engine))) {
      screen.line(
        "engine: its TTL monitor can't be held, so some of what has expired may go by itself meanwhile",
      );
    }
    const name = `${engine.kind} ${engine.version}`;
    const result = await runDemo(
      database,
      name,
      { ...size, seed: parsed.seed, now: new Date(), signal },
      screen,
    );
    process.stdout.write(parsed.json ? `${JSON.stringify(result)}\n` : `\n${renderText(result)}\n`);
    writeFileSync(parsed.report, renderHtml(result, new Date()));
    screen.line(`\nreport        ${relative(process.cwd(), parsed.report)}`);
  } finally {
    await database.close();
    await temporary.drop();
  }
}

function describe(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return typeof code === "string" ? `${code}: ${message}` : String(message ?? error);
}

process.exitCode = await main();
