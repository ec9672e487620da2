import { type IdentityErrorCode, isIdentityError } from "@org/db-models";
import { z } from "zod";

type Entry = readonly [status: number, meaning: string];

const entries = {
  INVALID_INPUT: [400, "The request does not have the documented form"],
  TOKEN_INVALID: [400, "The token is not, or no longer, valid"],
  PASSWORD_TOO_COMMON: [
    400,
    "The password is one of those that are tried first; `reason` is `common`, `repetitive`, `context` or `breached`",
  ],
  PROVIDER_FAILED: [400, "The sign-in at the other provider did not succeed"],
  INVALID_SCOPE: [400, "A scope is malformed, or there are too many"],
  MALFORMED_REQUEST: [400, "The request can't be read"],
  BAD_CREDENTIALS: [401, "The identifier or the password is wrong"],
  CHALLENGE_REQUIRED: [401, "The sign-in needs another proof, one of `ask`"],
  PASSKEY_REFUSED: [401, "The passkey's answer is not, or no longer, valid"],
  CHALLENGE_FAILED: [401, "The code or the challenge is not, or no longer, valid"],
  API_KEY_INVALID: [401, "The API key is not, or no longer, valid"],
  API_KEY_REQUIRED: [401, "The request carries no API key or access token"],
  SESSION_REQUIRED: [401, "The request carries no session token"],
  ACCESS_TOKEN_INVALID: [401, "The access token is not, or no longer, valid"],
  SESSION_INVALID: [401, "The session token is not, or no longer, valid"],
  INSUFFICIENT_USER_AUTHENTICATION: [
    401,
    "The access token's user has to prove more, or again, who they are",
  ],
  RECENT_AUTHENTICATION_REQUIRED: [403, "The user must prove again who they are"],
  SECOND_FACTOR_REQUIRED: [403, "The session lacks a second factor"],
  IMPERSONATED: [403, "Who acts for a user may not do this"],
  CROSS_ORIGIN: [403, "A page of another origin sent this request"],
  INSUFFICIENT_SCOPE: [403, "The API key or access token may not be used for this"],
  CREDENTIAL_NOT_ACCEPTED: [403, "This takes another kind of credential"],
  INSUFFICIENT_ROLE: [403, "The user lacks a role"],
  APPROVAL_REQUIRED: [403, "Another administrator has to approve this first"],
  PROTECTED_ACCOUNT: [
    403,
    "Only who manages administrators may do this to one of them, and nobody to themself",
  ],
  REGISTRATION_REFUSED: [403, "The application refuses this registration"],
  SIGN_IN_REFUSED: [403, "The application refuses this sign-in"],
  SIGN_IN_DENIED: [403, "The sign-in is too unlike the account's owner"],
  USER_NOT_ACTIVE: [403, "The account is not active"],
  ADDRESS_NOT_ALLOWED: [403, "The account may not be used from this address"],
  NO_ACCOUNT: [403, "Nobody here is linked to this identity, and it gets no account"],
  REDIRECT_NOT_ALLOWED: [
    403,
    "The address to come back to is of no trusted origin, or does not have the provider's id in its path",
  ],
  EMAIL_NOT_VERIFIED: [403, "The provider has verified no email address, so there can be no account"],
  NOT_FOUND: [404, "There is nothing at this address"],
  USER_NOT_FOUND: [404, "There is no such user"],
  APP_NOT_FOUND: [404, "There is no such app"],
  CONSENT_NOT_FOUND: [404, "The user lets no such app do anything"],
  APP_HAS_NO_SECRET: [409, "The app authenticates with its own keys and has no secret"],
  API_KEY_NOT_FOUND: [404, "The user has no such live API key"],
  FACTOR_NOT_FOUND: [404, "The account has no such second factor"],
  EXTERNAL_IDENTITY_NOT_FOUND: [404, "The account is not linked to this provider"],
  REPORT_NOT_FOUND: [404, "There is no such report of a sign-in that can be undone"],
  PASSKEYS_NOT_CONFIGURED: [404, "The service takes no passkeys"],
  SIGNING_KEY_NOT_FOUND: [404, "There is no such signing key, or it is no longer published"],
  JOB_NOT_FOUND: [404, "There is no such bulk job"],
  CHECKPOINT_NOT_FOUND: [404, "There is no such checkpoint of the audit trail"],
  SESSION_NOT_FOUND: [404, "The user has no such live session"],
  METHOD_NOT_ALLOWED: [405, "The resource does not know this method"],
  REQUEST_TIMEOUT: [408, "The request did not arrive in time"],
  NO_PASSWORD: [409, "The account has no password to reset: it signs in through an identity provider"],
  IMPERSONATION_IN_PROGRESS: [409, "Another administrator acts for this user"],
  JOB_STATE: [409, "The job is not in a state that allows this, or is another administrator's"],
  EMAIL_TAKEN: [409, "The email address is in use"],
  USERNAME_TAKEN: [409, "The username is in use"],
  PASSWORD_EXISTS: [409, "The account has a password: change it with the present one"],
  EMAIL_UNCHANGED: [409, "The account has this email address"],
  EMAIL_ALREADY_VERIFIED: [409, "The email address is verified already"],
  ACCOUNT_EXISTS: [409, "There is an account with this address: sign in to it, and link the provider there"],
  EXTERNAL_IDENTITY_TAKEN: [409, "The identity is linked to another account, or the account to too many"],
  FEEDBACK_NOT_TAKEN: [409, "A session can't speak of itself, nor for another while it is in doubt"],
  PASSKEY_ALREADY_REGISTERED: [409, "The passkey is registered already"],
  PASSKEY_LIMIT: [409, "The account has as many passkeys as it may have"],
  LAST_WAY_IN: [409, "The account has no other way to sign in"],
  RECOVERY_REFUSED: [409, "The password was set by mail, so mail cannot remove the second factor too"],
  LAST_ADMINISTRATOR: [409, "The account is the last administrator"],
  APPROVER_NOT_INDEPENDENT: [
    403,
    "This takes an administrator whose roles come neither from who asks, nor theirs from them",
  ],
  APPROVAL_NOT_FOUND: [404, "There is no such request that waits for you to decide on it"],
  WOULD_LOCK_OUT: [409, "The allowlist leaves out the address that this request comes from"],
  SESSION_LIMIT_REACHED: [409, "The account has as many live sessions as it may have"],
  SESSIONS_REVOKED: [409, "All sessions were ended while this sign-in was under way"],
  JOB_TOO_LARGE: [413, "A bulk job has at most `limit` users: choose fewer, such as by a shorter time"],
  BODY_TOO_LARGE: [413, "The body is larger than the service accepts"],
  URI_TOO_LONG: [414, "The address is longer than the service accepts"],
  UNSUPPORTED_MEDIA_TYPE: [415, "The body must be application/json"],
  RATE_LIMITED: [429, "Too many requests"],
  STREAM_LIMIT: [429, "The administrator, or this instance, has as many open streams as it may have"],
  QUOTA_EXHAUSTED: [429, "The API key's quota is used up"],
  CHALLENGE_LIMIT: [429, "Too many codes were sent to this account in a short time"],
  MESSAGE_LIMIT: [429, "Too many messages were sent to this account in a short time"],
  SIGN_IN_DELAYED: [429, "Too many failed attempts; the next one has to wait"],
  HEADERS_TOO_LARGE: [431, "The headers are larger than the service accepts"],
  ACCESS_NOT_DECLARED: [500, "The route does not say who may use it"],
  INTERNAL: [500, "The service failed; the request id leads to the cause in its log"],
  DOCUMENT_DAMAGED: [500, "Stored data that this depends on is damaged"],
  SCHEMA_TOO_NEW: [500, "A newer version of the service wrote this data"],
  NOT_IMPLEMENTED: [501, "The service does not know this method of HTTP"],
  CONTENTION: [503, "Too many changes of the same thing at the same time"],
  DATABASE_UNREACHABLE: [503, "The database does not answer"],
  DATABASE_REFUSED: [503, "The database refuses the service"],
  SEAL_KEY_MISSING: [500, "A key that seals secrets is not configured"],
  SEAL_BROKEN: [500, "A sealed secret does not open with its key"],
  WRITE_CONCERN_TOO_WEAK: [500, "The connection string does not wait for the majority"],
  AUDIT_BROKEN: [500, "The audit trail is not what was written"],
  NOTICE_NOT_SENT: [503, "The code or token could not be sent"],
  AUDIT_NOT_WRITTEN: [503, "The audit trail can't be written; what was asked for may have been done"],
  HOOK_FAILED: [503, "A hook of the application failed; nothing was changed"],
  TIMED_OUT: [503, "The answer took too long; what was asked for may have been done"],
  NOT_READY: [503, "The service can't take requests now"],
} as const satisfies Readonly<Record<IdentityErrorCode, Entry>> & Readonly<Record<string, Entry>>;

