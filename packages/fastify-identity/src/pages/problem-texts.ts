import type { PasswordWeakness } from "@org/db-models";
import type { IdentityProblem, ProblemCode } from "../flows/problems.js";
import type { Text } from "./look/language.js";
import type { MessageId } from "./messages/english.js";

/** The problems that a page can say something of; others are its own fault, or the service's. */
const texts: { readonly [Code in ProblemCode]?: MessageId } = {
  BAD_CREDENTIALS: "problem.bad_credentials",
  SIGN_IN_DELAYED: "problem.delayed",
  RATE_LIMITED: "problem.rate_limited",
  STREAM_LIMIT: "problem.rate_limited",
  USER_NOT_ACTIVE: "problem.not_active",
  ADDRESS_NOT_ALLOWED: "problem.address_not_allowed",
  SIGN_IN_DENIED: "problem.denied",
  SIGN_IN_REFUSED: "problem.refused",
  REGISTRATION_REFUSED: "problem.refused",
  SESSION_LIMIT_REACHED: "problem.session_limit",
  SESSIONS_REVOKED: "problem.try_again",
  CONTENTION: "problem.try_again",
  CHALLENGE_FAILED: "problem.challenge_failed",
  CHALLENGE_LIMIT: "problem.challenge_limit",
  MESSAGE_LIMIT: "problem.message_limit",
  NOTICE_NOT_SENT: "problem.notice_not_sent",
  PASSWORD_EXISTS: "problem.password_exists",
  EMAIL_UNCHANGED: "problem.email_unchanged",
  EMAIL_TAKEN: "problem.email_taken",
  EMAIL_ALREADY_VERIFIED: "problem.already_verified",
  PROVIDER_FAILED: "problem.provider_failed",
  ACCOUNT_EXISTS: "problem.account_exists",
  NO_ACCOUNT: "problem.no_account",
  EMAIL_NOT_VERIFIED: "problem.email_not_verified",
  EXTERNAL_IDENTITY_TAKEN: "problem.identity_taken",
  EXTERNAL_IDENTITY_NOT_FOUND: "problem.try_again",
  CROSS_ORIGIN: "problem.cross_origin",
  MALFORMED_REQUEST: "problem.malformed",
  INVALID_INPUT: "problem.malformed",
  UNSUPPORTED_MEDIA_TYPE: "problem.malformed",
  BODY_TOO_LARGE: "problem.too_large",
  URI_TOO_LONG: "problem.too_large",
  PASSKEY_REFUSED: "problem.passkey_refused",
  PASSKEY_ALREADY_REGISTERED: "problem.passkey_registered",
  PASSKEY_LIMIT: "problem.passkey_limit",
  LAST_WAY_IN: "problem.last_way_in",
  FACTOR_NOT_FOUND: "problem.factor_gone",
  SESSION_NOT_FOUND: "problem.session_gone",
  REPORT_NOT_FOUND: "problem.report_gone",
  API_KEY_NOT_FOUND: "problem.key_gone",
  FEEDBACK_NOT_TAKEN: "problem.feedback",
  WOULD_LOCK_OUT: "problem.lock_out",
  INSUFFICIENT_ROLE: "problem.role",
  IMPERSONATED: "problem.impersonated",
  IMPERSONATION_IN_PROGRESS: "problem.impersonation_in_progress",
  PROTECTED_ACCOUNT: "problem.protected",
  LAST_ADMINISTRATOR: "problem.last_administrator",
  APPROVAL_REQUIRED: "problem.approval_required",
  APPROVER_NOT_INDEPENDENT: "problem.approver_not_independent",
  APPROVAL_NOT_FOUND: "problem.approval_gone",
  USER_NOT_FOUND: "problem.user_gone",
  APP_NOT_FOUND: "problem.app_gone",
  APP_HAS_NO_SECRET: "problem.app_no_secret",
  CHECKPOINT_NOT_FOUND: "error.not_found_text",
  SIGNING_KEY_NOT_FOUND: "problem.signing_key_gone",
  JOB_NOT_FOUND: "error.not_found_text",
  JOB_STATE: "problem.job_state",
  JOB_TOO_LARGE: "problem.job_too_large",
  NO_PASSWORD: "problem.no_password",
  METHOD_NOT_ALLOWED: "problem.method",
  NOT_FOUND: "error.not_found_text",
  DATABASE_UNREACHABLE: "problem.unavailable",
  DATABASE_REFUSED: "problem.unavailable",
  AUDIT_NOT_WRITTEN: "problem.unavailable",
  NOT_READY: "problem.unavailable",
  TIMED_OUT: "problem.timed_out",
};

/** Why a new password was refused. */
const passwordTexts: { readonly [Reason in PasswordWeakness]: MessageId } = {
  common: "problem.password_common",
  repetitive: "problem.password_repetitive",
  context: "problem.password_context",
  breached: "problem.password_breached",
};

/** What a page says of a problem. */
export function textOfProblem({ code, members }: IdentityProblem): Text {
  if (code === "PROVIDER_FAILED" && members.reason === "cancelled")
    return { id: "problem.provider_cancelled" };
  if (code === "PASSWORD_TOO_COMMON") return { id: passwordTexts[members.reason as PasswordWeakness] };
  const { retryAfterMs } = members;
  const values =
    typeof retryAfterMs === "number" ? { values: { seconds: Math.ceil(retryAfterMs / 1_000) } } : {};
  return { id: texts[code] ?? "problem.unknown", ...values };
}

/**
 * The status of a page that shows a problem. A form that is refused is 422: 401 would have to name a scheme of HTTP
 * authentication (RFC 9110 section 15.5.2).
 */
export function statusOfProblem({ statusCode }: IdentityProblem): number {
  return statusCode === 401 ? 422 : statusCode;
}
