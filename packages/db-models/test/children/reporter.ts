/** Reports sign-ins once a line on its input names them, as JSON, and prints each that is done. Argument: URI. */

import { once } from "node:events";
import { writeSync } from "node:fs";
import { Types } from "mongoose";
import { openDatabase } from "../../src/index.js";
import { reportSignIn } from "../../src/sign-in-reports/report.js";
import { contextAt } from "../context.js";
import { now } from "../moment.js";

/** Whose sign-in it is, and the sessions that it is about and said from. */
export type Reported = Record<"userId" | "sessionId" | "fromSessionId", string>;

const { models, close } = await openDatabase(process.argv[2] ?? "");
writeSync(1, "ready\n");
const [line] = await once(process.stdin, "data");
writeSync(1, "started\n");
const { userId, sessionId, fromSessionId } = JSON.parse(String(line)) as Reported;
await reportSignIn(contextAt(models, now), {
  userId: new Types.ObjectId(userId),
  sessionId: new Types.ObjectId(sessionId),
  fromSessionId: new Types.ObjectId(fromSessionId),
});
writeSync(1, "done\n");
await close();
process.exit(0);
