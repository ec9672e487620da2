import { createIdentity, isIdentityError, openDatabase } from "@org/db-models";
import { ConfigError, UsageError } from "@org/service-kit";
import { issuerOf, readConfig } from "../config.js";
import { passkeysOf } from "../passkeys.js";
import { exitCodes, parseArguments, usage } from "./arguments.js";
import { runCommand } from "./run-command.js";

const wantsJson = process.argv.includes("--json");

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  fail(error);
}

async function main(argv: readonly string[]): Promise<number> {
  const args = parseArguments(argv);
  const { command, json } = args;
  if (!command) {
    process.stdout.write(usage);
    return exitCodes.ok;
  }
  const config = readConfig(process.env);
  const issuer = issuerOf(config);
  if (command === "keys drill" && args.instances.length === 0 && config.issuer === undefined) {
    throw new UsageError("keys drill: name the instances with --instance, or set ORG_API_ISSUER");
  }
  const database = await openDatabase(config.mongodbUri, {
    appName: "org-api-operate",
    serverSelectionTimeoutMS: config.databaseTimeoutMs,
    ...(config.database && { dbName: config.database }),
  });
  const identity = createIdentity({
    connection: database.connection,
    sealKeys: config.sealKeys,
    factors: passkeysOf(issuer),
  });
  try {
    const { ok, result, lines } = await runCommand(identity, { ...args, command }, issuer);
    process.stdout.write(json ? `${JSON.stringify(result, null, 2)}\n` : `${lines.join("\n")}\n`);
    return ok ? exitCodes.ok : exitCodes.failed;
  } finally {
    await identity.close();
    await database.close();
  }
}

function fail(error: unknown): void {
  const expected = error instanceof UsageError || error instanceof ConfigError || isIdentityError(error);
  const { code, message, stack } = error as Error & { code: string };
  const told = { code: expected ? code : "UNEXPECTED", message: expected ? message : (stack ?? message) };
  if (wantsJson) process.stdout.write(`${JSON.stringify({ error: told }, null, 2)}\n`);
  else process.stderr.write(`${told.code}: ${told.message}\n`);
  process.exitCode = exitCodes.failed;
}
