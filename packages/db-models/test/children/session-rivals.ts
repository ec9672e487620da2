/**
 * Rivals over sessions in a process of their own. The first line on its input is JSON: what each of them does, all at
 * once. Prints `opened token` or `refreshed token`, or `refused` with the code or reason. Argument: URI.
 */

import { once } from "node:events";
import { writeSync } from "node:fs";
import { Types } from "mongoose";
import { isIdentityError, openDatabase } from "../../src/index.js";
import { openSession } from "../../src/sessions/open.js";
import { refreshSession } from "../../src/sessions/refresh.js";
import { contextAt } from "../context.js";
import { now } from "../moment.js";

/** A login, of somebody who authenticated when the user's generation was this one, or a rotation. */
export type SessionRival = { login: string; sessionGeneration: number } | { refresh: string; at: number };

const { models, close } = await openDatabase(process.argv[2] ?? "");
writeSync(1, "ready\n");
const [line] = await once(process.stdin, "data");

async function act(rival: SessionRival): Promise<string> {
  if ("refresh" in rival) {
    const result = await refreshSession(contextAt(models, new Date(rival.at)), rival.refresh);
    return result.ok ? `refreshed ${result.token}` : `refused ${result.reason}`;
  }
  const { login, sessionGeneration } = rival;
  const opened = await openSession(contextAt(models, now), {
    userId: new Types.ObjectId(login),
    sessionGeneration,
  });
  return `opened ${opened.token}`;
}

const refusal = (error: unknown) => {
  if (!isIdentityError(error)) throw error;
  return `refused ${error.code}`;
};
const rivals = JSON.parse(String(line)) as SessionRival[];
await Promise.all(rivals.map(async (rival) => writeSync(1, `${await act(rival).catch(refusal)}\n`)));
await close();
process.exit(0);
