import type { Types } from "mongoose";
import { operationsOf, type Shared } from "../context/context.js";
import { type RiskFeedbackInput, recordRiskFeedback } from "./feedback.js";
import { type RiskCounterKey, type RiskKnowledge, readRiskKnowledge } from "./knowledge.js";
import type { LearntLogin, RiskRecorder } from "./recorder.js";

/** Sign-in history for a risk engine. */
export interface Risk {
  /** A user's profile and the counters that a sign-in is compared with: two reads, at the same time. */
  readKnowledge(input: { userId: Types.ObjectId; keys: readonly RiskCounterKey[] }): Promise<RiskKnowledge>;
  /**
   * Keeps what a person said of a sign-in beside their profile, where the next judgement reads it: the newest few, and of
   * these whatever was disowned before what was confirmed, and of each session that speaks a fair part: nobody can push a
   * report out by confirming or reporting more.
   *
   * @returns false when the user has no such session, or no longer.
   * @throws IdentityError `CONTENTION`
   */
  recordFeedback(input: RiskFeedbackInput): Promise<boolean>;
  /** Takes a login up in memory; written within two seconds and by `close()`. Never waits and never throws. */
  learn(login: LearntLogin): void;
  /**
   * A profile that was learnt and is not written yet: newer than what the database has. Ask before `readKnowledge` as well as
   * after it: it may be written, and forgotten here, while an older one is read.
   */
  unwrittenProfileOf(userId: Types.ObjectId): object | undefined;
}

export function riskOf(identity: Shared, recorder: RiskRecorder): Risk {
  const on = operationsOf(identity);
  return {
    readKnowledge: on(readRiskKnowledge),
    recordFeedback: on(recordRiskFeedback),
    learn: (login) => recorder.record(login, identity.clock.now()),
    unwrittenProfileOf: (userId) => recorder.unwrittenProfileOf(userId),
  };
}
