import type { UserSearchKind, UserStatus } from "@org/db-models";
import { administratorRoles, limits, printable } from "@org/db-models/core";
import { z } from "zod";
import { idInput, idOutput, limitInput, pageInput } from "../../http/answers/schemas.js";

/** Why something is done. It stays in the audit trail when the person is gone, so it must not tell of one. */
export const reason = printable(limits.reason, { min: 3, without: "@" }).describe(
  "Why, such as the number of a ticket: one line without anything personal, for it outlives the account",
);

const roles = z.array(z.enum(administratorRoles));

export const userParams = z.strictObject({ id: idInput });
export const reasonBody = z.strictObject({ reason });

const statuses = {
  pending: "pending",
  active: "active",
  suspended: "suspended",
  deleted: "deleted",
} as const satisfies { [Status in UserStatus]: Status };

/** Which users to list. */
export const usersQuery = z
  .strictObject({
    status: z.enum(statuses).optional(),
    role: z.string().min(1).max(64).optional(),
    sort: z
      .enum(["created", "active"])
      .default("created")
      .describe("`created`: the newest first; `active`: the last active first, without who never was"),
    limit: limitInput,
    before: pageInput.optional().describe("Only older accounts: `next` of the page before, or a date"),
  })
  .refine(({ status, role }) => status === undefined || role === undefined, "name a status or a role")
  .refine(
    ({ role, sort }) => role === undefined || sort === "created",
    "users of a role are sorted by created",
  );

const kinds = {
  id: "id",
  email: "email",
  username: "username",
  external: "external",
  api_key: "api_key",
  address: "address",
} as const satisfies { [Kind in UserSearchKind]: Kind };

/** A search, in a body: what people are searched by would stay in logs as a part of an address. */
export const searchBody = z.strictObject({
  text: z
    .string()
    .min(1)
    .max(512)
    .describe(
      "The beginning of an email address or a username; an id of a user, a session or an API key; an API key or its " +
        "visible start; an IP address; `<issuer> <subject>` of an external identity",
    ),
  by: z.enum(kinds).optional().describe("What the text is. Default: what it looks like"),
  limit: z.int().min(1).max(200).default(50),
  after: z.string().max(64).optional().describe("`next` of the page before"),
});

const userSummary = z
  .object({
    id: idOutput,
    email: z.string(),
    emailVerifiedAt: z.date().optional(),
    username: z.string().optional(),
    displayName: z.string().optional(),
    status: z.string(),
    roles: z.array(z.string()),
    createdAt: z.date(),
    lastActiveAt: z.date().optional(),
  })
  .meta({ id: "AdminUser" });

const next = z.string().nullable();

export const userPage = z.object({
  users: z.array(userSummary),
  next: next.describe("`before` of the next page; null at the end"),
});

export const foundUsers = z.object({
  by: z.string().describe("What the text was taken for: the next page takes the same"),
  users: z.array(userSummary),
  next: next.describe("`after` of the next page; null at the end"),
});

const risk = z.object({ score: z.number().optional(), level: z.string(), reasons: z.array(z.string()) });
const location = z.object({
  country: z.string().optional(),
  region: z.string().optional(),
  city: z.string().optional(),
});
const device = z.object({ label: z.string(), type: z.string() });

const session = z
  .object({
    id: idOutput,
    device,
    ip: z.string().optional(),
    location: location.optional(),
    risk,
    impersonation: z
      .object({ reason: z.string() })
      .optional()
      .describe("Of a session in which an administrator acts for the user"),
    createdAt: z.date(),
    lastSeenAt: z.date(),
    idleExpiresAt: z.date(),
    absoluteExpiresAt: z.date(),
    revokedAt: z.date().optional(),
    revocationReason: z.string().optional().describe("Why it ended before it expired"),
  })
  .meta({ id: "AdminSession" });

export const securityEvent = z
  .object({
    id: idOutput,
    userId: idOutput.optional(),
    kind: z.string(),
    severity: z.string(),
    at: z.date(),
    sessionId: idOutput.optional(),
    network: z.string().optional(),
    country: z.string().optional(),
    device: z.string().optional(),
    reasons: z.array(z.string()),
  })
  .meta({ id: "AdminSecurityEvent" });

export const userDetail = userSummary
  .extend({
    administratorRoles: roles,
    hasPassword: z.boolean(),
    linked: z.array(z.object({ provider: z.string(), linkedAt: z.date() })),
    factors: z.object({
      totpSince: z.date().optional(),
      passkeys: z.array(z.object({ id: idOutput, name: z.string(), createdAt: z.date() })),
      recoveryCodes: z.int(),
      rememberedDevices: z.int(),
    }),
    sessions: z.array(session).describe("Those that are live"),
    consents: z.array(
      z.object({ clientId: z.string(), name: z.string(), scopes: z.array(z.string()), grantedAt: z.date() }),
    ),
    events: z.array(securityEvent).describe("The newest security events"),
  })
  .meta({ id: "AdminUserDetail" });

export const sessionsQuery = z.strictObject({ limit: limitInput, before: pageInput.optional() });
export const sessionPage = z.object({ sessions: z.array(session), next });

export const endBody = z.strictObject({
  reason,
  sessionId: idInput.optional().describe("Default: every session, and sign-ins under way"),
});
export const ended = z.object({ ended: z.int() });

export const verificationBody = z.strictObject({
  reason,
  email: z.string().min(3).max(254).describe("The address that was seen to be the account's"),
});

export const erasureBody = z.strictObject({
  reason,
  email: z.string().min(3).max(254).describe("The account's address, once more"),
  approvalId: idInput.optional().describe("What another administrator has approved"),
});
export const erased = z.object({
  id: idOutput,
  finishedAt: z.date(),
  removed: z.record(z.string(), z.int()),
  remaining: z.record(z.string(), z.int()),
});

export const me = z.object({ roles, permissions: z.array(z.string()) });

export const administratorList = z.object({
  administrators: z.array(
    z.object({
      userId: idOutput,
      email: z.string(),
      displayName: z.string().optional(),
      roles,
      since: z.date(),
    }),
  ),
});
export const rolesBody = z.strictObject({
  reason,
  roles: roles
    .max(administratorRoles.length)
    .describe("In the place of those before; none takes them all away"),
});

export const approvalBody = z.discriminatedUnion("action", [
  z.strictObject({ action: z.literal("user.erase"), userId: idInput, reason }),
  z.strictObject({ action: z.literal("users.erase"), jobId: idInput }),
  z.strictObject({ action: z.literal("audit.export"), reason }),
  z
    .strictObject({ action: z.literal("user.impersonate"), userId: idInput, reason })
    .describe("Where administrators may act for users"),
]);
export const approval = z
  .object({
    id: idOutput,
    action: z.string(),
    userId: idOutput.optional(),
    jobId: idOutput.optional().describe("The bulk job that it is about"),
    reason: z.string(),
    status: z.string(),
    requestedBy: idOutput,
    createdAt: z.date(),
    expiresAt: z.date(),
  })
  .meta({ id: "AdminApproval" });
export const approvalList = z.object({ approvals: z.array(approval) });
export const decisionBody = z.strictObject({ approve: z.boolean() });
