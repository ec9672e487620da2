import { fileURLToPath } from "node:url";

import { type CliIo, runCli } from "../src/index.js";

export const fixtures = fileURLToPath(new URL("./fixtures/", import.meta.url));

const pathOf = (url: URL) => fileURLToPath(url);

/** The configurations there; named one by one, so that one that no test needs any more is noticed. */
export const configs = {
  shop: pathOf(new URL("./fixtures/shop.config.ts", import.meta.url)),
  keeping: pathOf(new URL("./fixtures/keeping.config.ts", import.meta.url)),
  unwritable: pathOf(new URL("./fixtures/unwritable.config.ts", import.meta.url)),
  many: pathOf(new URL("./fixtures/many.config.ts", import.meta.url)),
  boxes: pathOf(new URL("./fixtures/boxes.config.ts", import.meta.url)),
  plain: pathOf(new URL("./fixtures/plain.config.mjs", import.meta.url)),
  commonjs: pathOf(new URL("./fixtures/commonjs/db.config.ts", import.meta.url)),
  throws: pathOf(new URL("./fixtures/throws.config.ts", import.meta.url)),
  shape: pathOf(new URL("./fixtures/shape.config.ts", import.meta.url)),
  modelsThrow: pathOf(new URL("./fixtures/models-throw.config.ts", import.meta.url)),
  notAModel: pathOf(new URL("./fixtures/not-a-model.config.ts", import.meta.url)),
  recorded: pathOf(new URL("./fixtures/recorded.config.ts", import.meta.url)),
  checks: pathOf(new URL("./fixtures/checks.config.ts", import.meta.url)),
  noDefault: pathOf(new URL("./fixtures/no-default.config.mjs", import.meta.url)),
  faulty: pathOf(new URL("./fixtures/faulty.config.ts", import.meta.url)),
  lineBreak: pathOf(new URL("./fixtures/line-break.config.mjs", import.meta.url)),
  sameNames: pathOf(new URL("./fixtures/same-names.config.mjs", import.meta.url)),
  nameless: pathOf(new URL("./fixtures/nameless.config.ts", import.meta.url)),
};

/** Result of a run of the command. */
export interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `org-db` in this process, in the folder of the fixtures. */
export async function orgDb(args: readonly string[], options: Partial<CliIo> = {}): Promise<Ran> {
  let [stdout, stderr] = ["", ""];
  const exitCode = await runCli(args, {
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    env: {},
    cwd: fixtures,
    onInterrupt: () => () => undefined,
    exit: () => undefined,
    now: () => new Date("2025-05-01T00:00:00Z"),
    ...options,
  });
  return { exitCode, stdout, stderr };
}
