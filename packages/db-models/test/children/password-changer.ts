/**
 * Changes a password in a process of its own, which ends itself by SIGKILL at one command to the server: before it is
 * sent, or once it is answered. The first line on its input is JSON. Prints `done` when it got to the end. Argument: URI.
 */

import { once } from "node:events";
import { writeSync } from "node:fs";
import { Types } from "mongoose";
import { openDatabase } from "../../src/index.js";
import { setPassword } from "../../src/users/password.js";
import { resetPassword } from "../../src/users/password-reset.js";
import { contextAt } from "../context.js";
import { now } from "../moment.js";

/** The parent's instructions: a reset with a token, or a change in a session. */
export interface PasswordAssignment {
  resetToken?: string;
  userId?: string;
  keepToken?: string;
  password: string;
  /** The command at which it ends, counted from 1. */
  killedAt: number;
  when: "commandStarted" | "commandSucceeded";
}

const { models, connection, close } = await openDatabase(process.argv[2] ?? "", { monitorCommands: true });
writeSync(1, "ready\n");
const [line] = await once(process.stdin, "data");
const { resetToken, userId, keepToken, password, killedAt, when } = JSON.parse(
  String(line),
) as PasswordAssignment;

let commands = 0;
connection.getClient().on(when, () => {
  commands += 1;
  if (commands === killedAt) process.kill(process.pid, "SIGKILL");
});
if (resetToken) await resetPassword(contextAt(models, now), { token: resetToken, password });
else await setPassword(contextAt(models, now), { userId: new Types.ObjectId(userId), password, keepToken });
writeSync(1, "done\n");
await close();
process.exit(0);
