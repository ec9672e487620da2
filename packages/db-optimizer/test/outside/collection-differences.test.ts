// Options of collections that differ from the models'. Sources: the manual on `create` (a capped collection's size is raised to
// 4,096 bytes, or to a multiple of 256) and on `collMod` (cappedSize and cappedMax since 6.0; a time series goes to a
// coarser granularity only), compass #2328 and pandahub #133 (granularity and spans are set once and then differ). Input: what
// `listCollections` reports beside a model's options. Right: a difference is named with its values and the command that
// changes it; what the server makes of a size is none.
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { Schema } from "mongoose";
import { expect, test } from "vitest";
import { differenceNotes } from "../../src/setup/collection-differences.js";
import { planSetup } from "../../src/setup/initialize.js";

const database = useTemporaryDatabase({ label: "collection_differences", per: "test" });

test.each<[string, object, object, RegExp | undefined]>([
  ["the same", { size: 8_192, max: 5 }, { size: 8_192, max: 5 }, undefined],
  ["a size that the server raised", { size: 10_000 }, { size: 10_240 }, undefined],
  ["a small size that the server raised", { size: 1_000 }, { size: 4_096 }, undefined],
  [
    "another size",
    { size: 8_192 },
    { size: 4_096 },
    /size is 4096 on the server and 8192 by its model: db\.runCommand\(\{ collMod: "log", cappedSize: 8192 \}\)/,
  ],
  ["another number", { max: 9 }, {}, /max is not set on the server.*cappedMax: 9/],
  [
    "another granularity",
    { timeseries: { timeField: "at", granularity: "hours" } },
    { timeseries: { timeField: "at", granularity: "seconds", bucketMaxSpanSeconds: 3_600 } },
    /granularity is seconds on the server and hours.*timeseries: \{ granularity: "hours" \}.*longer spans only/,
  ],
  [
    "the granularity that is the default",
    { timeseries: { timeField: "at", granularity: "seconds" } },
    { timeseries: { timeField: "at" } },
    undefined,
  ],
  [
    "other spans",
    { timeseries: { timeField: "at", bucketMaxSpanSeconds: 300, bucketRoundingSeconds: 300 } },
    { timeseries: { timeField: "at", bucketMaxSpanSeconds: 60, bucketRoundingSeconds: 60 } },
    /bucketMaxSpanSeconds is 60 .*; its bucketRoundingSeconds is 60 /,
  ],
  ["nothing declared", {}, { size: 4_096, timeseries: { timeField: "at" } }, undefined],
  ["another collation", { collation: { locale: "de" } }, {}, /collation differs .* cannot be changed/],
])("%s", (_what, wanted, found, message) => {
  const notes = differenceNotes("log", wanted as never, found as never);
  expect(notes.map((note) => note.message)).toEqual(message ? [expect.stringMatching(message)] : []);
});

test("a capped collection that is set up as declared has no note, whatever the server made of its size", async () => {
  const { connection } = database;
  const log = connection.model(
    "Log",
    new Schema({ a: Number }, { collection: "log", capped: 10_000, autoCreate: false }),
  );
  await connection.createCollection("log", { capped: true, size: 10_000 });
  expect((await planSetup(connection, [log], "off")).notes).toEqual([]);
});
