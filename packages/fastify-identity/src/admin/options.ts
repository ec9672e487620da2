import { z } from "zod";

/** Options of the admin area. */
export interface AdminOptions {
  /** Path before its pages. Default: `/admin`. */
  readonly prefix?: string;
  /**
   * Whether erasing a user takes a second administrator, who approves it. False is for a service with one administrator.
   * Default: true.
   */
  readonly twoAdministrators?: boolean;
  /** How long a sign-in with two factors is good for reading, milliseconds. Default: 43,200,000, twelve hours. */
  readonly signInMs?: number;
}

/** The options with their bounds and defaults. */
export const adminOptionsSchema = z.strictObject({
  prefix: z
    .string()
    .regex(/^(\/[\w.~-]+)+$/, "must be a path such as /admin")
    .default("/admin"),
  twoAdministrators: z.boolean().default(true),
  signInMs: z.int().min(60_000).max(86_400_000).default(43_200_000),
});

export type AdminSettings = z.output<typeof adminOptionsSchema>;
