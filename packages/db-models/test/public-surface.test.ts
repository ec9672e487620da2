import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import * as surface from "../src/index.js";

const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

it("exports these names and no others", () => {
  expect(Object.keys(surface).sort()).toMatchInlineSnapshot(`
    [
      "IdentityError",
      "UsageRecorder",
      "appStatuses",
      "appTokenKinds",
      "appendAudit",
      "applyAuditRetention",
      "auditInputSchema",
      "auditOutcomes",
      "auditRefOf",
      "authenticateUser",
      "canonicalAddress",
      "canonicalRange",
      "canonicalScopes",
      "capUserAgent",
      "clientTypes",
      "createAuditCheckpoint",
      "currentSchemaVersion",
      "defaultRetention",
      "defaultSessionPolicy",
      "defineModels",
      "detectDevice",
      "deviceHashOf",
      "deviceTypes",
      "duration",
      "emailSchema",
      "equalHashes",
      "eraseUserData",
      "errorKinds",
      "exportUserData",
      "findByQuery",
      "formatScopes",
      "grantTypes",
      "grantsEveryScope",
      "grantsScope",
      "hashPassword",
      "hmac",
      "incrementApiUsage",
      "intersectScopes",
      "isAllowed",
      "isIdentityError",
      "isScope",
      "limitPolicies",
      "limits",
      "listSecurityEvents",
      "listSessions",
      "loginSubjects",
      "mintToken",
      "networkOf",
      "normaliseIdentifier",
      "openDatabase",
      "openSession",
      "parseScopes",
      "parseToken",
      "passwordLength",
      "passwordSchema",
      "profileChangesSchema",
      "queries",
      "randomKey",
      "readUser",
      "recordLogin",
      "recordSecurityEvent",
      "refreshSession",
      "registerUser",
      "registrationSchema",
      "resumeErasures",
      "retentionOf",
      "retentionRules",
      "retentionSchema",
      "revocationReasons",
      "revokeAllSessions",
      "revokeOtherSessions",
      "revokeSession",
      "riskLevels",
      "runQuery",
      "sampleQueries",
      "scopesSchema",
      "secondFactorMethods",
      "securityChangesSchema",
      "securityEventKinds",
      "setUserStatus",
      "severities",
      "sha256",
      "shapesOfQueries",
      "subscribeSecurityEvents",
      "subscriptionPlans",
      "subscriptionStatuses",
      "themes",
      "tokenPrefixes",
      "tokenRevocationReasons",
      "updateProfile",
      "updateSecurity",
      "usageIntervals",
      "userStatuses",
      "validateSession",
      "verifyAudit",
      "verifyPassword",
    ]
  `);
});

it("depends on these packages and no others", () => {
  expect(Object.keys(manifest.dependencies)).toEqual(["@node-rs/argon2", "ipaddr.js", "ua-parser-js", "zod"]);
  expect(manifest.peerDependencies).toEqual({ mongoose: "^9.0.0" });
});

it("has a layer of its own for each collection: importing it opens nothing", async () => {
  const { default: mongoose } = await import("mongoose");
  expect(mongoose.connections.filter(({ readyState }) => readyState !== 0)).toEqual([]);
  expect(mongoose.modelNames()).toEqual([]);
});
