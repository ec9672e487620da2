/**
 * Reserves sign-in attempts in a process of its own, all at once, and never settles them. The first line on its input is
 * JSON: the attempts. Prints `admitted`, or `refused` and the time to wait. Argument: URI.
 */

import { once } from "node:events";
import { writeSync } from "node:fs";
import { type LoginAttemptInput, openDatabase } from "../../src/index.js";
import { reserveLoginAttempt } from "../../src/logins/reserve.js";
import { contextAt } from "../context.js";
import { now } from "../moment.js";

const { models, close } = await openDatabase(process.argv[2] ?? "");
writeSync(1, "ready\n");
const [line] = await once(process.stdin, "data");
const attempts = JSON.parse(String(line)) as LoginAttemptInput[];
await Promise.all(
  attempts.map(async (attempt) => {
    const admission = await reserveLoginAttempt(contextAt(models, now), attempt);
    writeSync(1, admission.ok ? "admitted\n" : `refused ${admission.retryAfterMs}\n`);
  }),
);
await close();
process.exit(0);
