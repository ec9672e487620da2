import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { mongo } from "mongoose";
import { describe, expect, it, test } from "vitest";
import { storageReport } from "../../src/index.js";
import { parseStorageLimits } from "../../src/storage/limits.js";
import { type CollectionStorage, storageFindings } from "../../src/storage/report.js";
import { shapeOf } from "../../src/storage/shape.js";

const database = useTemporaryDatabase({ label: "storage", per: "test" });
const of = (name: string) => database.connection.collection(name);

describe("storageReport", () => {
  it("finds the arrays and documents that grow, and names the worst", async () => {
    const posts = (length: number) => Array.from({ length }, (_, n) => ({ n, tags: ["a"] }));
    await of("users").insertMany(
      Array.from({ length: 50 }, (_, n) => ({ _id: n as never, posts: posts(n === 7 ? 900 : 3) })),
    );
    await of("files").insertOne({ _id: "big" as never, data: new mongo.Binary(Buffer.alloc(1_200_000)) });
    await of("plain").insertOne({ a: 1, at: new Date(), list: [1, 2, 3] });
    const { collections, findings } = await storageReport(database.connection);
    const found = { part: "schema", severity: "info", message: expect.stringMatching(/^Collection /) };
    expect(findings).toEqual([
      {
        ...found,
        code: "DOCUMENT_LARGE",
        subject: "files",
        evidence: expect.stringMatching(/^document big has 12/),
        command: 'db.files.find({ _id: "big" })',
      },
      {
        ...found,
        code: "DOCUMENTS_BLOATED",
        subject: "files",
        evidence: expect.stringMatching(/^the median document has 12\d+ bytes; 1 sampled$/),
        command: 'db.files.find({ _id: "big" })',
      },
      {
        ...found,
        code: "ARRAY_UNBOUNDED",
        subject: "users",
        evidence: "posts has 900 elements in document 7, and 3 in the median one; 50 sampled",
        command: "db.users.find({ _id: 7 })",
      },
    ]);
    expect(collections.map(({ collection, documents, sampled }) => [collection, documents, sampled])).toEqual(
      [
        ["files", 1, 1],
        ["plain", 1, 1],
        ["users", 50, 50],
      ],
    );
  });

  it("refuses limits that are none", async () => {
    const refused = storageReport(database.connection, { sample: 0 });
    await expect(refused).rejects.toMatchObject({
      code: "INVALID_OPTIONS",
      message: expect.stringContaining("sample"),
    });
  });
});

test("arrays are found at any depth; values that are objects of a kind are no documents", () => {
  const { arrays } = shapeOf([
    { _id: 1, a: { b: [{ c: [1, 2] }, { c: [] }] }, at: new Date(), id: new mongo.ObjectId() },
    { _id: 2, a: { b: [] } },
  ]);
  expect(arrays).toEqual([
    { path: "a.b", medianLength: 0, longest: 2, longestId: 1 },
    { path: "a.b[].c", medianLength: 0, longest: 2, longestId: 1 },
  ]);
  expect(shapeOf([])).toMatchObject({ sampled: 0, medianBytes: 0, largestBytes: 0, arrays: [] });
});

const gibibyte = 1_073_741_824;
const sound: CollectionStorage = {
  collection: "c",
  documents: 10,
  dataBytes: 100,
  storageBytes: gibibyte,
  indexBytes: 10,
  indexes: 3,
  reusableBytes: 0,
  sampled: 10,
  medianBytes: 100,
  largestBytes: 200,
  largestId: 1,
  arrays: [],
};

test.each<[string, Partial<CollectionStorage>, string[]]>([
  ["nothing", {}, []],
  ["free bytes that nobody knows", { reusableBytes: null }, []],
  ["half of a file that is free", { reusableBytes: gibibyte / 2 }, ["FRAGMENTED"]],
  ["a little that is free", { reusableBytes: gibibyte / 20 }, []],
  ["half of a small file", { storageBytes: 1_000, reusableBytes: 500 }, []],
  ["too many indexes", { indexes: 21 }, ["MANY_INDEXES"]],
  [
    "arrays that are all long: bounded, it seems",
    { arrays: [{ path: "a", medianLength: 600, longest: 700, longestId: 1 }] },
    [],
  ],
])("%s", (_name, changes, codes) => {
  const findings = storageFindings([{ ...sound, ...changes }], parseStorageLimits({}));
  expect(findings.map(({ code }) => code)).toEqual(codes);
});

test("too many collections", () => {
  const findings = storageFindings([sound, sound], parseStorageLimits({ collections: 1 }));
  expect(findings).toMatchObject([{ code: "MANY_COLLECTIONS" }]);
});
