/**
 * Fuzzes the service by its own OpenAPI document with Schemathesis, as a browser (cookie), a program (bearer), an API key,
 * and in the admin area as an administrator: all of its checks. Takes `--requests 20000` (about so many), `--seed 1`, and
 * `--as cookie,bearer,apiKey,administrator`.
 */
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { defineConfig, startServer } from "@org/api";
import { openDatabase } from "@org/db-models";
import { DatabaseInitializer } from "@org/db-optimizer";
import { startEngine, withDatabase } from "@org/dev-kit";
import { freePort } from "@org/dev-kit/free-port";
import type { Model } from "mongoose";
import { describeFailure, root, stopSignal } from "./engine.js";
import { servePromotions } from "./promotions.js";

const version = "4.32.5";
const cache = join(root, "node_modules/.cache/schemathesis");
const credentials = ["cookie", "bearer", "apiKey", "administrator"] as const;
const { values } = parseArgs({
  options: {
    requests: { type: "string", default: "20000" },
    seed: { type: "string", default: "1" },
    as: { type: "string", default: credentials.join(",") },
  },
});
const say = (line: string) => void process.stdout.write(`${line}\n`);
const stopping = stopSignal();

try {
  const program = await install();
  const engine = await startEngine({ prefer: "quick", log: say, signal: stopping });
  try {
    process.exitCode = await fuzz(
      program,
      withDatabase(engine.uri, `fuzz_${randomBytes(6).toString("hex")}`),
    );
  } finally {
    await engine.stop();
  }
} catch (error) {
  process.stderr.write(`${describeFailure(error)}\n`);
  process.exitCode = 1;
}

/** Schemathesis in a virtual environment of its own, of the version above. */
async function install(): Promise<string> {
  const folder = join(cache, version);
  const program = join(folder, "bin", "schemathesis");
  if (existsSync(join(folder, ".complete"))) return program;
  const python = ["python3", "python"].find((name) => {
    const { status, stdout } = spawnSync(name, [
      "-c",
      "import sys, venv; print(sys.version_info >= (3, 10))",
    ]);
    return status === 0 && String(stdout).trim() === "True";
  });
  if (!python)
    throw new Error("Python 3.10 or later with venv is needed to fuzz: install python3 and python3-venv.");
  await mkdir(cache, { recursive: true });
  say(`installing schemathesis ${version} …`);
  await run(python, ["-m", "venv", "--clear", folder]);
  await run(join(folder, "bin", "pip"), ["install", "--quiet", `schemathesis==${version}`]);
  await writeFile(join(folder, ".complete"), version);
  return program;
}

async function fuzz(program: string, mongodbUri: string): Promise<number> {
  const database = await openDatabase(mongodbUri);
  const models = Object.values(database.models) as Model<unknown>[];
  await new DatabaseInitializer(database.connection, models).initialize({ signal: stopping });
  const limits = { rateLimit: 1_000_000, signInRateLimit: 1_000_000, rateLimitStore: "memory" } as const;
  const port = await freePort();
  const config = defineConfig({
    mongodbUri,
    port,
    // With it the service is a provider, whose endpoints are in the document too; browsers bind no passkey to an IP address.
    issuer: `http://localhost:${port}`,
    logLevel: "silent",
    insecureCookies: true,
    riskPolicy: "off",
    maxEventLoopDelayMs: 0,
    admin: "on",
    impersonation: true,
    sealKeys: [{ id: "fuzz", key: randomBytes(48).toString("base64") }],
    ...limits,
  });
  // Guesses come by the thousand from one address: the defence would answer all of them.
  const logins = {
    account: { free: 10_000, challengeAfter: 10_000 },
    network: { free: 100_000, challengeAfter: 100_000 },
  };
  const server = await startServer(config, { database, policies: { logins } });
  const [address = ""] = server.addresses;
  const promotions = await servePromotions(database);
  let failed = 0;
  try {
    const names = values.as.split(",");
    for (const name of names) {
      say(`\nas ${name}, against ${address}`);
      const each = await examplesFor(address, name, Number(values.requests) / names.length);
      const env = { ORG_FUZZ_AS: name, ORG_FUZZ_ADDRESS: address, ORG_FUZZ_PROMOTIONS: promotions.address };
      const status = await run(program, argumentsFor(address, name, each), env).catch(() => 1);
      if (status !== 0) failed += 1;
    }
  } finally {
    promotions.close();
    await server.close();
    await database.close();
  }
  return failed === 0 ? 0 : 1;
}

/** Paths that are tried: an administrator's are those that answer nobody else. A stream of events has no end to wait for. */
function pathsOf(name: string): RegExp {
  return name === "administrator" ? /^\/v1\/admin\/(?!security-events\/stream)/ : /^(?!\/v1\/admin\/)/;
}

async function examplesFor(address: string, name: string, requests: number): Promise<number> {
  const document = (await (await fetch(`${address}/openapi.json`)).json()) as {
    paths: Record<string, object>;
  };
  const paths = Object.entries(document.paths).filter(([path]) => pathsOf(name).test(path));
  const operations = paths.flatMap(([, methods]) => Object.keys(methods)).length;
  return Math.max(2, Math.ceil(requests / operations));
}

function argumentsFor(address: string, name: string, examples: number): string[] {
  return [
    `--config-file=${join(root, "scripts/src/fuzz.toml")}`,
    "run",
    `${address}/openapi.json`,
    "--checks=all",
    `--include-path-regex=${pathsOf(name).source}`,
    "--phases=examples,coverage,fuzzing",
    `--max-examples=${examples}`,
    `--seed=${values.seed}`,
    "--continue-on-failure",
    "--suppress-health-check=all",
    "--request-timeout=20",
    "--warnings=off",
    "--no-color",
  ];
}

function run(command: string, args: readonly string[], env?: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: cache,
      stdio: "inherit",
      env: {
        ...process.env,
        SCHEMATHESIS_HOOKS: "fuzz_hooks",
        PYTHONPATH: join(root, "scripts/src"),
        PYTHONDONTWRITEBYTECODE: "1",
        ...env,
      },
    });
    const stop = () => child.kill("SIGTERM");
    stopping.addEventListener("abort", stop, { once: true });
    child.on("error", reject);
    child.on("exit", (code) => {
      stopping.removeEventListener("abort", stop);
      if (code === 0 || env) resolve(code ?? 1);
      else reject(new Error(`${command} ended with status ${code}`));
    });
  });
}
