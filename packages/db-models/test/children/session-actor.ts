/**
 * Logins and refreshes in a process of their own. The first line on its input is JSON: a user whose sessions to open,
 * or a token to refresh, how often at the same time, and whether to go on without end. Prints `opened id token` and
 * `refreshed token`, or `refused` with the code or reason. Argument: URI.
 */

import { once } from "node:events";
import { writeSync } from "node:fs";
import { Types } from "mongoose";
import { isIdentityError, openDatabase } from "../../src/index.js";
import { openSession } from "../../src/sessions/open.js";
import { refreshSession } from "../../src/sessions/refresh.js";
import { contextAt } from "../context.js";
import { now } from "../moment.js";

/** The parent's instructions. */
export interface SessionAssignment {
  userId?: string;
  token?: string;
  times: number;
  forever: boolean;
}

const { models, close } = await openDatabase(process.argv[2] ?? "");
writeSync(1, "ready\n");
const [line] = await once(process.stdin, "data");
const { userId, token, times, forever } = JSON.parse(String(line)) as SessionAssignment;

// At once: what a buffer holds when the process is killed would be an answer that nobody heard.
const say = (text: string) => void writeSync(1, `${text}\n`);

async function open(id: Types.ObjectId): Promise<void> {
  do {
    try {
      const opened = await openSession(contextAt(models, now), { userId: id });
      say(`opened ${opened.id.toHexString()} ${opened.token}`);
    } catch (error) {
      if (!isIdentityError(error)) throw error;
      say(`refused ${error.code}`);
    }
  } while (forever);
}

async function refresh(first: string): Promise<void> {
  let current = first;
  do {
    const result = await refreshSession(contextAt(models, now), current);
    say(result.ok ? `refreshed ${result.token}` : `refused ${result.reason}`);
    if (!result.ok) return;
    current = result.token;
  } while (forever);
}

const act = () => (token === undefined ? open(new Types.ObjectId(userId)) : refresh(token));
await Promise.all(Array.from({ length: times }, act));
await close();
process.exit(0);
