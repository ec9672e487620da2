/**
 * Sign-ins, requests and sign-outs of users in a process of its own, by whatever phase their migration is in. Goes on
 * until a line comes in. Prints what was acknowledged: `opened user id token`, `revoked id`; and `round` after each
 * round. Arguments: URI, seed, the milliseconds of the phase lease.
 */
import { once } from "node:events";
import { writeSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { MigrationGate } from "@org/db-optimizer";
import type { Types } from "mongoose";
import { createIdentity, isIdentityError, openDatabase, sessionsMigration } from "../../src/index.js";

const [, , uri = "", seed = "1", phaseLeaseMs = "300"] = process.argv;
const { connection, close } = await openDatabase(uri);
const gate = new MigrationGate(connection, sessionsMigration({ phaseLeaseMs: Number(phaseLeaseMs) }));
const clock = { at: new Date(), now: () => clock.at };
const { migrations } = createIdentity({ connection, clock, sessions: { touchIntervalMs: 1 } });
const sessions = migrations.sessionsThrough(gate);
let state = Number(seed);
// The same for one seed; what @org/dev-kit has for this belongs to the process of the tests.
const random = () => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 0x1_0000_0000;
};
const users = await connection
  .collection("legacy_users")
  .find({}, { projection: { sessions: 1 } })
  .toArray();
const start = new Date("2096-06-01T12:00:00.000Z").getTime();
const say = (text: string) => void writeSync(1, `${text}\n`);
const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;

interface Known {
  userId: Types.ObjectId;
  id: Types.ObjectId;
  token: string;
}

const known: Known[] = users.flatMap((user) =>
  user.sessions.flatMap((session: { _id: Types.ObjectId; token: string; active: boolean }) =>
    session.active ? [{ userId: user._id as Types.ObjectId, id: session._id, token: session.token }] : [],
  ),
);

async function act(now: Date): Promise<void> {
  clock.at = now;
  const kind = random();
  if (kind < 0.15) {
    const userId = pick(users)._id as Types.ObjectId;
    const { id, token } = await sessions.open({ userId, ip: "203.0.113.7" });
    known.push({ userId, id, token });
    say(`opened ${userId.toHexString()} ${id.toHexString()} ${token}`);
    return;
  }
  // By user first: one of them has a fifth of the sessions.
  const userId = pick(users)._id as Types.ObjectId;
  const own = known.filter((one) => one.userId.equals(userId));
  if (own.length === 0) return;
  const session = pick(own);
  if (kind < 0.4) {
    await sessions.revoke({ userId: session.userId, sessionId: session.id });
    say(`revoked ${session.id.toHexString()}`);
    return;
  }
  const check = await sessions.validate(session.token);
  if (check.ok && !check.session.id.equals(session.id)) say("mixed up");
}

say("ready");
let stopping = false;
void once(process.stdin, "data").then(() => {
  stopping = true;
});
for (let round = 0; !stopping; round++) {
  try {
    await act(new Date(start + round * 50));
  } catch (error) {
    if (!isIdentityError(error)) throw error;
    say(`refused ${error.code}`);
  }
  say("round");
  // As people do: so that what they do is spread over all phases.
  await setTimeout(random() * 30);
}
await close();
process.exit(0);
