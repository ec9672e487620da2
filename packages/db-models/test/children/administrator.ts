/**
 * Administrators who take each other's roles, in a process of their own. The first line on its input is JSON: the users, and
 * how each is to lose the role. Prints `done` or `refused` with the code for each. Argument: URI.
 */

import { once } from "node:events";
import { writeSync } from "node:fs";
import { Types } from "mongoose";
import { setAdministratorRoles } from "../../src/administrators/register.js";
import { isIdentityError, openDatabase } from "../../src/index.js";
import { setUserStatus } from "../../src/users/accounts.js";
import { contextAt } from "../context.js";
import { eraseUserData } from "../erasing.js";
import { now } from "../moment.js";

/** Who is to lose their role, and how. */
export interface Dismissal {
  userId: string;
  by: "demotion" | "lock" | "erasure";
}

const { models, close } = await openDatabase(process.argv[2] ?? "");
writeSync(1, "ready\n");
const [line] = await once(process.stdin, "data");

async function act({ userId: id, by }: Dismissal): Promise<string> {
  const context = contextAt(models, now);
  const userId = new Types.ObjectId(id);
  try {
    if (by === "demotion") await setAdministratorRoles(context, { userId, roles: ["identity:support"] });
    else if (by === "lock") await setUserStatus(context, { userId, status: "suspended" });
    else await eraseUserData(context, { userId });
    return "done";
  } catch (error) {
    if (!isIdentityError(error)) throw error;
    return `refused ${error.code}`;
  }
}

const dismissals = JSON.parse(String(line)) as Dismissal[];
await Promise.all(dismissals.map(async (one) => writeSync(1, `${await act(one)}\n`)));
await close();
process.exit(0);
