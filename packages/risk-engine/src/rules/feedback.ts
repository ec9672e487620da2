import { addressKeys } from "../address.js";
import { dayMs } from "../circular.js";
import { type Facts, isTime, type Rule, silent } from "../facts.js";
import { weightOf } from "../profile.js";
import type { Feedback } from "../signals.js";
import { readAgent } from "../user-agent.js";

/**
 * The person's feedback on an earlier sign-in from the same network or device. Feedback that a session gives about
 * itself is ignored: its holder may be the thief. One "not mine" outweighs every "mine".
 *
 * Source: confirm safe and confirm compromised of Entra; iya-sts for the session.
 * Bounds: from −`feedback.mine` to `feedback.notMine`.
 */
export const feedbackRule: Rule = (facts) => {
  const about = answersAbout(facts);
  if (about.length === 0) return silent;
  const { mine, notMine } = facts.policy.feedback;
  const refused = about.some(({ verdict }) => verdict === "not_mine");
  const logOdds = refused ? notMine : -mine;
  return [{ code: refused ? "reported" : "confirmed", logOdds, detail: { answers: about.length } }];
};

/**
 * The parts of an attempt that match a reported sign-in. They no longer count in the user's favour, because a thief who
 * was admitted once has taught the profile. The header of a report counts only with its network: the owner may use the same.
 */
export function reportedOf(facts: Facts): { readonly address: boolean; readonly agent: boolean } {
  const reports = answersAbout(facts).filter(
    ({ verdict, sameNetwork }) => verdict === "not_mine" && sameNetwork,
  );
  return { address: reports.length > 0, agent: reports.some(({ sameDevice }) => sameDevice) };
}

interface Answer {
  readonly verdict: Feedback["verdict"];
  readonly sameNetwork: boolean;
  readonly sameDevice: boolean;
}

function answersAbout(facts: Facts): Answer[] {
  const given = facts.context.feedback;
  if (!Array.isArray(given)) return [];
  const answers = (given as readonly Feedback[])
    .filter((feedback) => counts(feedback, facts))
    .map((feedback) => answerOf(feedback, facts));
  const foreign = isForeign(answers, facts);
  return answers.filter(({ verdict, sameNetwork, sameDevice }) =>
    // A device alone proves nothing for the user, but is reason enough for doubt where only the thief had it.
    verdict === "mine" ? sameNetwork && sameDevice : sameNetwork || (sameDevice && foreign),
  );
}

function answerOf({ verdict, ip, userAgent }: Feedback, { features }: Facts): Answer {
  const prefix = addressKeys(ip)?.prefix;
  const device = readAgent(userAgent)?.userAgent;
  return {
    verdict,
    sameNetwork: prefix !== undefined && prefix === features.prefix,
    sameDevice: device !== undefined && device === features.userAgent,
  };
}

/** Whether the profile knows the attempt's device from no more than the reported sign-ins, which taught it once each. */
function isForeign(answers: readonly Answer[], { profile, features, fading }: Facts): boolean {
  const reports = answers.filter(({ verdict, sameDevice }) => verdict === "not_mine" && sameDevice).length;
  const known = profile.levels.userAgent.values;
  return features.userAgent === undefined || weightOf(known, features.userAgent) * fading <= reports;
}

function counts(feedback: Feedback, { policy, at }: Facts): boolean {
  if (typeof feedback !== "object" || feedback === null) return false;
  if (feedback.verdict !== "mine" && feedback.verdict !== "not_mine") return false;
  if (!feedback.fromSessionId || feedback.fromSessionId === feedback.aboutSessionId) return false;
  return at !== undefined && isTime(feedback.at) && at - feedback.at <= policy.feedback.days * dayMs;
}
