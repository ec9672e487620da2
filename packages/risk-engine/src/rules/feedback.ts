import { addressKeys } from "../address.js";
import { dayMs } from "../circular.js";
import { type Facts, isTime, type Rule, silent } from "../facts.js";
import type { Feedback } from "../signals.js";
import { readAgent } from "../user-agent.js";

/**
 * What the person said of an earlier sign-in from the same network or device. Feedback that a session gives about
 * itself is ignored: its holder may be the thief. One "not mine" outweighs every "mine".
 *
 * Source: confirm safe and confirm compromised of Entra; iya-sts for the session.
 * Bounds: from −`feedback.mine` to `feedback.notMine`.
 */
export const feedbackRule: Rule = (facts) => {
  const given = facts.context.feedback;
  if (!Array.isArray(given)) return silent;
  const about = (given as readonly Feedback[]).filter((feedback) => concerns(feedback, facts));
  if (about.length === 0) return silent;
  const { mine, notMine } = facts.policy.feedback;
  const refused = about.some(({ verdict }) => verdict === "not_mine");
  const logOdds = refused ? notMine : -mine;
  return [{ code: refused ? "reported" : "confirmed", logOdds, detail: { answers: about.length } }];
};

function concerns(feedback: Feedback, { policy, features, at }: Facts): boolean {
  if (typeof feedback !== "object" || feedback === null) return false;
  if (feedback.verdict !== "mine" && feedback.verdict !== "not_mine") return false;
  if (!feedback.fromSessionId || feedback.fromSessionId === feedback.aboutSessionId) return false;
  const { days } = policy.feedback;
  if (at === undefined || !isTime(feedback.at) || at - feedback.at > days * dayMs) return false;
  const prefix = addressKeys(feedback.ip)?.prefix;
  const device = readAgent(feedback.userAgent)?.userAgent;
  const sameNetwork = prefix !== undefined && prefix === features.prefix;
  const sameDevice = device !== undefined && device === features.userAgent;
  // A popular device alone proves nothing for the user, but is reason enough for doubt.
  return feedback.verdict === "mine" ? sameNetwork && sameDevice : sameNetwork || sameDevice;
}
