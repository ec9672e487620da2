import { type Rule, silent } from "../facts.js";

/**
 * The password is in a list of leaked ones, so that others may know it.
 *
 * Source: Entra's leaked credentials; the breach check of iya-sts.
 * Bounds: 0 or `leakedPassword`.
 */
export const leakedPasswordRule: Rule = ({ policy, context }) =>
  context.leakedPassword === true && policy.leakedPassword > 0
    ? [{ code: "leaked_password", logOdds: policy.leakedPassword, detail: {} }]
    : silent;
