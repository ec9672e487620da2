import { createConnection, mongo } from "mongoose";
import { expect, test } from "vitest";

import { isOptimizerError, OptimizerError, toOptimizerError } from "../src/core/errors.js";
import { assertModel } from "../src/core/model.js";

const serverError = (code: number, errmsg = "refused") =>
  new mongo.MongoServerError({ message: errmsg, code });

test.each<[string, unknown, string, string]>([
  ["no privilege", serverError(13), "NOT_AUTHORIZED", "server"],
  ["wrong credentials", serverError(18), "AUTHENTICATION_FAILED", "server"],
  [
    "wrong credentials, at Atlas",
    serverError(8000, "bad auth : authentication failed"),
    "AUTHENTICATION_FAILED",
    "server",
  ],
  ["not at Atlas's tier", serverError(8000, "CMD_NOT_ALLOWED: profile"), "UNSUPPORTED", "server"],
  ["a command that is not known", serverError(59), "UNSUPPORTED", "server"],
  ["a time limit", serverError(50), "TIMED_OUT", "server"],
  ["a write concern's time limit", serverError(64), "TIMED_OUT", "server"],
  ["duplicates", serverError(11000), "DUPLICATES", "state"],
  ["two indexes of one name", serverError(86), "INDEX_CONFLICT", "state"],
  ["another refusal", serverError(2), "SERVER_REFUSED", "server"],
  ["a primary that steps down", serverError(189), "UNREACHABLE", "server"],
  ["a server that is no longer the primary", serverError(10_107), "UNREACHABLE", "server"],
  ["what a step-down interrupts", serverError(11_602), "UNREACHABLE", "server"],
  ["a full disk", serverError(14_031), "DISK_FULL", "server"],
  [
    "a bulk write whose connection was cut",
    Object.assign(new Error("x"), { errorResponse: new mongo.MongoNetworkError("closed") }),
    "UNREACHABLE",
    "server",
  ],
  [
    "a pool that a cut connection cleared",
    Object.assign(new Error("x"), { name: "MongoPoolClearedError" }),
    "UNREACHABLE",
    "server",
  ],
  [
    "a socket that broke while a command waited for it",
    Object.assign(new Error("x"), { code: "ECONNRESET" }),
    "UNREACHABLE",
    "server",
  ],
  [
    "a name that DNS does not have",
    Object.assign(new Error("querySrv ENOTFOUND _mongodb._tcp.shop.invalid"), {
      code: "ENOTFOUND",
      syscall: "querySrv",
    }),
    "UNREACHABLE",
    "server",
  ],
  ["a cut connection", new mongo.MongoNetworkError("reset"), "UNREACHABLE", "server"],
  ["our own signal", new DOMException("stop", "AbortError"), "ABORTED", "caller"],
  ["anything else", "text", "SERVER_REFUSED", "server"],
])("%s", (_name, error, code, kind) => {
  const known = toOptimizerError(error, "Doing it");
  expect(known).toMatchObject({ code, kind, cause: error });
  expect(known.message).toMatch(/^Doing it: /);
  expect(isOptimizerError(known, known.code)).toBe(true);
  expect(toOptimizerError(known)).toBe(known);
});

test("a server that is not there is unreachable", async () => {
  const connection = createConnection("mongodb://127.0.0.1:9/x", { serverSelectionTimeoutMS: 50 });
  const error = await connection.asPromise().catch((reason: unknown) => toOptimizerError(reason));
  await connection.close();
  expect(error).toMatchObject({ code: "UNREACHABLE" });
});

test.each<[string, unknown, RegExp]>([
  ["nothing", undefined, /Not a Mongoose model: undefined/],
  ["a schema-less object", { a: 1, b: 2 }, /an object with the keys a, b/],
  [
    "no name",
    { collection: { collectionName: "c" }, schema: { indexes: () => [] } },
    /model of collection "c" has no name/,
  ],
])("%s is no model", (_name, value, message) => {
  expect(() => assertModel(value)).toThrow(message);
  expect(() => assertModel(value)).toThrow(OptimizerError);
});
