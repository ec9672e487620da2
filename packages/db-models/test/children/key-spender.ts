/**
 * A process that verifies an API key. The first line on its input is JSON: the key, how often, how many at a time, and
 * the options of its verifier. Prints `ok` or the refusal's reason for each verification. Without `times` it goes on
 * until it is killed. Argument: URI.
 */
import { once } from "node:events";
import { writeSync } from "node:fs";
import { ApiKeyVerifier, type ApiKeyVerifierOptions } from "../../src/api-keys/verifier.js";
import { openDatabase } from "../../src/index.js";

/** The parent's instructions. */
export interface Spending {
  key: string;
  times?: number;
  parallel: number;
  options: Pick<ApiKeyVerifierOptions, "leaseSize" | "leaseMs" | "maxUnwritten" | "flushIntervalMs">;
}

const { models, close } = await openDatabase(process.argv[2] ?? "");
const start = new Date("2096-06-01T12:00:00.000Z").getTime();
writeSync(1, "ready\n");
const [line] = await once(process.stdin, "data");
const { key, times = Number.POSITIVE_INFINITY, parallel, options } = JSON.parse(String(line)) as Spending;
const verifier = new ApiKeyVerifier(models, options);
const began = Date.now();
let left = times;

async function spend(): Promise<void> {
  for (; left > 0; ) {
    left -= 1;
    const check = await verifier.verify({ key }, new Date(start + Date.now() - began));
    // At once: what a buffer holds when the process is killed would be an answer that nobody heard.
    writeSync(1, check.ok ? "ok\n" : `${check.reason}\n`);
  }
}

await Promise.all(Array.from({ length: parallel }, spend));
writeSync(1, "done\n");
await verifier.close();
await close();
process.exit(0);
