import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { createConnection } from "mongoose";
import { expect, test } from "vitest";
import { LatencyProbe } from "../src/core/server/latency.js";
import { timedRead } from "../src/core/server/timed-read.js";
import { analyseQuery } from "../src/workload/judge.js";

const database = useTemporaryDatabase({ label: "timed" });

// A raw `find` that leaves more than its first batch leaves a cursor, which the server keeps for ten minutes.
// https://www.mongodb.com/docs/manual/reference/command/find/ (singleBatch)
test("what is timed leaves no cursor open", async () => {
  const connection = await createConnection(database.uri, { monitorCommands: true }).asPromise();
  const things = connection.collection("things");
  await things.insertMany(Array.from({ length: 500 }, (_, n) => ({ n })));
  const open = new Set<string>();
  let answers = 0;
  connection.getClient().on("commandSucceeded", ({ reply }) => {
    const { cursor, cursorsKilled } = reply as { cursor?: { id: unknown }; cursorsKilled?: unknown[] };
    if (cursor) answers += 1;
    if (cursor && String(cursor.id) !== "0") open.add(String(cursor.id));
    for (const id of cursorsKilled ?? []) open.delete(String(id));
  });
  const query = { name: "all", collection: "things", filter: {} };
  const db = connection.db;
  if (!db) throw new Error("the connection is not open");
  await analyseQuery(connection, query, 3);
  await new LatencyProbe(connection, [query]).measure(3);
  await timedRead(db, { aggregate: "things", pipeline: [{ $match: {} }], cursor: {} });
  await timedRead(db, { distinct: "things", key: "n" });
  await timedRead(db, { count: "things", query: {} });
  expect(answers).toBeGreaterThanOrEqual(7);
  expect([...open]).toEqual([]);
  await connection.close();
});
