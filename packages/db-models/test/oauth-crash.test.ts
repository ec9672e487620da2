import { setTimeout } from "node:timers/promises";
import { bundleChild, childrenAhead, startChild } from "@org/dev-kit/children";
import { faultLoop } from "@org/dev-kit/faults";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { beforeAll, expect, it } from "vitest";
import { defineModels, type IdentityModels } from "../src/index.js";
import { validateAccessToken } from "../src/oauth/access.js";
import type { Assignment } from "./children/oauth-client.js";
import { contextAt } from "./context.js";
import { createIndexes } from "./database.js";
import { now } from "./moment.js";
import { codeFor, exchange, granted, makeWorld, redirectUri, refresh, type World } from "./oauth-world.js";

const temporary = useTemporaryDatabase({ label: "oauth-crash" });
let models: IdentityModels;
beforeAll(async () => {
  models = defineModels(temporary.connection);
  await createIndexes(models);
});

const kills = faultLoop({ seed: 20_961_102, kinds: 2 });
const codesPerChild = 4;
const script = await bundleChild(new URL("./children/oauth-client.ts", import.meta.url));

/** Continues as the client of a killed process would, with the last that it heard of each code. */
async function goOn(world: World, code: string, lastSaid: string | undefined): Promise<string> {
  const heard = lastSaid?.split(" ")[1];
  const result = heard ? await refresh(models, world, heard) : await exchange(models, world, code);
  if (!result.ok) {
    expect(heard).toBeUndefined();
    expect(result).toMatchObject({ error: "invalid_grant", reason: "code_reused" });
    return "code_reused";
  }
  expect(await validateAccessToken(contextAt(models, now), result.accessToken)).toMatchObject({
    ok: true,
  });
  expect(await refresh(models, world, granted(result).refreshToken)).toMatchObject({ ok: true });
  if (!heard) return "exchanged";
  return result.retried ? "retried" : "rotated";
}

it(`after ${kills.planned} kills at random moments the client continues, or starts over (seed ${kills.seed})`, async () => {
  const next = childrenAhead(3, kills.planned, () => startChild(script, temporary.uri));
  const world = await makeWorld(models);
  const { clientId } = world.client;
  const outcomes: Record<string, number> = {};
  let killed = 0;
  // The kills reached the exchanges, and the rotations after them.
  const met = () => (outcomes.exchanged ?? 0) > 0 && (outcomes.rotated ?? 0) + (outcomes.retried ?? 0) > 0;
  for (const { kind, at } of kills.rounds(met)) {
    killed += 1;
    const codes = await Promise.all(Array.from({ length: codesPerChild }, () => codeFor(models, world)));
    const child = await next();
    const secrets = { clientSecret: world.clientSecret, codeVerifier: world.verifier };
    const job: Assignment = { clientId, ...secrets, redirectUri, codes, times: 1, rotate: true };
    child.tell(JSON.stringify(job));
    // At a random moment of the exchanges, or of the rotations after them.
    if (kind === 1) await child.hasPrinted(" idr_");
    await setTimeout(at * 40);
    child.kill();
    await child.exited;
    const said = child.printed().match(/^\d+ idr_\S+ ida_\S+$/gm) ?? [];
    for (const [index, code] of codes.entries()) {
      const last = said.filter((line) => line.startsWith(`${index} `)).at(-1);
      const outcome = await goOn(world, code, last);
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    }
  }
  // One authorization a code, whose tokens live or not together.
  const all = await models.AppToken.find({ ownerId: world.user._id }).lean();
  expect(all).toHaveLength(killed * codesPerChild);
  const ended = all.filter(({ revokedAt }) => revokedAt);
  expect(ended).toHaveLength(outcomes.code_reused ?? 0);
  const { exchanged = 0, rotated = 0, retried = 0 } = outcomes;
  expect(exchanged).toBeGreaterThan(0);
  expect(rotated + retried).toBeGreaterThan(0);
});
