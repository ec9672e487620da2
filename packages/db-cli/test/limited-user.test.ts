// Source: public reports of cleanups and backups that "hang" for a user without roles on the cluster: nothing says what they
// wait for. Input: a user of one database, who may not ask for the server's load. Right: a run waits, as it must not press on
// blindly, and says at once what ends the wait, first in its line, which a terminal cuts off.
// https://www.mongodb.com/docs/manual/reference/built-in-roles/: serverStatus, replSetGetStatus and inprog are clusterMonitor's.
import { setTimeout } from "node:timers/promises";
import { type Play, playInFront } from "@org/dev-kit/played";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { mongo } from "mongoose";
import { expect, inject, onTestFinished, test } from "vitest";
import { configs, orgDb } from "./support.js";

const database = useTemporaryDatabase({ label: "cli_limited", per: "test" });

const refused = (command: string) => ({
  answer: () => ({
    ok: 0,
    errmsg: `not authorized on admin to execute command { ${command}: 1, lsid: { id: UUID("0") } }`,
    code: new mongo.Int32(13),
  }),
});
const limited: Play = Object.fromEntries(
  ["serverStatus", "replSetGetStatus", "currentOp"].map((command) => [command, refused(command)]),
);
const remedy =
  "grant the user clusterMonitor, or stop it and run it with --unwatched lag flowControl queue indexBuild";

async function limitedShop() {
  const front = await playInFront(inject("engine").uri, limited);
  onTestFinished(front.stop);
  const uri = new URL(front.uri);
  uri.pathname = `/${database.name}`;
  const orders = database.connection.collection("orders");
  await orders.createIndex({ updatedAt: 1 });
  await orders.insertMany([{ updatedAt: new Date(0) }, { updatedAt: new Date(0) }] as never);
  const target = ["--config", configs.shop, "--uri", uri.href];
  return { orders, cleanup: (...args: string[]) => ["cleanup", ...args, ...target] };
}

test("a cleanup that may not read the load says at once what ends its wait, as does its status", async () => {
  const { orders, cleanup } = await limitedShop();
  let told = "";
  let press: () => void = () => undefined;
  const running = orgDb(cleanup("--run", "--max-slowdown", "off"), {
    now: () => new Date(),
    stderr: { isTTY: true, columns: 140, write: (text) => (told += text) },
    onInterrupt: (listener) => {
      press = listener;
      return () => undefined;
    },
  });
  const status = async () => JSON.parse((await orgDb(cleanup("--status", "--json"))).stdout);
  while ((await status()).runs[0]?.state !== "paused") await setTimeout(20);
  expect(await status()).toMatchObject({ runs: [{ state: "paused", reason: "unreadable" }], next: remedy });
  expect((await orgDb(cleanup("--status"))).stdout).toContain(`The run waits for a privilege: ${remedy}.`);
  while (!told.includes("--unwatched")) await setTimeout(20);
  press();
  expect((await running).exitCode).toBe(130);
  expect(told).toContain(`old-orders: waits: ${remedy}`);
  expect(await orders.countDocuments()).toBe(2);
  const unwatched = ["--unwatched", "lag", "flowControl", "queue", "indexBuild"];
  expect(await orgDb(cleanup("--run", ...unwatched), { now: () => new Date() })).toMatchObject({
    exitCode: 0,
  });
  expect(await orders.countDocuments()).toBe(0);
});
