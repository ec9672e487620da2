import { cliReference } from "@org/db-cli";
import { type IdentityErrorCode, errorKinds as identityKinds } from "@org/db-models";
import { type OptimizerErrorCode, errorKinds as optimizerKinds } from "@org/db-optimizer";
import { problemCodes } from "@org/fastify-identity";
import { table } from "./markdown.js";

type Advice = readonly [meaning: string, whatToDo: string];

const kinds = {
  caller: "the input is wrong",
  state: "the data stands in the way",
  server: "MongoDB refused, or is away",
} as const;

const identityAdvice: Readonly<Record<IdentityErrorCode, Advice>> = {
  INVALID_INPUT: ["A value has the wrong form", "Read the paths in the message, and correct the call"],
  EMAIL_TAKEN: ["Another account has this address", "Offer to sign in, or to reset the password"],
  USERNAME_TAKEN: ["Another account has this name", "Ask for another name"],
  USER_NOT_FOUND: ["There is no such account", "Treat it as signed out"],
  PASSWORD_TOO_COMMON: [
    "The new password is one of those that are tried first; `details.reason` is `common`, `repetitive`, `context` or `breached`",
    "Ask for another password",
  ],
  USER_NOT_ACTIVE: ["The account is suspended, or not active yet", "Tell the user whom to ask"],
  SESSION_NOT_FOUND: ["There is no such live session", "Ask for a sign-in"],
  SESSION_LIMIT_REACHED: [
    "The account has as many sessions as it may have, and its policy is to refuse more",
    "Let the user end a session elsewhere",
  ],
  SESSIONS_REVOKED: [
    "All sessions were ended while this sign-in was under way",
    "Let the user sign in again",
  ],
  ADDRESS_NOT_ALLOWED: [
    "The account's allowlist leaves this address out",
    "Sign in from an allowed network, or reset by mail",
  ],
  WOULD_LOCK_OUT: [
    "The new allowlist leaves out the address of the request",
    "Add the address, or confirm that it is meant",
  ],
  LAST_ADMINISTRATOR: [
    "The account is the last active one with `identity:admin`",
    "Give that role to another account first",
  ],
  CONTENTION: ["Too many changes of one thing at once", "Try again in a moment"],
  SCHEMA_TOO_NEW: ["A newer version of the package wrote the document", "Update this process"],
  DOCUMENT_DAMAGED: [
    "A stored document lacks a field, or has one of another type than its schema",
    "Correct the document that `details` names: collection, id and path",
  ],
  DATABASE_UNREACHABLE: ["No server answers", "Check the connection string, the network and the server"],
  DATABASE_REFUSED: ["The server refuses the operation", "Read `cause`: mostly a privilege is missing"],
  AUDIT_BROKEN: [
    "The audit trail is not what was written",
    "Keep the database as it is, and look into who changed it",
  ],
  AUDIT_NOT_WRITTEN: [
    "The audit event could not be written",
    "The act may have been done: look before you repeat it",
  ],
  INVALID_SCOPE: ["A scope is malformed, or there are too many", "Correct the list of scopes"],
  APP_NOT_FOUND: ["There is no such OAuth app", "Check the client's id"],
  APP_HAS_NO_SECRET: [
    "The OAuth app authenticates with its own keys",
    "Change its `publicKeys` by `updateApp`",
  ],
  CHALLENGE_LIMIT: [
    "Too many codes were sent to this account in a short time",
    "Wait, and use the code that was sent last",
  ],
  API_KEY_NOT_FOUND: ["The user has no such live API key", "List the keys again"],
  PASSKEYS_NOT_CONFIGURED: [
    "An operation on passkeys was called without `factors.passkeys`",
    "Set `factors.passkeys.rpId` and `origins` when the database is opened",
  ],
  SEAL_KEY_MISSING: [
    "A secret is to be sealed or opened with a key that `sealKeys` does not have",
    "Set `sealKeys`, and keep a former key until `factors.reseal` and `oauth.resealSigningKeys` are done",
  ],
  SEAL_BROKEN: [
    "A key does not open what was sealed under its id",
    "Restore the key of that id; if it is the right one, the database was changed: enrol the factor again",
  ],
  WRITE_CONCERN_TOO_WEAK: [
    "A session cache was asked for with a connection string that does not wait for the majority, or for the journal",
    "Remove `w` and `journal` from the connection string, or leave out `sessionCache`",
  ],
};

