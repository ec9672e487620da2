import { mongo } from "mongoose";
import { expect, test } from "vitest";

import { OptimizerError, toOptimizerError } from "../src/errors.js";
import { isTransient } from "../src/transient.js";
import { serverError, stepDowns } from "./support.js";

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
  ["a connection that was cut, told in our words", toOptimizerError(cut), true],
  ["a refusal, told in our words", toOptimizerError(serverError(13, "not authorized")), false],
  ["a lease that ran out while cut off", new OptimizerError("LEASE_LOST", "x", { cause: cut }), false],
  ["a stop while cut off", new OptimizerError("ABORTED", "x", { cause: cut }), false],
])("%s: worth another try or not", (_name, error, expected) => {
  expect(isTransient(error)).toBe(expected);
});
