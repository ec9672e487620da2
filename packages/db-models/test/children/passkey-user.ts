/**
 * Answers challenges with a passkey in a process of its own, all at once. The first line on its input is JSON: whose, and
 * the answers. Prints what came of each. Argument: URI.
 */

import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { Types } from "mongoose";
import { finishPasskeyAuthentication } from "../../src/factors/passkey-authentication.js";
import { openDatabase } from "../../src/index.js";
import { now } from "../moment.js";
import { passkeyContext } from "../passkeys-world.js";

const { models, close } = await openDatabase(process.argv[2] ?? "");
writeSync(1, "ready\n");
for await (const line of createInterface(process.stdin)) {
  const { userId, responses } = JSON.parse(line) as { userId: string; responses: unknown[] };
  await Promise.all(
    responses.map(async (response) => {
      const input = { userId: new Types.ObjectId(userId), response };
      const check = await finishPasskeyAuthentication(passkeyContext(models, now), input);
      writeSync(1, check.ok ? "passed\n" : `${check.reason}\n`);
    }),
  );
  break;
}
await close();
process.exit(0);
