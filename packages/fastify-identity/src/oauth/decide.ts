import type { ActiveSession, StoredRequest } from "@org/db-models";
import { grantsEveryScope } from "@org/db-models";
import { findByQuery, queries } from "@org/db-models/queries";
import { hasFactor, mustHaveFactor } from "../flows/account/assurance.js";
import { type AnswerError, asksAlways, type ReadRequest } from "./authorization-request.js";
import type { Provider } from "./provider.js";

/** What comes next in an authorization. */
export type Decision =
  | { readonly next: "code" }
  /** Somebody has to sign in; prove again who they are; or agree. */
  | { readonly next: "sign_in" | "confirm" | "enrol" | "consent" }
  | { readonly next: "error"; readonly error: AnswerError; readonly description: string };

/** The state of a request that is asked of a user. */
type Asked = Pick<StoredRequest, "takenUpAt" | "seenAuthenticatedAt"> | undefined;

/** A proof that was asked for counts so long, however short `max_age` is: people read what they agree to. */
const leastProofMs = 60_000;

/**
 * Decides on a request by the session of the browser.
 *
 * @param asked - the request as it was taken up, once the user was asked anything.
 */
export async function decide(
  provider: Provider,
  request: ReadRequest,
  session: ActiveSession | undefined,
  asked: Asked,
): Promise<Decision> {
  const { subject, acr } = request;
  if (!session) return { next: "sign_in" };
  if (session.actor) return decideForActor(provider, request, session);
  if (subject !== undefined && subject !== session.userId.toHexString()) {
    return refuse("login_required", "another user is signed in");
  }
  if (acr === "unmet") return unmet;
  if (isTooOld(provider, request, session, asked)) return { next: "confirm" };
  const level = await levelNeeded(provider, session, acr);
  if (level) return level;
  return (await hasConsent(provider, request, session)) ? { next: "code" } : { next: "consent" };
}

/**
 * Decides where an administrator acts for the user: an app gets what the user has agreed to before. Nobody else agrees, signs
 * in or proves anything in their place, and no page asks for it.
 */
async function decideForActor(
  provider: Provider,
  request: ReadRequest,
  session: ActiveSession,
): Promise<Decision> {
  const { subject, acr, prompts, maxAgeMs, scopes } = request;
  const isSilent = prompts.has("none");
  if (subject !== undefined && subject !== session.userId.toHexString()) {
    return refuse("login_required", "another user is signed in");
  }
  if (acr === "unmet" || (acr.accepted.length > 0 && !acr.accepted.includes(0))) return unmet;
  // Tokens could not tell when the user signed in, as `max_age` takes it (OpenID Connect Core section 2).
  if (prompts.has("login") || maxAgeMs !== undefined) {
    return refuse(isSilent ? "login_required" : "access_denied", "the user is not there to sign in");
  }
  const asked = { ...request, scopes: scopes.filter((scope) => scope !== "offline_access") };
  if (!asksAlways(request) && (await hasConsent(provider, asked, session))) return { next: "code" };
  return refuse(isSilent ? "consent_required" : "access_denied", "the user is not there to agree");
}

const refuse = (error: AnswerError, description: string) => ({ next: "error", error, description }) as const;
const unmet = refuse("unmet_authentication_requirements", "the level that was asked for is not reached");

/**
 * Whether the session's user has proved who they are since the request was taken up. That the session was another one then,
 * or none, shows nothing: the browser may have kept its cookie back, and an old session may have come to it since.
 */
export function hasProvedSince({ authenticatedAt }: ActiveSession, asked: Asked): boolean {
  return (
    asked?.takenUpAt !== undefined &&
    authenticatedAt >= asked.takenUpAt &&
    authenticatedAt.getTime() !== asked.seenAuthenticatedAt?.getTime()
  );
}

/** Whether the user has to prove again who they are (OpenID Connect Core section 3.1.2.1). */
function isTooOld(
  { service }: Provider,
  { prompts, maxAgeMs }: ReadRequest,
  session: ActiveSession,
  asked: Asked,
): boolean {
  const isNew = hasProvedSince(session, asked);
  if (prompts.has("login") && !isNew) return true;
  if (maxAgeMs === undefined) return false;
  const ageMs = service.clock.now().getTime() - session.authenticatedAt.getTime();
  return isNew ? ageMs > Math.max(maxAgeMs, leastProofMs) : maxAgeMs === 0 || ageMs > maxAgeMs;
}

/** What is missing of a level: by what was asked for, and by who must have a second factor. */
async function levelNeeded(
  { service }: Provider,
  session: ActiveSession,
  { level, accepted }: Exclude<ReadRequest["acr"], "unmet">,
): Promise<Decision | undefined> {
  const must = mustHaveFactor(service, session.roles) ? 2 : 0;
  if (session.acr >= Math.max(level, must)) return undefined;
  const factors = await service.identity.factors.read({ userId: session.userId });
  if (hasFactor(factors) || (level === 1 && must === 0)) return { next: "confirm" };
  if (must === 2) return { next: "enrol" };
  return accepted.length > 0 && !accepted.some((one) => one <= session.acr) ? unmet : undefined;
}

async function hasConsent(
  { service }: Provider,
  { app, scopes }: ReadRequest,
  { userId }: ActiveSession,
): Promise<boolean> {
  const { models } = service.identity;
  const consent = await findByQuery(models, queries.permissionOfUserForApp(userId, app.id));
  return consent !== undefined && !consent.revokedAt && grantsEveryScope(consent.scopes, scopes);
}

/** The decision where no page may be shown (OpenID Connect Core section 3.1.2.6), or where the user is asked anyway. */
export function withPrompts(request: ReadRequest, decision: Decision): Decision {
  const next = decision.next === "code" && asksAlways(request) ? "consent" : decision.next;
  if (next === "error" || !request.prompts.has("none")) return next === "error" ? decision : { next };
  if (next === "code") return decision;
  if (next === "consent") return refuse("consent_required", "the user has not agreed to this");
  if (next === "enrol") return refuse("interaction_required", "the user has no second factor");
  return refuse("login_required", "the user has to sign in");
}
