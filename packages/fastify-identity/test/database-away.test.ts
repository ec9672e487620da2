import { mongo } from "mongoose";
import { describe, expect, it } from "vitest";
import { toProblem } from "../src/flows/problems.js";

const named = (name: string) => Object.assign(new Error("x"), { name });
const coded = (code: string, name = "Error") => Object.assign(new Error("x"), { code, name });

describe("what the driver throws where the database is away", () => {
  it.each([
    ["no server was found", named("MongoServerSelectionError"), "DATABASE_UNREACHABLE"],
    ["a connection was cut", new mongo.MongoNetworkError("x"), "DATABASE_UNREACHABLE"],
    ["the pool was cleared", named("MongoPoolClearedError"), "DATABASE_UNREACHABLE"],
    ["the pool was closed", named("MongoPoolClosedError"), "DATABASE_UNREACHABLE"],
    ["an operation had no time left", named("MongoOperationTimeoutError"), "DATABASE_UNREACHABLE"],
    ["a socket was written to that is gone", coded("ERR_STREAM_DESTROYED"), "DATABASE_UNREACHABLE"],
    ["a socket ended while a command waited for it", coded("EPIPE"), "DATABASE_UNREACHABLE"],
    ["a socket was reset while a command waited for it", coded("ECONNRESET"), "DATABASE_UNREACHABLE"],
    ["another library lost a connection", coded("ECONNRESET", "AxiosError"), "INTERNAL"],
    ["a file is not there", coded("ENOENT"), "INTERNAL"],
  ])("%s", (_, error, code) => {
    expect(toProblem(error)).toMatchObject({ code, cause: error });
  });
});
