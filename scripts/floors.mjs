// The house: which package may import which, and the floors of the packages that have several. The linter of imports
// holds to it (.dependency-cruiser.mjs), and docs/architecture.md has its picture.

/** By package or app: the workspaces that its sources may import. */
export const allowedImports = {
  "packages/client-facts": [],
  "packages/db-cli": ["packages/db-optimizer"],
  "packages/db-models": ["packages/client-facts"],
  "packages/db-optimizer": [],
  "packages/dev-kit": [],
  "packages/fastify-identity": ["packages/db-models", "packages/risk-engine"],
  "packages/risk-engine": ["packages/client-facts"],
  "packages/service-kit": [],
  "apps/api": [
    "packages/db-models",
    "packages/db-optimizer",
    "packages/fastify-identity",
    "packages/risk-engine",
    "packages/service-kit",
  ],
  "apps/maintenance": ["packages/db-models", "packages/db-optimizer", "packages/service-kit"],
};

/**
 * By package: its rooms, floor by floor, from the top down; "" stands for the files of `src` itself. Imports go down, never
 * up and never sideways.
 */
export const floors = {
  "packages/db-models": [
    [""],
    ["sign-in-reports"],
    ["email-changes", "request-limits"],
    ["privacy", "migrations", "external", "factors"],
    ["users", "impersonations"],
    ["administrators"],
    ["sessions", "api-keys", "oauth", "logins", "audit", "bulk-jobs"],
    ["security-events", "usage", "analytics", "risk", "impersonators"],
    ["context"],
    ["session-cache"],
    ["queries"],
    ["stored"],
    ["schemas"],
    ["core"],
  ],
  "packages/db-optimizer": [
    [""],
    ["health"],
    ["cleanup", "migrate", "setup", "workload", "sharding", "storage"],
    ["indexes"],
    ["queries", "jobs"],
    ["core"],
  ],
};

/** The room of a source file: the first folder below `src`. */
export const roomOf = (path) => /\/src\/(?:([^/]+)\/)?/.exec(path)?.[1] ?? "";
