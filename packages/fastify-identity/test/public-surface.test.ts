import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, test } from "vitest";
import * as flows from "../src/flows/index.js";
import * as handlers from "../src/handlers/index.js";
import * as http from "../src/http/index.js";
import * as surface from "../src/index.js";

const names = (entry: object) => Object.keys(entry).sort();

it("exports these names and no others", () => {
  expect(names(surface)).toEqual(["IdentityProblem", "OptionsError", "identityPlugin", "problemCodes"]);
  expect(names(flows)).toEqual([
    "IdentityCookies",
    "IdentityProblem",
    "OptionsError",
    "createFlows",
    "problemCodes",
    "problemOf",
    "requesterFrom",
    "toProblem",
  ]);
  expect(names(handlers)).toEqual(["IdentityProblem", "OptionsError", "identityHandlers"]);
  expect(names(http)).toEqual([
    "answerError",
    "clientAddressOf",
    "describeProblems",
    "every",
    "isForwarded",
    "knowAllMethods",
    "parseStrictJson",
    "problemOf",
    "rateLimit",
    "repeatsName",
    "securityHeaders",
    "strictHeaders",
    "trackMethods",
    "trustedProxies",
  ]);
});

const source = new URL("../src/", import.meta.url).pathname;
const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((file) =>
  file.endsWith(".ts"),
);
const textOf = (file: string) => readFileSync(join(source, file), "utf8");

test("the flows import no framework, so that Express and Next.js can use them", () => {
  const imported = files
    .filter((file) => file.startsWith("flows/"))
    .flatMap((file) => [...textOf(file).matchAll(/from "([^."][^"]*)"/g)].map(([, name]) => name));
  const allowed = [
    "@org/db-models",
    "@org/db-models/core",
    "@org/db-models/queries",
    "@org/risk-engine",
    "cookie",
  ];
  const strange = imported.filter(
    (name) => ![...allowed, "mongoose", "zod"].includes(name ?? "") && !name?.startsWith("node:"),
  );
  expect(imported.length).toBeGreaterThan(10);
  expect(strange).toEqual([]);
});

test("one function opens sessions, and every way of signing in ends in it", () => {
  expect(files.filter((file) => textOf(file).includes("sessions.open("))).toEqual([
    "flows/sign-in/complete/admit.ts",
  ]);
  const admits = files.filter((file) => textOf(file).includes('/admit.js"'));
  expect(admits).toEqual(["flows/sign-in/complete/complete-sign-in.ts"]);
});
