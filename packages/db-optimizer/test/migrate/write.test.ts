import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { TargetDocument } from "../../src/migrate/definition.js";
import { writeTargets } from "../../src/migrate/write.js";

const database = useTemporaryDatabase({ label: "migrate_write" });
const small = fc.nat({ max: 3 });
const write = fc.record({ id: small, at: small, slot: fc.option(small, { nil: undefined }), word: small });

const targetOf =
  (collection: string) =>
  ({ id, at, slot, word }: { id: number; at: number; slot: number | undefined; word: number }) =>
    ({
      collection,
      document: { _id: id, at, "profile.word": word },
      supersedes: { at: { $lt: at } },
      onInsert: { "profile.since": at },
      ...(slot !== undefined && { claim: { slot } }),
    }) satisfies TargetDocument;

async function emptied(name: string): Promise<void> {
  const collection = database.connection.collection(name);
  await collection.deleteMany({});
  await collection.createIndex({ slot: 1 }, { unique: true, sparse: true });
}

test("inserting first comes to the same as upserting, whatever is stored and refused", async () => {
  const stored = (name: string) => database.connection.collection(name).find().sort({ _id: 1 }).toArray();
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(write, { maxLength: 6 }), { maxLength: 3 }), async (batches) => {
      await Promise.all(["upserted", "inserted"].map(emptied));
      for (const batch of batches) {
        const upserted = await writeTargets(database.connection, batch.map(targetOf("upserted")));
        const inserted = await writeTargets(database.connection, batch.map(targetOf("inserted")), {
          mostlyNew: true,
        });
        expect(inserted.written).toBe(upserted.written);
        expect(inserted.inserted).toEqual(upserted.inserted);
        expect(inserted.conflicts.map(({ position }) => position)).toEqual(
          upserted.conflicts.map(({ position }) => position),
        );
      }
      expect(await stored("inserted")).toEqual(await stored("upserted"));
    }),
    { numRuns: 60, seed: Number(process.env.TEST_SEED ?? 20_961_124) },
  );
});
