import { countOf, type Rule, silent } from "../facts.js";
import { growth } from "./growth.js";

/**
 * Programs of the account call far more often than they usually do.
 *
 * Source: Entra's suspicious API traffic; a ratio, so that heavy users are not punished for being heavy.
 * Bounds: 0 to `requests.most`.
 */
export const requestsRule: Rule = ({ policy, context }) => {
  const { requests } = context;
  if (!requests) return silent;
  const { ratio, floor, perDoubling, most } = policy.requests;
  const perMinute = countOf(requests.perMinute);
  const limit = Math.max(floor, ratio * countOf(requests.usualPerMinute));
  const logOdds = growth(perMinute, limit, perDoubling, most);
  return logOdds > 0 ? [{ code: "request_rate", logOdds, detail: { perMinute, limit } }] : silent;
};
