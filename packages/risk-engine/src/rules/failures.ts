import { countOf, type Reason, type Rule, silent } from "../facts.js";
import { growth } from "./growth.js";

/**
 * Failed sign-ins of the account, and from the network, in the last hour. A network that many people share may fail
 * more often. Bounded, because anybody can fail on somebody else's account: that may cost a second factor, never access.
 *
 * Source: section 5 of the guide (lock-out as an attack); the per-account and per-network limits of iya-sts.
 * Bounds: 0 to `failures.most` each.
 */
export const failuresRule: Rule = ({ policy, context }) => {
  const failures = context.failures;
  if (!failures) return silent;
  const { account, network, perUser, perDoubling, most } = policy.failures;
  const reasons: Reason[] = [];
  const ofNetwork = network + perUser * countOf(failures.networkUsers);
  for (const [code, count, limit] of [
    ["account_failures", countOf(failures.account), account],
    ["network_failures", countOf(failures.network), ofNetwork],
  ] as const) {
    const logOdds = growth(count, limit, perDoubling, most);
    if (logOdds > 0) reasons.push({ code, logOdds, detail: { count, limit } });
  }
  return reasons;
};
