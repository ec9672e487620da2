import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { expect, test } from "vitest";

import { type CliIo, runCli } from "../src/index.js";
import { configs, fixtures } from "./support.js";

const database = useTemporaryDatabase({ label: "cli", per: "test" });
const esc = String.fromCharCode(27);

/** A watch whose every output is looked at, and which can be left by a key or by Ctrl-C. */
async function watch(
  args: readonly string[],
  options: {
    isTTY: boolean;
    size?: { rows: number; columns: number };
    onWrite: (text: string, press: (key: string) => void, interrupt: () => void) => unknown;
  },
) {
  let [stdout, stderr] = ["", ""];
  let interrupt: () => void = () => undefined;
  let press: (key: string) => void = () => undefined;
  let listening = 0;
  const io: CliIo = {
    stdout: {
      isTTY: options.isTTY,
      ...(options.size ?? { rows: 20, columns: 60 }),
      write: (text) => {
        stdout += text;
        options.onWrite(stdout, press, interrupt);
      },
    },
    stderr: { write: (text) => (stderr += text) },
    env: { NO_COLOR: "1" },
    cwd: fixtures,
    onInterrupt: (listener) => {
      interrupt = listener;
      return () => undefined;
    },
    onKey: (listener) => {
      press = listener;
      listening += 1;
      return () => {
        listening -= 1;
      };
    },
    exit: () => undefined,
    now: () => new Date("2026-05-01T00:00:00Z"),
  };
  const common = ["--config", configs.shop, "--uri", database.uri];
  const exitCode = await runCli(["health", ...common, ...args], io);
  return { exitCode, stdout, stderr, listening };
}

test("a terminal is drawn over, cut to its height, and given back when q is pressed", async () => {
  const ran = await watch(["--watch", "1"], {
    isTTY: true,
    onWrite: (seen, press) => seen.includes(`${esc}[J`) && press("q"),
  });
  expect(ran.exitCode).toBe(2);
  expect(ran.stdout.startsWith(`${esc}[?1049h`)).toBe(true);
  expect(ran.stdout.endsWith(`${esc}[?1049l`)).toBe(true);
  expect(ran.stdout).toContain("q ends");
  expect(ran.stdout.split("\r\n").length).toBeLessThanOrEqual(20);
  expect(ran.stdout).toMatch(/\.\.\. \d+ more lines/);
  expect(ran.listening).toBe(0);
});

// Source: a newcomer's terminal of 80 columns and 24 lines, on which tables pushed the findings off the screen.
test("a terminal of 80x24 shows the score, the worst findings and their commands", async () => {
  const ran = await watch(["--watch", "1"], {
    isTTY: true,
    size: { rows: 24, columns: 80 },
    onWrite: (seen, press) => seen.includes(`${esc}[J`) && press("q"),
  });
  const [, frame = ""] = ran.stdout.split(`${esc}[H`);
  const lines = frame.split(`${esc}[K\r\n`).slice(0, -1);
  const seen = lines.map((line) => line.slice(0, 80)).join("\n");
  expect(lines.length).toBeLessThanOrEqual(23);
  expect(seen).toMatch(/^2026-05-01T00:00:00.000Z, every 1 s; q ends\nHealth of .*: \d+ of 100\n/);
  expect(seen).toMatch(/critical Index \w+ of orders is declared and missing/);
  expect(seen).toMatch(/^ +org-db setup$/m);
});

test.each([true, false])(
  "a name with a line break begins no line of its own, terminal: %s",
  async (isTTY) => {
    const forged = "ok      indexes: forged";
    const name = `orders\n${forged}`;
    let made: Promise<unknown> | undefined;
    const ran = await watch(["--watch", "1", "--config", configs.lineBreak], {
      isTTY,
      size: { rows: 200, columns: 80 },
      onWrite: (seen, press, interrupt) => {
        if (isTTY && seen.includes(`${esc}[J`)) press("q");
        if (!isTTY) made ??= database.connection.createCollection(name);
        if (!isTTY && seen.includes("gone: ")) interrupt();
      },
    });
    await made;
    expect(ran.stdout).toContain(`orders\\u000a${forged}`);
    expect(ran.stdout.split(/\r?\n/).filter((line) => line.startsWith(forged))).toEqual([]);
  },
);

test("Ctrl-C as a key, which a raw terminal makes of it, ends as well", async () => {
  const ran = await watch(["--watch"], {
    isTTY: true,
    onWrite: (seen, press) => seen.includes(`${esc}[J`) && press(String.fromCharCode(3)),
  });
  expect(ran.stdout.endsWith(`${esc}[?1049l`)).toBe(true);
});

test("elsewhere each check is a line, which tells what is new and gone; Ctrl-C ends", async () => {
  let stepped: Promise<unknown> | undefined;
  const ran = await watch(["--watch", "1"], {
    isTTY: false,
    onWrite: (seen, _press, interrupt) => {
      const lines = seen.split("\n").length - 1;
      stepped ??= database.connection.collection("orders").createIndex({ number: 1 }, { unique: true });
      if (lines >= 2 && seen.includes("gone: ")) interrupt();
    },
  });
  await stepped;
  const lines = ran.stdout.trimEnd().split("\n");
  expect(lines[0]).toMatch(/^2026-05-01T00:00:00\.000Z \d+ of 100; \d+ critical, \d+ warning, \d+ info$/);
  expect(ran.stdout).toContain("gone: INDEX_MISSING (Index number_1 of orders is declared and missing)");
  expect(ran.exitCode).toBe(2);
});

test("as JSON a line is a report", async () => {
  const ran = await watch(["--watch", "1", "--json"], {
    isTTY: false,
    onWrite: (seen, _press, interrupt) => seen.split("\n").length > 2 && interrupt(),
  });
  const reports = ran.stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(reports).toHaveLength(2);
  // Facts that need data to be read are refreshed once a minute at most.
  expect(reports.map(({ facts }) => facts.deep.at)).toEqual(Array(2).fill("2026-05-01T00:00:00.000Z"));
});