export type ProblemCode = keyof typeof entries;

/**
 * Every code that an answer of the service can carry, its status and its meaning. Codes are part of the public
 * surface: they are added, never renamed.
 */
export const problemCodes: Readonly<Record<ProblemCode, Entry>> = entries;

/** Problem details (RFC 9457). Programs decide on `code`; members that a code adds are named with it. */
const problemSchema = z
  .looseObject({
    type: z.literal("about:blank"),
    title: z.string().describe("What the code means"),
    status: z.int(),
    code: z.enum(Object.keys(entries) as [ProblemCode, ...ProblemCode[]]),
    requestId: z.string().describe("Finds this request in the service's log"),
    issues: z
      .array(z.object({ path: z.string(), message: z.string() }))
      .optional()
      .describe("With INVALID_INPUT: what is wrong, and where; never the value"),
  })
  .meta({ id: "Problem" });

export type Problem = z.output<typeof problemSchema>;

/** An answer other than success; `code` decides, and its meaning and status are those of {@link problemCodes}. */
export class IdentityProblem extends Error {
  override readonly name = "IdentityProblem";
  readonly code: ProblemCode;
  readonly members: Readonly<Record<string, unknown>>;
  /** Status of the answer, by the name that Fastify and Express read. */
  readonly statusCode: number;

