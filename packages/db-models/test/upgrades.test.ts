import { playInFront } from "@org/dev-kit/played";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { createConnection } from "mongoose";
import { beforeEach, describe, expect, inject, it } from "vitest";
import { defineUpgrades, type UpgradeStep } from "../src/index.js";

const temporary = useTemporaryDatabase({ label: "upgrades" });
const upgrades = defineUpgrades({
  1: ({ name, ...rest }) => ({ ...rest, displayName: name }),
  2: (document) => ({ ...document, letters: String(document.displayName).length }),
});
const people = () => temporary.connection.collection<{ _id: number }>("people");
const read = async (_id: number) => (await people().findOne({ _id })) as unknown as Record<string, unknown>;
const third = (_id: number, displayName: string) => ({
  _id,
  displayName,
  letters: displayName.length,
  schemaVersion: 3,
});

beforeEach(async () => {
  await people().deleteMany({});
  const names = ["Ada", "Grace", "Mary"];
  await people().insertMany(names.map((name, _id) => ({ _id, name, schemaVersion: 1 })) as never);
  await people().insertOne({ _id: 3, displayName: "Alan", schemaVersion: 2 } as never);
});

describe("upgrades", () => {
  it("are the same on read and in the eager run, and stored once", async () => {
    expect(await upgrades.upgradeOnRead(people() as never, await read(0))).toEqual(third(0, "Ada"));
    expect(await read(0)).toEqual(third(0, "Ada"));
    expect(await upgrades.upgradeAll(people() as never)).toEqual({ found: 3, upgraded: 3, unknown: 0 });
    const all = await people().find({}).sort({ _id: 1 }).toArray();
    expect(all).toEqual([third(0, "Ada"), third(1, "Grace"), third(2, "Mary"), third(3, "Alan")]);
    expect(await upgrades.upgradeAll(people() as never)).toEqual({ found: 0, upgraded: 0, unknown: 0 });
  });

  it("are not kept from the rest by documents that the steps do not know, which stay and are counted", async () => {
    const strangers = [
      { _id: -2, name: "Newer", schemaVersion: 4 },
      { _id: -1, name: "None" },
      { _id: 4, name: "Too old", schemaVersion: 0 },
    ];
    await people().insertMany(strangers as never);
    expect(await upgrades.upgradeAll(people() as never)).toEqual({ found: 4, upgraded: 4, unknown: 3 });
    for (const stranger of strangers) expect(await read(stranger._id)).toEqual(stranger);
  });

  it("never overwrite what was written since the document was read", async () => {
    const stale = await read(1);
    await people().updateOne({ _id: 1 }, { $set: { note: "new" } });
    await people().updateOne({ _id: 1 }, { $set: { name: "Grace Hopper" } });
    expect(await upgrades.upgradeOnRead(people() as never, stale)).toEqual(third(1, "Grace"));
    expect(await read(1)).toEqual({ _id: 1, name: "Grace Hopper", note: "new", schemaVersion: 1 });
  });

  it("refuse a document of a newer version, and one of none", () => {
    expect(() => upgrades.upgrade({ _id: 1, schemaVersion: 4 })).toThrow(
      expect.objectContaining({ code: "SCHEMA_TOO_NEW" }),
    );
    for (const schemaVersion of [undefined, "1", 0, 1.5])
      expect(() => upgrades.upgrade({ _id: 1, schemaVersion })).toThrow(
        expect.objectContaining({ code: "INVALID_INPUT" }),
      );
  });

  it("leave a document of the current version as it is", () => {
    const document = { _id: 1, schemaVersion: 3 };
    expect(upgrades.upgrade(document)).toBe(document);
  });

  it("have no gap", () => {
    const same = (document: Record<string, unknown>) => document;
    for (const steps of [{ 1: same, 3: same }, { 0: same }] as Record<number, UpgradeStep>[])
      expect(() => defineUpgrades(steps)).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }));
    expect(defineUpgrades({}).current).toBe(1);
  });

  // Kind of andrew-codes/playnite-web #522: one document that the driver cannot read ended the whole cursor. The development
  // engine refuses such text, so it is played: a marker in its answers is made ill-formed.
  it("name a document whose text is not well-formed, leave it, and upgrade the others", async () => {
    const marker = "ILLFORMED";
    await people().updateOne({ _id: 0 }, { $set: { name: marker } });
    const bytes = (message: Buffer) => {
      const at = message.indexOf(marker);
      if (at !== -1) message[at] = 0xff;
    };
    const front = await playInFront(inject("engine").uri, { find: { bytes } });
    const [address, search = ""] = front.uri.split("?");
    const played = createConnection(`${address}${temporary.connection.name}?${search}`);
    try {
      await played.asPromise();
      expect(await upgrades.upgradeAll(played.collection("people") as never)).toEqual({
        found: 4,
        upgraded: 3,
        unknown: 0,
        failed: 1,
        failures: [{ id: 0, reason: expect.stringContaining("it cannot be read") }],
      });
    } finally {
      await played.close();
      await front.stop();
    }
    expect(await read(0)).toEqual({ _id: 0, name: marker, schemaVersion: 1 });
  });
});
