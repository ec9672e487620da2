import { z } from "zod";
import { duration } from "../limits.js";

const lasts = (max: number, defaultMs: number, meaning: string) =>
  z.int().min(0).max(max).default(defaultMs).describe(`${meaning}, in milliseconds`);

/** Settings for all sessions of a service; settings per user are in `user.security`. */
export const sessionPolicySchema = z.strictObject({
  touchIntervalMs: lasts(
    duration.day,
    duration.minute,
    "A session in use is written at most once in so long",
  ),
  rotationGraceMs: lasts(
    5 * duration.minute,
    30 * duration.second,
    "After a rotation the token before it stays good so long, for requests under way and retries",
  ),
});

/** Policy for all sessions of a service. */
export interface SessionPolicy extends z.output<typeof sessionPolicySchema> {
  /** An ended session is kept this long, for the user's history: `sessionsMs` of the retention. */
  retentionMs: number;
}
