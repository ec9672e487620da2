// Source: a newcomer's session. Input: two models, one of which declares an expiry that is no number. Right: plan, doctor and
// setup say that nothing is written, and the command that does the rest; the same command everywhere, which can be typed.
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import type { Connection } from "mongoose";
import { describe, expect, test } from "vitest";
import { configs, orgDb } from "../support.js";

const database = useTemporaryDatabase({ label: "next", per: "test" });

const at = (config: string) => (line: string) =>
  orgDb([...line.replace(/^org-db /, "").split(" "), "--config", config, "--uri", database.uri]);
const faulty = at(configs.faulty);
const shop = at(configs.shop);

const without = "org-db setup --ignore Cart";

describe("a declaration beside which nothing is written", () => {
  test("plan and doctor name the model, and the command that does without it", async () => {
    const { stdout } = await faulty("plan");
    expect(stdout).toContain(
      `Change the declaration at fault: until then setup and apply write nothing. Without Cart: ${without}. Plan `,
    );
    expect(stdout).not.toContain("Carry");
    expect((await faulty("doctor")).stdout).toContain(
      `Next: change the declarations above; without Cart: ${without}\n`,
    );
  });

  test.each(["setup", "apply"])("%s says that it wrote nothing, and how to go on", async (command) => {
    const { exitCode, stderr } = await faulty(command);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(
      "Nothing was changed. Change the declaration, or leave its model out with --ignore Cart.",
    );
    expect(await database.connection.db?.listCollections().toArray()).toEqual([]);
  });

  test("the command that is named does the rest", async () => {
    expect((await faulty(without)).exitCode).toBe(0);
    expect((await faulty("plan --ignore Cart")).exitCode).toBe(0);
  });
});

const orders = (connection: Connection) => connection.collection("orders");
const named = /(?:Carry it out with|Next:) (org-db [^.;\n]*)/;

describe("plan, health and doctor name one next command, which leaves less to do", () => {
  test.each([
    ["nothing is there", async () => undefined, "org-db setup"],
    [
      "an index has other options",
      async (connection: Connection) => {
        await shop("setup");
        await orders(connection).dropIndex("number_1");
        await orders(connection).createIndex({ number: 1 }, { sparse: true });
      },
      "org-db setup --run",
    ],
  ] as const)("%s", async (_what, prepare, wanted) => {
    await prepare(database.connection);
    const said = await Promise.all(
      ["plan", "doctor", "health"].map(async (command) => named.exec((await shop(command)).stdout)?.[1]),
    );
    expect(said).toEqual([wanted, wanted, wanted]);
    expect((await shop(wanted)).exitCode).toBe(0);
    expect((await shop("plan")).stdout).toContain("In sync");
  });

  test("a selection goes with it", async () => {
    const { stdout } = await at(configs.many)("plan --only many_3 many_4 --ignore Many4");
    expect(stdout).toContain("Carry it out with org-db setup --only many_3 many_4 --ignore Many4.");
  });
});
