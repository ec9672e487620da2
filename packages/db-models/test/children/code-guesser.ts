/**
 * Tries a code of an authenticator app in a process of its own, all at once. The first line on its input is JSON: whose,
 * the code, and how often. Prints what came of each. Argument: URI.
 */

import { once } from "node:events";
import { writeSync } from "node:fs";
import { Types } from "mongoose";
import { verifyTotp } from "../../src/factors/totp-codes.js";
import { openDatabase } from "../../src/index.js";
import { contextAt } from "../context.js";
import { now } from "../moment.js";

const { models, close } = await openDatabase(process.argv[2] ?? "");
writeSync(1, "ready\n");
const [line] = await once(process.stdin, "data");
const { userId, code, times } = JSON.parse(String(line)) as { userId: string; code: string; times: number };
const attempt = { userId: new Types.ObjectId(userId), code };
await Promise.all(
  Array.from({ length: times }, async () => {
    const check = await verifyTotp(contextAt(models, now), attempt);
    writeSync(1, check.ok ? "passed\n" : `${check.reason}\n`);
  }),
);
await close();
process.exit(0);
