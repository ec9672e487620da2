import type { IdentityAccess } from "../../access.js";
import type { ProblemCode } from "../../flows/problems.js";

const access = { accept: ["session"] } as const satisfies IdentityAccess;

/** Problems of every route of the admin area. */
const common = ["INSUFFICIENT_ROLE", "RECENT_AUTHENTICATION_REQUIRED", "AUDIT_NOT_WRITTEN"] as const;

/** The configuration of a route of the admin area, whose administrator `actingFor` reads. */
export function guarded(...problems: readonly ProblemCode[]) {
  return { identity: access, identityProblems: [...common, ...problems] };
}
