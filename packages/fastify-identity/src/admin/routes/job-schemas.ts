import type { BulkAct, BulkItemState, BulkJobState, UserStatus } from "@org/db-models";
import { limits } from "@org/db-models/core";
import { z } from "zod";
import {
  idInput,
  idOutput,
  limitInput,
  momentInput,
  pageInput,
  wholeNumberInput,
} from "../../http/answers/schemas.js";
import { reason } from "./schemas.js";

const acts = {
  end_sessions: "end_sessions",
  lock: "lock",
  unlock: "unlock",
  verify: "verify",
  password_reset: "password_reset",
  reset_factors: "reset_factors",
  erase: "erase",
} as const satisfies { [Act in BulkAct]: Act };

const states = {
  prepared: "prepared",
  running: "running",
  paused: "paused",
  cancelled: "cancelled",
  stopped: "stopped",
  done: "done",
} as const satisfies { [State in BulkJobState]: State };

const itemStates = {
  excluded: "excluded",
  pending: "pending",
  running: "running",
  done: "done",
  skipped: "skipped",
  failed: "failed",
} as const satisfies { [State in BulkItemState]: State };

const statuses = {
  pending: "pending",
  active: "active",
  suspended: "suspended",
  deleted: "deleted",
} as const satisfies { [Status in UserStatus]: Status };

const filter = z
  .strictObject({
    status: z.enum(statuses).optional(),
    role: z.string().min(1).max(limits.role).optional(),
    by: z
      .enum(["created", "active"])
      .default("created")
      .describe("What `since` and `until` are about. `active` leaves out who never was"),
    since: momentInput.optional().describe("Only from this moment on"),
    until: momentInput.optional().describe("Only before this moment"),
  })
  .refine(({ status, role }) => status === undefined || role === undefined, "name a status or a role")
  .refine(({ role, by }) => role === undefined || by === "created", "users of a role are chosen by created")
  // The same for programs that read the document.
  .meta({
    anyOf: [
      { not: { required: ["role"] } },
      { not: { required: ["status"] }, properties: { by: { const: "created" } } },
    ],
  });

export const jobBody = z
  .strictObject({
    act: z.enum(acts),
    reason,
    filter: filter.optional().describe("Users of the list. `{}`: everybody"),
    users: z
      .array(z.string().trim().min(1).max(limits.email))
      .min(1)
      .optional()
      .describe("Ids and email addresses"),
  })
  .refine(
    ({ filter: chosen, users }) => (chosen === undefined) !== (users === undefined),
    "name filter or users",
  )
  .meta({ oneOf: [{ required: ["filter"] }, { required: ["users"] }] });

export const job = z
  .object({
    id: idOutput,
    act: z.enum(acts),
    reason: z.string(),
    createdBy: idOutput,
    createdByEmail: z.string().optional(),
    state: z.enum(states),
    filter: z
      .object({
        status: z.string().optional(),
        role: z.string().optional(),
        by: z.string(),
        since: z.date().optional(),
        until: z.date().optional(),
      })
      .optional()
      .describe("Absent for a list that was given"),
    unknown: z.int().describe("Entries of the list that named nobody"),
    unknownAt: z.array(z.int()).describe(`Which entries, counted from 1: the first ${limits.unknownEntries}`),
    total: z.int(),
    counts: z.object({
      pending: z.int().describe("Those who have not had their turn: the number to start with"),
      excluded: z.int(),
      done: z.int(),
      skipped: z.int(),
      failed: z.int(),
    }),
    progress: z
      .object({ perSecond: z.number(), leftMs: z.int() })
      .optional()
      .describe("Of a running job: users a second, and the time that is left"),
    createdAt: z.date(),
    startBy: z.date(),
    startedAt: z.date().optional(),
    endedAt: z.date().optional(),
    stopCode: z.string().optional().describe("Why a job was stopped"),
  })
  .meta({ id: "AdminJob" });

const user = z
  .object({
    position: z.int(),
    userId: idOutput,
    email: z.string().optional().describe("Absent once the account is gone"),
    state: z.enum(itemStates),
    code: z.string().optional().describe("Why the user was left out, skipped or failed"),
    at: z.date().optional(),
  })
  .meta({ id: "AdminJobUser" });

export const preparedJob = z.object({ job, sample: z.array(user).describe("The first of its users") });

export const jobsQuery = z.strictObject({
  limit: limitInput,
  before: pageInput.optional().describe("Only older jobs: `next` of the page before, or a date"),
});
export const jobPage = z.object({
  jobs: z.array(job).describe("The newest first"),
  next: z.string().nullable().describe("`before` of the next page; null at the end"),
});

export const jobParams = z.strictObject({ id: idInput });

export const usersQuery = z.strictObject({
  state: z.enum(itemStates).optional(),
  limit: limitInput,
  from: wholeNumberInput(0, limits.bulkUsers).optional().describe("`next` of the page before"),
});
export const userPage = z.object({
  users: z.array(user).describe("In the order of the job. A user who was erased is not there"),
  next: z.int().nullable().describe("`from` of the next page; null at the end"),
});

export const startBody = z.strictObject({
  count: z.int().min(0).max(limits.bulkUsers).describe("`counts.pending` of the job, once more"),
  approvalId: idInput.optional().describe("What another administrator has approved; for `erase`"),
});
export const changeBody = z.strictObject({ change: z.enum(["pause", "resume", "cancel"]) });
export const resultLines = z
  .string()
  .describe(
    "`{ type: job }`, a `{ type: user }` for each user, and `{ type: end, users }`. Without its end it was cut.",
  );
