import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { chapters, tell } from "../src/story.js";

const told = tell(chapters);
const chapter = (what: string) => told.find((one) => one.what === what)?.found;

describe("the story", () => {
  it("has no score to begin with, and lets in who keeps to their habits", () => {
    expect(told[0]?.found).toMatchObject({ score: null, level: "unscored", action: "allow" });
    for (const { found } of told.slice(5, 16)) expect(found.action).toBe("allow");
    expect(chapter("workday 15, at home")?.score).toBeLessThan(chapter("workday 2, at home")?.score ?? 0);
  });

  it("takes an update for none, asks about a new phone, and refuses the thief", () => {
    expect(chapter("the browser has updated itself")?.action).toBe("allow");
    expect(chapter("a new phone, on the train")?.action).toBe("challenge");
    expect(chapter("somebody else has the password")?.action).toBe("deny");
  });

  it("learns what was confirmed, never what was refused", () => {
    expect(chapter("the same phone, at home")?.action).toBe("allow");
    expect(told.filter(({ learnt }) => !learnt).map(({ what }) => what)).toEqual([
      "somebody else has the password",
    ]);
  });

  it("prints each score with its reasons", async () => {
    const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [
      "--conditions=@org/source",
      "--import",
      "tsx",
      main,
    ]);
    expect(stdout).toMatch(
      /somebody else has the password: \d+\.\d\d, high → deny \(the person is told: \w+\)/,
    );
    expect(stdout).toMatch(/\+\d\.\d\d listed/);
    expect(stdout).not.toMatch(/NaN|undefined/);
  });
});
