// Source: a session of a newcomer, who pressed Ctrl-C while a server was looked for. Right: what is said of the end fits
// what was under way.
import { expect, test } from "vitest";
import { configs, orgDb } from "../support.js";

const nowhere = "mongodb://127.0.0.1:1/shop";

test.each(["setup", "plan"])(
  "%s that is stopped before it began says that nothing was changed",
  async (command) => {
    let stderr = "";
    const { exitCode } = await orgDb(
      [command, "--config", configs.shop, "--uri", nowhere, "--timeout", "600"],
      {
        onInterrupt: (listener) => {
          setTimeout(listener, 200);
          return () => undefined;
        },
        stderr: { write: (text) => (stderr += text) },
      },
    );
    expect(exitCode).toBe(130);
    expect(stderr).toContain("Stopping; press Ctrl-C again to leave at once.");
    expect(stderr).toContain("Stopped on request. Nothing was changed.");
    expect(stderr).not.toContain("Run it again");
  },
);
