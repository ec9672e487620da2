import { expect, test } from "vitest";

import { advanceToPrimary } from "../src/engine/replica-set.js";

type Answer = Record<string, unknown> | Error;

// Stands in for a real mongod, whose own steps towards a primary no other engine takes.
function server(answers: Record<string, Answer>) {
  const commands: Record<string, unknown>[] = [];
  const command = async (document: Record<string, unknown>) => {
    commands.push(document);
    const answer = answers[Object.keys(document)[0]!];
    if (answer instanceof Error) throw answer;
    return answer ?? { ok: 1 };
  };
  return { admin: { command }, commands };
}

const alreadyInitialized = Object.assign(new Error("already initialized"), { code: 23 });
const configOf = (host: string) => ({
  config: { _id: "org-db", version: 3, term: 2, members: [{ _id: 0, host, votes: 1 }] },
});

test("a writable primary is left as it is", async () => {
  const { admin, commands } = server({ hello: { isWritablePrimary: true } });
  expect(await advanceToPrimary(admin, "127.0.0.1:1")).toBe(true);
  expect(commands).toEqual([{ hello: 1 }]);
});

test("a new server is made a replica set of one, known by its own address", async () => {
  const { admin, commands } = server({ hello: { isWritablePrimary: false } });
  expect(await advanceToPrimary(admin, "127.0.0.1:4711")).toBe(false);
  expect(commands[1]).toEqual({
    replSetInitiate: { _id: "org-db", members: [{ _id: 0, host: "127.0.0.1:4711" }] },
  });
});

test("during an election nothing is changed", async () => {
  const { admin, commands } = server({
    hello: { isWritablePrimary: false },
    replSetInitiate: alreadyInitialized,
    replSetGetConfig: configOf("127.0.0.1:2"),
  });
  expect(await advanceToPrimary(admin, "127.0.0.1:2")).toBe(false);
  expect(commands.map((command) => Object.keys(command)[0])).toEqual([
    "hello",
    "replSetInitiate",
    "replSetGetConfig",
  ]);
});

test("stored data that names the port of an earlier run is told the new one, as that member never finds itself", async () => {
  const { admin, commands } = server({
    hello: { isWritablePrimary: false },
    replSetInitiate: alreadyInitialized,
    replSetGetConfig: configOf("127.0.0.1:1"),
  });
  expect(await advanceToPrimary(admin, "127.0.0.1:2")).toBe(false);
  expect(commands.at(-1)).toEqual({
    replSetReconfig: {
      _id: "org-db",
      version: 4,
      term: 2,
      members: [{ _id: 0, host: "127.0.0.1:2", votes: 1 }],
    },
    force: true,
  });
});

test("another refusal is passed on", async () => {
  const refused = Object.assign(new Error("not authorized"), { code: 13 });
  const { admin } = server({ hello: {}, replSetInitiate: refused });
  await expect(advanceToPrimary(admin, "127.0.0.1:1")).rejects.toBe(refused);
});