  constructor(code: ProblemCode, members: Record<string, unknown> = {}, options?: { cause?: unknown }) {
    super(problemCodes[code][1], options);
    this.code = code;
    this.members = members;
    this.statusCode = problemCodes[code][0];
  }
}

/** Whatever was thrown, as an error with a code; what the service does not know becomes `INTERNAL`. */
export function toProblem(error: unknown): IdentityProblem {
  if (error instanceof IdentityProblem) return error;
  if (isIdentityError(error)) {
    return new IdentityProblem(error.code, error.kind === "server" ? {} : { ...error.details }, {
      cause: error,
    });
  }
  if (isInvalid(error)) return invalidInput(error);
  if (isUnreachable(error)) return new IdentityProblem("DATABASE_UNREACHABLE", {}, { cause: error });
  const status = (error as { statusCode?: unknown } | undefined)?.statusCode;
  const code = typeof status === "number" ? frameworkCodes[status] : undefined;
  return new IdentityProblem(code ?? "INTERNAL", {}, { cause: error });
}

/** The document that a client reads. */
export function problemOf(error: IdentityProblem, requestId: string): Problem {
  const [status, title] = problemCodes[error.code];
  return { ...error.members, type: "about:blank", title, status, code: error.code, requestId };
}

/** Fastify refuses some requests by itself, with nothing but a status. */
const frameworkCodes: Readonly<Record<number, ProblemCode>> = {
  400: "MALFORMED_REQUEST",
  404: "NOT_FOUND",
  413: "BODY_TOO_LARGE",
  414: "URI_TOO_LONG",
  415: "UNSUPPORTED_MEDIA_TYPE",
  429: "RATE_LIMITED",
};

// A body of 64 kB can hold thousands of unknown keys, and the message about them repeats their names.
const maxIssues = 20;
const maxIssueLength = 200;

/** Error of a framework that validates requests by schema. */
interface InvalidRequest {
  validation: ReadonlyArray<{ instancePath: string; message?: string | undefined }>;
  validationContext?: string;
}

function isInvalid(error: unknown): error is InvalidRequest {
  return Array.isArray((error as Partial<InvalidRequest> | undefined)?.validation);
}

function invalidInput(error: InvalidRequest): IdentityProblem {
  const place = error.validationContext ?? "request";
  const issues = error.validation.slice(0, maxIssues).map(({ instancePath, message }) => ({
    path: `${place}${instancePath}`.replace(/\/$/, "").slice(0, maxIssueLength),
    message: (message ?? "invalid").slice(0, maxIssueLength),
  }));
  return new IdentityProblem("INVALID_INPUT", { issues }, { cause: error });
}

const unreachable =
  /^(Mongo(ose)?ServerSelection|MongoNetwork|MongoNetworkTimeout|MongoOperationTimeout|MongoPoolCleared|MongoPoolClosed|MongoNotConnected|MongoTopologyClosed)Error$/;

/** Where a command waits for its socket to drain, the driver passes on the socket's own error as it is. */
const brokenSocket = /^(EPIPE|ECONNRESET|ERR_STREAM_DESTROYED|ERR_STREAM_WRITE_AFTER_END)$/;

function isUnreachable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as NodeJS.ErrnoException;
  // A client that went away in the middle of its request is `aborted`, with the code of a socket as well.
  const isClients = error.message === "aborted";
  return (
    unreachable.test(error.name) || (error.name === "Error" && !isClients && brokenSocket.test(String(code)))
  );
}
