import { KeyObject } from "node:crypto";
import type { SigningKey } from "@org/db-models";
import { limits } from "@org/db-models/core";
import { z } from "zod";
import { functionOption } from "../flows/options.js";
import type { DatabaseHealth } from "./database-health.js";

/** Rules for who acts for a user. */
interface ImpersonationOptions {
  /** How long one lasts at most, milliseconds. Default, and the longest: 1,800,000, half an hour. */
  readonly lifetimeMs?: number;
  /** Roles of the application whose users nobody acts for. Default: none; who has a role of the admin area never is one of them. */
  readonly protectedRoles?: readonly string[];
  /** Whether the user is told the reason, besides that it began. Their export has it in any case. Default: true. */
  readonly showReason?: boolean;
}

const impersonationSchema = z.strictObject({
  lifetimeMs: z.int().min(1_000).max(limits.impersonationMs).default(limits.impersonationMs),
  protectedRoles: z.array(z.string().min(1).max(limits.role)).max(limits.roles).default([]),
  showReason: z.boolean().default(true),
});

export type ImpersonationRules = z.output<typeof impersonationSchema>;

/** Options of the admin area. */
export interface AdminOptions {
  /** Path before its pages. Default: `/admin`. */
  readonly prefix?: string;
  /**
   * Whether erasing a user and exporting the audit trail take a second administrator, who approves it. False is for a service with one administrator.
   * Default: true.
   */
  readonly twoAdministrators?: boolean;
  /**
   * Whether administrators with the role `identity:impersonator` may act for users, each time for a reason that another administrator
   * has approved: so it takes `twoAdministrators`. Default: false, and then there is no route, no page and no permission for it.
   */
  readonly impersonation?: boolean | ImpersonationOptions;
  /** How long a sign-in with two factors is good for reading, milliseconds. Default: 43,200,000, twelve hours. */
  readonly signInMs?: number;
  /** Public keys of the checkpoints of the audit trail, with which it is verified. Default: none, no checkpoint is believed. */
  readonly auditKeys?: readonly SigningKey[];
  /**
   * Checks the health of the database, for a page and a route. `health` of @org/db-optimizer's `DatabaseOptimizer` is one.
   * It is called at most once a minute. Default: there is no such page.
   */
  readonly health?: () => Promise<DatabaseHealth>;
  /** Bounds of what is followed live. */
  readonly streams?: {
    /** Open at the same time for one administrator. Default: 5. */
    readonly perAdministrator?: number;
    /** Open at the same time in this process. Default: 100. */
    readonly perInstance?: number;
    /** Interval of the comments that keep a connection alive, milliseconds. Default: 15,000. */
    readonly heartbeatMs?: number;
  };
}

/** The options with their bounds and defaults. */
export const adminOptionsSchema = z
  .strictObject({
    prefix: z
      .string()
      .regex(/^(\/[\w.~-]+)+$/, "must be a path such as /admin")
      .default("/admin"),
    twoAdministrators: z.boolean().default(true),
    impersonation: z
      .union([z.boolean(), impersonationSchema])
      .default(false)
      .transform((impersonation) => (impersonation === true ? impersonationSchema.parse({}) : impersonation)),
    signInMs: z.int().min(60_000).max(86_400_000).default(43_200_000),
    auditKeys: z
      .array(
        z.custom<SigningKey>((key) => typeof key === "string" || key instanceof KeyObject, "must be a key"),
      )
      .max(20)
      .default([]),
    health: functionOption<() => Promise<DatabaseHealth>>().optional(),
    streams: z
      .strictObject({
        perAdministrator: z.int().min(1).max(100).default(5),
        perInstance: z.int().min(1).max(10_000).default(100),
        heartbeatMs: z.int().min(10).max(300_000).default(15_000),
      })
      .prefault({}),
  })
  .refine(({ impersonation, twoAdministrators }) => !impersonation || twoAdministrators, {
    path: ["impersonation"],
    error: "takes twoAdministrators: nobody acts for a user without another administrator's approval",
  });

export type AdminSettings = z.output<typeof adminOptionsSchema>;
