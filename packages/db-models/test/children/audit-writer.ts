/**
 * Appends audit events without end, ten at a time, once a line on its input tells it to; prints each one that was
 * acknowledged. Or, given a number, exactly so many, all at once, and then exits. Arguments: URI, user id, number.
 */
import { once } from "node:events";
import { writeSync } from "node:fs";
import { Types } from "mongoose";
import { openDatabase } from "../../src/index.js";
import { now } from "../moment.js";
import { appendAudit } from "../recorders.js";

const [uri = "", user = "", amount] = process.argv.slice(2);
const { models, close } = await openDatabase(uri);
const actorId = new Types.ObjectId(user);

async function append(): Promise<void> {
  const event = { action: "session.opened", outcome: "success", actorId, network: "203.0.113.0/24" } as const;
  const { chainId, sequence, eventHash } = await appendAudit(models, event, now);
  // At once: what a buffer holds when the process is killed would be an acknowledgement that nobody heard.
  writeSync(1, `${chainId} ${sequence} ${eventHash}\n`);
}

writeSync(1, "ready\n");
await once(process.stdin, "data");
if (amount) {
  await Promise.all(Array.from({ length: Number(amount) }, append));
  await close();
  process.exit(0);
}
for (;;) await Promise.all(Array.from({ length: 10 }, append));
