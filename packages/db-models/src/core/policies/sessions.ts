import { z } from "zod";
import { duration } from "../limits.js";

const lasts = (max: number, defaultMs: number, meaning: string) =>
  z.int().min(0).max(max).default(defaultMs).describe(`${meaning}, in milliseconds`);

/** What is set once for the sessions of a service; what differs per user is in `user.security`. */
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

/** What holds for every session of a service. */
export interface SessionPolicy extends z.output<typeof sessionPolicySchema> {
  /** An ended session is kept this long, for the user's history: `sessionsMs` of the retention. */
  retentionMs: number;
}
