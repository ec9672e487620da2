/** Erases a user once a line on its input names one, and prints the report. Argument: URI. */

import { once } from "node:events";
import { writeSync } from "node:fs";
import { Types } from "mongoose";
import { openDatabase } from "../../src/index.js";
import { contextAt } from "../context.js";
import { eraseUserData } from "../erasing.js";

const { models, close } = await openDatabase(process.argv[2] ?? "");
writeSync(1, "ready\n");
const [line] = await once(process.stdin, "data");
const userId = new Types.ObjectId(String(line).trim());
writeSync(1, "started\n");
const report = await eraseUserData(contextAt(models, new Date("2096-06-01T12:00:00.000Z")), { userId });
writeSync(1, `${JSON.stringify(report)}\n`);
await close();
process.exit(0);
