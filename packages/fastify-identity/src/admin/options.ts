import { KeyObject } from "node:crypto";
import type { SigningKey } from "@org/db-models";
import { z } from "zod";
import { functionOption } from "../flows/options.js";
import type { DatabaseHealth } from "./database-health.js";

/** Options of the admin area. */
export interface AdminOptions {
  /** Path before its pages. Default: `/admin`. */
  readonly prefix?: string;
  /**
   * Whether erasing a user and exporting the audit trail take a second administrator, who approves it. False is for a service with one administrator.
   * Default: true.
   */
  readonly twoAdministrators?: boolean;
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
export const adminOptionsSchema = z.strictObject({
  prefix: z
    .string()
    .regex(/^(\/[\w.~-]+)+$/, "must be a path such as /admin")
    .default("/admin"),
  twoAdministrators: z.boolean().default(true),
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
});

export type AdminSettings = z.output<typeof adminOptionsSchema>;