const optimizerAdvice: Readonly<Record<OptimizerErrorCode, Advice>> = {
  INVALID_OPTIONS: ["An option has a value that makes no sense", "Correct the option that the message names"],
  INVALID_MODEL: [
    "A model declares something that MongoDB does not take",
    "Correct the model and path that the message names",
  ],
  INVALID_RULE: ["A cleanup rule makes no sense", "Correct the rule that the message names"],
  INVALID_QUERY: [
    "The server cannot run a named query, or two have one name",
    "Correct the query that the message names",
  ],
  INVALID_MIGRATION: [
    "A migration lacks a part, has a wrong one, or goes between collections that it cannot",
    "Correct the part that the message names",
  ],
  MODELS_CONFLICT: [
    "Two declarations of one index or collection differ",
    "Make them equal: the message says in which option",
  ],
  RULE_NEEDS_INDEX: [
    "A cleanup rule has no index that finds its documents",
    "Create it (`org-db setup`), or allow a collection scan",
  ],
  CLOCK_AHEAD: ["This machine's clock is ahead of the server's", "Set the clock; nothing was removed"],
  ARCHIVE_FAILED: [
    "The archive of a cleanup cannot be written",
    "Make room or correct the path; what was not archived was not deleted",
  ],
  ABORTED: ["It was told to stop", "Nothing: start it again when you like"],
  UNREACHABLE: ["No server answers", "Check the connection string, the network and the server"],
  AUTHENTICATION_FAILED: ["The server refuses the credentials", "Check user, password and `authSource`"],
  NOT_AUTHORIZED: [
    "The user lacks a privilege",
    "Grant the action that the message names, or leave that part out",
  ],
  UNSUPPORTED: ["The server does not know this", "Read the message: it names the version or tier that does"],
  TIMED_OUT: ["It took longer than it may", "Raise the limit, or run it at a quieter hour"],
  DISK_FULL: ["A disk is full", "Make room, then start it again"],
  SERVER_REFUSED: ["The server refuses for another reason", "Read `cause`"],
  DUPLICATES: [
    "Documents share a value that is to be unique",
    "Remove or change the duplicates that the message names",
  ],
  INDEX_CONFLICT: ["An index with this name or key exists, and differs", "Look at `org-db plan`"],
  COLLECTION_CONFLICT: [
    "A collection exists, and differs in what cannot be changed",
    "Copy its data into a new one",
  ],
  LOCKED: ["Another process holds the lease", "Wait for it (`--wait`), or look who it is"],
  LEASE_LOST: ["Another process has taken over", "Nothing: the other one goes on"],
  NO_RUN: ["There is no run to pause, resume or cancel", "Start one"],
  RUN_NOT_FOUND: ["There is no run with this id", "List the runs again"],
  RUN_ACTIVE: ["Another run of the job is queued already", "Wait for it, or cancel it"],
  RUN_CANCELLING: ["The run is being cancelled, which is not taken back", "Start another when it has ended"],
  RUN_ENDED: ["The run has succeeded or was cancelled", "Start another"],
  NOTHING_TO_ROLL_BACK: ["No run has changed anything that can be undone", "Nothing"],
  RECORD_FAILED: [
    "What was done could not be recorded",
    "See that the user may write to `org_db_*`, then look at `org-db plan`",
  ],
  QUERY_PLAN_UNFIT: ["A query does not use the index that it should", "Read the plan in the message"],
  MIGRATION_NOT_ALLOWED: ["The migration's phase does not allow this", "Look at `org-db migrate status`"],
  MIGRATION_MISMATCH: [
    "Old and new layout differ",
    "Read the documents in the message; nothing was switched",
  ],
  MIGRATION_PHASE_UNSTABLE: [
    "A process has not taken over the phase in time",
    "Start it again once all processes run",
  ],
};

/** Every code that an error of ours carries, from the tables in the code. */
export function errorsPage(): string {
  return [
    "# Error codes\n",
    "Decide on `code`, never on a message: codes stay, messages get better. `kind` says whose turn it is:",
    `${Object.entries(kinds)
      .map(([kind, meaning]) => `\`${kind}\`, ${meaning}`)
      .join("; ")}. The error of the driver is in \`cause\`.\n`,
    "## IdentityError, of @org/db-models\n",
    table(["code", "kind", "meaning", "what to do"], rowsOf(identityKinds, identityAdvice)),
    "\n## OptimizerError, of @org/db-optimizer and org-db\n",
    table(["code", "kind", "meaning", "what to do"], rowsOf(optimizerKinds, optimizerAdvice)),
    "\n## Problem details, of the HTTP API\n",
    "An answer other than success is `application/problem+json` (RFC 9457), with one of these in `code`.\n",
    table(
      ["code", "status", "meaning"],
      Object.entries(problemCodes).map(([code, [status, meaning]]) => [
        `\`${code}\``,
        String(status),
        meaning,
      ]),
    ),
    "\n## Exit codes of org-db\n",
    "What 2 to 4 mean for a command: [its section of the reference](reference/cli.md).\n",
    table(
      ["exit code", "meaning"],
      Object.entries(cliReference().exitCodes).map(([code, meaning]) => [code, meaning]),
    ),
    "",
  ].join("\n");
}

function rowsOf<Code extends string>(
  kindOf: Readonly<Record<Code, string>>,
  advice: Readonly<Record<Code, Advice>>,
): string[][] {
  return (Object.keys(kindOf) as Code[]).map((code) => [`\`${code}\``, kindOf[code], ...advice[code]]);
}
