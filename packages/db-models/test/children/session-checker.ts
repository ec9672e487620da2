/**
 * Checks tokens from memory in a process of its own, round after round, each token in each round: sessions, API keys and access
 * tokens. Lines on its input name them, as JSON; an empty one ends it. Prints `ready` when heartbeats vouch for memory, and for each token that is refused a
 * line of JSON: see `Refusal`. The last line is its metrics. Arguments: URI; bound; milliseconds by which its wall clock is
 * wrong.
 */

import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { setImmediate, setTimeout } from "node:timers/promises";
import { openIdentity } from "../../src/index.js";

/** What came of a token. Moments are nanoseconds of the clock that all processes of the machine share. */
export interface Refusal {
  token: string;
  /** Checks that were accepted: noted before they began, the last one, and the last one that memory answered. */
  acceptedAt: string;
  rememberedAt: string;
  /** When the first check that was refused began. */
  refusedAt: string;
}

const [uri = "", bound = "1000", wrong = "0"] = process.argv.slice(2);
const wall = Date.now;
Date.now = () => wall() + Number(wrong);

const identity = await openIdentity(uri, {
  sessionCache: { revocationBoundMs: Number(bound) },
  clock: { now: () => new Date(wall()) },
  sessions: { rotationGraceMs: 0 },
});
const say = (line: string) => void writeSync(1, `${line}\n`);
const metrics = () => identity.sessionCacheMetrics();

function checkOf(token: string): Promise<{ ok: boolean }> {
  if (token.startsWith("idk_")) return identity.apiKeys.verify({ key: token });
  if (token.startsWith("ida_")) return identity.oauth.validate(token);
  return identity.sessions.validate(token, { touch: false });
}

interface Watched {
  accepted: bigint;
  remembered: bigint;
}
const watched = new Map<string, Watched>();
let isOver = false;

async function check(token: string, seen: Watched): Promise<void> {
  const hits = metrics()?.hits ?? 0;
  const startedAt = process.hrtime.bigint();
  try {
    const { ok } = await checkOf(token);
    if (!ok) {
      watched.delete(token);
      const { accepted, remembered } = seen;
      const refusal: Refusal = {
        token,
        acceptedAt: String(accepted),
        rememberedAt: String(remembered),
        refusedAt: String(startedAt),
      };
      say(JSON.stringify(refusal));
      return;
    }
    seen.accepted = startedAt;
    if ((metrics()?.hits ?? 0) > hits) seen.remembered = startedAt;
  } catch {
    // The database is away: neither accepted nor refused.
    await setTimeout(20);
  }
}

createInterface({ input: process.stdin }).on("line", (line) => {
  if (line === "") isOver = true;
  else for (const token of JSON.parse(line) as string[]) watched.set(token, { accepted: 0n, remembered: 0n });
});

while (!metrics()?.trusted) {
  await identity.sessions.validate("ids_");
  await setTimeout(5);
}
say("ready");
while (!isOver) {
  for (const [token, seen] of watched) await check(token, seen);
  await setImmediate();
}
say(JSON.stringify(metrics()));
await identity.close();
process.exit(0);
