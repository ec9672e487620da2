import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import * as core from "../src/core/index.js";
import * as surface from "../src/index.js";
import * as queries from "../src/queries/index.js";
import * as schemas from "../src/schemas/index.js";

const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

it("exports these names and no others, at most 40 at its main entry", () => {
  expect(Object.keys(surface).sort()).toEqual([
    "IdentityError",
    "apiKeyInputSchema",
    "apiKeyRotationSchema",
    "appChangesSchema",
    "appRegistrationSchema",
    "auditInputSchema",
    "auditRefOf",
    "createIdentity",
    "defineModels",
    "defineUpgrades",
    "detectDevice",
    "emailSchema",
    "errorKinds",
    "formatScopes",
    "grantsEveryScope",
    "grantsScope",
    "identityPoliciesSchema",
    "isIdentityError",
    "normaliseIdentifier",
    "openDatabase",
    "openIdentity",
    "parseScopes",
    "passwordLength",
    "passwordSchema",
    "profileChangesSchema",
    "pwnedPasswords",
    "registrationSchema",
    "retentionRules",
    "sampleQueries",
    "securityChangesSchema",
    "sessionsMigration",
    "userAnalyticsOptionsSchema",
  ]);
  expect(Object.keys(surface).length).toBeLessThanOrEqual(40);
});

it("exports these names by subpath and no others", () => {
  const names = (entry: object) => Object.keys(entry).sort();
  expect(names(core)).toEqual([
    "administratorRoles",
    "amrOf",
    "assuranceOf",
    "canonicalAddress",
    "canonicalClientAddress",
    "canonicalRange",
    "duration",
    "equalHashes",
    "hmac",
    "isAllowed",
    "isRegisteredUri",
    "limits",
    "mintToken",
    "namesAny",
    "networkOf",
    "parseToken",
    "printable",
    "proofMethods",
    "randomKey",
    "recentAssurance",
    "recentProofs",
    "seal",
    "sha256",
    "textSchema",
    "tokenPrefixes",
    "typedCode",
    "unseal",
  ]);
  expect(names(queries)).toEqual([
    "findByQuery",
    "placeOf",
    "queries",
    "readPagePosition",
    "readSession",
    "runQuery",
    "shapesOfQueries",
    "writePagePosition",
  ]);
  expect(names(schemas)).toEqual([
    "appStatuses",
    "approvalStatuses",
    "assertionAlgorithmsOf",
    "auditOutcomes",
    "bulkActs",
    "bulkItemStates",
    "bulkJobStates",
    "clientTypes",
    "currentSchemaVersion",
    "deviceGrantType",
    "deviceTypes",
    "feedbackVerdicts",
    "grantTypes",
    "keptCheckpoint",
    "limitPolicies",
    "loginSubjects",
    "revocationReasons",
    "riskLevels",
    "securityEventKinds",
    "severities",
    "signingAlgorithms",
    "subscriptionPlans",
    "subscriptionStatuses",
    "themes",
    "tokenRevocationReasons",
    "usageIntervals",
    "userStatuses",
  ]);
});

it("has an entry for each subpath and no other", () => {
  expect(Object.keys(manifest.exports)).toEqual([".", "./core", "./queries", "./schemas", "./package.json"]);
});

it("depends on these packages and no others", () => {
  expect(Object.keys(manifest.dependencies)).toEqual([
    "@node-rs/argon2",
    "@simplewebauthn/server",
    "ipaddr.js",
    "zod",
  ]);
  expect(manifest.peerDependencies).toEqual({ mongoose: "^9.0.0" });
});

it("has a layer of its own for each collection: importing it opens nothing", async () => {
  const { default: mongoose } = await import("mongoose");
  expect(mongoose.connections.filter(({ readyState }) => readyState !== 0)).toEqual([]);
  expect(mongoose.modelNames()).toEqual([]);
});
