import { duration } from "../limits.js";
import { defaultRetention } from "./retention.js";
/** What holds for every session of a service; what differs per user is in `user.security`. */
export interface SessionPolicy {
  /** A session in use is written at most once in this many milliseconds. Default one minute. */
  touchIntervalMs: number;
  /** After a rotation the token before it stays good this long, for requests under way and retries. Default 30 s. */
  rotationGraceMs: number;
  /** An ended session is kept this long, for the user's history. Default: the database's retention, 30 days. */
  retentionMs: number;
}

export const defaultSessionPolicy: SessionPolicy = {
  touchIntervalMs: duration.minute,
  rotationGraceMs: 30 * duration.second,
  retentionMs: defaultRetention.sessionsMs,
};
