import { setTimeout } from "node:timers/promises";
import { bundleChild, childrenAhead, startChild } from "@org/dev-kit/children";
import { faultLoop } from "@org/dev-kit/faults";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { beforeAll, describe, expect, it } from "vitest";
import { verifyAudit } from "../src/audit/verify.js";
import { type AuditEventDocument, defineModels, type IdentityModels } from "../src/index.js";
import { contextAt } from "./context.js";
import { makeUser } from "./database.js";

const temporary = useTemporaryDatabase({ label: "audit-crash" });
let models: IdentityModels;
let userId: string;
beforeAll(async () => {
  models = defineModels(temporary.connection);
  await models.AuditEvent.createIndexes();
  userId = (await makeUser(models))._id.toHexString();
});

const writer = await bundleChild(new URL("./children/audit-writer.ts", import.meta.url));
const acknowledged = (printed: string) => printed.match(/^\S{43} \d+ \S{43}$/gm) ?? [];
const placeOf = ({ chainId, sequence, eventHash }: AuditEventDocument) =>
  `${chainId} ${sequence} ${eventHash}`;

async function placesStored(): Promise<Set<string>> {
  return new Set((await models.AuditEvent.find().lean()).map(placeOf));
}

describe("appendAudit in several processes", () => {
  it("keeps a whole chain for each of three, with 100 parallel appends each", async () => {
    const children = Array.from({ length: 3 }, () => startChild(writer, temporary.uri, userId, "100"));
    await Promise.all(children.map((child) => child.hasPrinted("ready\n")));
    for (const child of children) child.tell("go");
    await Promise.all(children.map(({ exited }) => exited));
    const said = children.map((child) => acknowledged(child.printed()));
    expect(said.map((lines) => lines.length)).toEqual([100, 100, 100]);
    expect(new Set(said.map((lines) => lines[0]?.split(" ")[0])).size).toBe(3);
    expect(await verifyAudit(contextAt(models))).toMatchObject({ intact: true, chains: 3, events: 300 });
    const stored = await placesStored();
    expect(said.flat().filter((line) => !stored.has(line))).toEqual([]);
  });

  const kills = faultLoop({ seed: 20_961_101, kinds: 2 });
  it(`has every acknowledged event after ${kills.planned} kills at random moments (seed ${kills.seed})`, async () => {
    const next = childrenAhead(3, kills.planned, () => startChild(writer, temporary.uri, userId));
    const said: string[] = [];
    for (const { kind, at } of kills.rounds()) {
      const child = await next();
      child.tell("go");
      // At a random moment of its first appends, or of later ones.
      if (kind === 1) await child.hasPrinted(" 0 ");
      await setTimeout(at * 40);
      child.kill();
      await child.exited;
      said.push(...acknowledged(child.printed()));
    }
    expect(said.length).toBeGreaterThanOrEqual(kills.planned / 2);
    const stored = await placesStored();
    expect(said.filter((line) => !stored.has(line))).toEqual([]);
    expect(await verifyAudit(contextAt(models))).toMatchObject({ intact: true, breaks: [] });
  });
});
