/**
 * Opens sessions in a process of its own, all at once, each for a code that counts once. The first line on its input is
 * JSON: whose, the time step of the app's code or recovery codes, and how often. Prints what came of each. Argument: URI.
 */

import { once } from "node:events";
import { writeSync } from "node:fs";
import { Types } from "mongoose";
import { verifyRecoveryCode } from "../../src/factors/recovery-codes.js";
import { useTotp } from "../../src/factors/totp-codes.js";
import { isIdentityError, openDatabase } from "../../src/index.js";
import { openSession } from "../../src/sessions/open.js";
import { contextAt } from "../context.js";
import { now } from "../moment.js";

export interface Spending {
  userId: string;
  times: number;
  totp?: { appId: string; step: number };
  codes?: string[];
}

const { models, close } = await openDatabase(process.argv[2] ?? "");
writeSync(1, "ready\n");
const [line] = await once(process.stdin, "data");
const { totp, codes = [], times, ...told } = JSON.parse(String(line)) as Spending;
const userId = new Types.ObjectId(told.userId);
const context = contextAt(models, now);

async function spend(turn: number): Promise<void> {
  const used = totp
    ? await useTotp(context, { userId, code: { ...totp, appId: new Types.ObjectId(totp.appId) } })
    : await verifyRecoveryCode(context, { userId, code: codes[turn % codes.length] });
  if (!used.ok) throw new Error(used.reason);
}

await Promise.all(
  Array.from({ length: times }, async (_, turn) => {
    const outcome = await openSession(context, { userId, claim: () => spend(turn) }).then(
      () => "opened",
      (error: unknown) => (isIdentityError(error) ? error.code : (error as Error).message),
    );
    writeSync(1, `${outcome}\n`);
  }),
);
await close();
process.exit(0);
