import { mongo } from "mongoose";
import { afterEach, expect, test, vi } from "vitest";

import { OptimizerError, toOptimizerError } from "../src/core/errors.js";
import { isTransient, withRetries } from "../src/core/server/transient.js";
import { serverError, stepDowns } from "./support.js";

afterEach(() => {
  vi.restoreAllMocks();
});

const cut = new mongo.MongoNetworkError("closed");

test.each<[string, unknown, boolean]>([
  ...stepDowns.map(([when, error]) => [`a step-down ${when}`, error, true] as [string, unknown, boolean]),
  ["a refusal", serverError(13, "not authorized"), false],
  ["a full disk", serverError(14_031, "out of disk space"), false],
  ["a failure of nothing known", new Error("x"), false],
  ["a transient label", serverError(1, "x", ["TransientTransactionError"]), true],
  [
    "a bulk write whose connection was cut",
    Object.assign(new Error("x"), { errorResponse: new mongo.MongoNetworkError("closed") }),
    true,
  ],
  ["a pool that was cleared", Object.assign(new Error("x"), { name: "MongoPoolClearedError" }), true],
  [
    "a socket that broke while a command waited for it",
    Object.assign(new Error("x"), { code: "EPIPE" }),
    true,
  ],
  ["a connection that was cut, told in our words", toOptimizerError(cut), true],
  ["a refusal, told in our words", toOptimizerError(serverError(13, "not authorized")), false],
  ["a lease that ran out while cut off", new OptimizerError("LEASE_LOST", "x", { cause: cut }), false],
  ["a stop while cut off", new OptimizerError("ABORTED", "x", { cause: cut }), false],
])("%s: worth another try or not", (_name, error, expected) => {
  expect(isTransient(error)).toBe(expected);
});

const noServer = Object.assign(new Error("x"), { name: "MongoServerSelectionError" });

test.each<[string, unknown, number, number]>([
  ["a server that could not be found, as long as an election takes", noServer, 20_000, 1],
  ["the same, as our error", toOptimizerError(noServer), 20_000, 1],
  ["a server that was looked for a short time only", noServer, 5_000, 2],
  ["a connection that breaks after hours of building", cut, 7_200_000, 2],
])("%s: tried again or not", async (_what, error, elapsed, tries) => {
  let [now, seen] = [0, 0];
  vi.spyOn(performance, "now").mockImplementation(() => now);
  const trying = withRetries(async (attempt) => {
    seen = attempt;
    if (attempt === 2) return;
    now += elapsed;
    throw error;
  });
  await trying.catch(() => undefined);
  expect(seen).toBe(tries);
});
