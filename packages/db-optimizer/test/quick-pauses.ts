import { afterEach, beforeEach } from "vitest";

type Pauses = typeof import("../src/core/pause.js");

let ratio = 1;

/**
 * For `vi.mock` of `src/core/pause.js`: the waits of the package are as they are, unless `quickPauses` shortens them.
 *
 * @example
 * vi.mock("../../src/core/pause.js", async (load) => (await import("../quick-pauses.js")).scaledPauses(load));
 */
export async function scaledPauses(load: () => Promise<unknown>): Promise<Pauses> {
  const real = (await load()) as Pauses;
  return { ...real, pause: (milliseconds, signal) => real.pause(milliseconds * ratio, signal) };
}

/** In the `describe` in which it is called, the package waits a tenth as long: how often it tries stays as it is. */
export function quickPauses(): void {
  beforeEach(() => {
    ratio = 0.1;
  });
  afterEach(() => {
    ratio = 1;
  });
}
