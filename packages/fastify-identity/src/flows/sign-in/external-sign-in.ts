import { type ActiveSession, isIdentityError } from "@org/db-models";
import { hmac, randomKey } from "@org/db-models/core";
import type { Types } from "mongoose";
import { z } from "zod";
import { requireRecentAuthentication } from "../account/assurance.js";
import { askHook } from "../ask-hooks.js";
import { audit, byOwner, failedAttempt } from "../audit.js";
import type { FlowContext } from "../context.js";
import { equalTexts } from "../equal-texts.js";
import { tellOwner } from "../notices/tell-owner.js";
import { type Origin, originOf } from "../origin.js";
import { IdentityProblem } from "../problems.js";
import type { Requester } from "../requester.js";
import { externalIdentityAlert } from "./alerts.js";
import type { SignedIn } from "./complete/candidate.js";
import { completeSignIn } from "./complete/complete-sign-in.js";
import {
  type IdentityProvider,
  type ProviderAttempt,
  ProviderError,
  type ProviderProfile,
} from "./providers.js";

type Session = Pick<ActiveSession, "id" | "userId" | "roles" | "proofs" | "acr" | "authenticatedAt">;

/** Where to go, and what the browser keeps meanwhile. */
export interface BegunExternal {
  /** Address at the provider. */
  readonly url: URL;
  /** For a cookie of this browser alone, which scripts can't read: without it the provider's answer is refused. */
  readonly attempt: string;
}

export interface BeginExternalInput {
  /** `id` of the provider. */
  readonly provider: string;
  /** Where the provider sends the browser back to: one address for each provider. */
  readonly redirectUri: string;
  /** Kept for when the browser is back. */
  readonly returnTo?: string | undefined;
  /** The session whose account the identity is linked to; without one it signs in. */
  readonly session?: Session | undefined;
}

export interface FinishExternalInput {
  readonly provider: string;
  readonly redirectUri: string;
  /** What {@link BegunExternal} gave for this browser. */
  readonly attempt: string | undefined;
  /** The address that the provider sent the browser to, with its query. */
  readonly answer: URL;
  /** The live session of the browser, if there is one. */
  readonly session?: Session | undefined;
  /** What the device is known by from now on. */
  readonly deviceCookie?: string | undefined;
}

export type FinishedExternal =
  | { readonly kind: "signed_in"; readonly signedIn: SignedIn }
  | { readonly kind: "linked"; readonly added: boolean };

/** NIST and the providers alike: a person needs minutes, not hours. */
export const externalLifetimeMs = 600_000;

const attemptSchema = z.strictObject({
  secret: z.string().length(43),
  provider: z.string(),
  begunAt: z.int(),
  returnTo: z.string().optional(),
  sessionId: z.string().optional(),
});
type Attempt = z.output<typeof attemptSchema>;

/**
 * Begins a sign-in at a provider, or links an identity there to the account of a session, which must have proved lately
 * who its user is. The browser keeps one secret; state, nonce and PKCE verifier are derived from it, so that nothing is
 * stored and only this browser can go on. The code is used once at the provider.
 *
 * @throws IdentityProblem `NOT_FOUND` for a provider that there is not, `RECENT_AUTHENTICATION_REQUIRED`,
 * `PROVIDER_FAILED`.
 */
export async function beginExternal(
  context: FlowContext,
  { provider: id, redirectUri, returnTo, session }: BeginExternalInput,
): Promise<BegunExternal> {
  const provider = providerOf(context, id);
  if (session) await requireRecentAuthentication(context, session);
  const attempt: Attempt = {
    secret: randomKey(),
    provider: id,
    begunAt: context.clock.now().getTime(),
    ...(returnTo !== undefined && { returnTo }),
    ...(session && { sessionId: session.id.toHexString() }),
  };
  try {
    const url = await provider.begin(checksOf(attempt, redirectUri, context.clock.now()));
    return { url, attempt: Buffer.from(JSON.stringify(attempt)).toString("base64url") };
  } catch (cause) {
    throw new IdentityProblem("PROVIDER_FAILED", { reason: "failed" }, { cause });
  }
}

/** What an attempt is for: where the browser wanted to go, and whether it links an account. */
export function readAttempt(
  text: string | undefined,
): { readonly returnTo: string | undefined; readonly links: boolean } | undefined {
  const attempt = parseAttempt(text);
  return attempt && { returnTo: attempt.returnTo, links: attempt.sessionId !== undefined };
}

/**
 * Ends a sign-in at a provider, or links the identity. Somebody who is known by issuer and subject signs in, with what the
 * account's factors and the risk policy ask for besides. Somebody who is not gets an account, where the provider verified
 * their address and the settings say so; an account that has the address already is never opened by it.
 *
 * @throws IdentityProblem `PROVIDER_FAILED` with `reason` (`expired`, `cancelled`, `failed`, `session`), `ACCOUNT_EXISTS`,
 * `NO_ACCOUNT`, `EMAIL_NOT_VERIFIED`, `EXTERNAL_IDENTITY_TAKEN`, `REGISTRATION_REFUSED`, and as `completeSignIn`.
 */
export async function finishExternal(
  context: FlowContext,
  requester: Requester,
  input: FinishExternalInput,
): Promise<FinishedExternal> {
  const provider = providerOf(context, input.provider);
  const attempt = parseAttempt(input.attempt);
  const checks = attempt && checksOf(attempt, input.redirectUri, context.clock.now());
  if (!checks || !isLive(context, attempt, checks, input)) {
    throw new IdentityProblem("PROVIDER_FAILED", { reason: "expired" });
  }
  const profile = await asked(() => provider.finish(input.answer, checks));
  if (attempt.sessionId === undefined) {
    const signedIn = await signInAs(context, requester, provider, profile, input.deviceCookie);
    return { kind: "signed_in", signedIn };
  }
  const { session } = input;
  // The browser has another session now, or none: the identity is not the new one's for it.
  if (!session?.id.equals(attempt.sessionId))
    throw new IdentityProblem("PROVIDER_FAILED", { reason: "session" });
  await requireRecentAuthentication(context, session);
  return { kind: "linked", added: await link(context, requester, provider, profile, session) };
}

/**
 * Unlinks an account from a provider.
 *
 * @throws IdentityProblem `RECENT_AUTHENTICATION_REQUIRED`, `EXTERNAL_IDENTITY_NOT_FOUND`, `LAST_WAY_IN`;
 * IdentityError `AUDIT_NOT_WRITTEN`.
 */
export async function unlinkExternal(
  context: FlowContext,
  requester: Requester,
  session: Session,
  { provider }: { provider: string },
): Promise<void> {
  await requireRecentAuthentication(context, session);
  const { userId } = session;
  const origin = originOf(requester);
  const unlinked = await context.identity.externalIdentities.unlink({ userId, provider, origin });
  if (!unlinked.ok) {
    throw new IdentityProblem(
      unlinked.reason === "last_way_in" ? "LAST_WAY_IN" : "EXTERNAL_IDENTITY_NOT_FOUND",
    );
  }
  await tell(context, requester, userId, "unlinked", provider);
}

function providerOf({ providers }: FlowContext, id: string): IdentityProvider {
  const provider = providers.find((one) => one.id === id);
  if (!provider) throw new IdentityProblem("NOT_FOUND");
  return provider;
}

function parseAttempt(text: string | undefined): Attempt | undefined {
  if (text === undefined) return undefined;
  try {
    return attemptSchema.safeParse(JSON.parse(Buffer.from(text, "base64url").toString("utf8"))).data;
  } catch {
    return undefined;
  }
}

/** Whether the answer belongs to the attempt of this browser: the state is its own, and it is not too late. */
function isLive(
  { clock }: FlowContext,
  attempt: Attempt,
  { state }: ProviderAttempt,
  { provider, answer }: FinishExternalInput,
): boolean {
  const age = clock.now().getTime() - attempt.begunAt;
  const [given = "", ...others] = answer.searchParams.getAll("state");
  const isItsOwn = others.length === 0 && equalTexts(given, state);
  return attempt.provider === provider && age >= 0 && age <= externalLifetimeMs && isItsOwn;
}

function checksOf({ secret }: Attempt, redirectUri: string, now: Date): ProviderAttempt {
  const derived = (use: string) => hmac(secret, use);
  return {
    redirectUri,
    state: derived("state"),
    nonce: derived("nonce"),
    codeVerifier: derived("code_verifier"),
    now,
  };
}

/** What a provider answered, or why there is none. */
async function asked<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (cause) {
    const reason = cause instanceof ProviderError ? cause.reason : "failed";
    throw new IdentityProblem("PROVIDER_FAILED", { reason }, { cause });
  }
}

async function signInAs(
  context: FlowContext,
  requester: Requester,
  provider: IdentityProvider,
  profile: ProviderProfile,
  deviceCookie: string | undefined,
): Promise<SignedIn> {
  const { externalIdentities } = context.identity;
  const { issuer, subject } = profile;
  const known = await externalIdentities.find({ issuer, subject });
  const { userId, status, sessionGeneration } =
    known ?? (await newAccount(context, requester, provider, profile));
  if (status !== "active") {
    await audit(context, requester, failedAttempt("session.opened", { reason: "not_active", userId }));
    throw new IdentityProblem("USER_NOT_ACTIVE");
  }
  const proofs = ["external"] as const;
  return completeSignIn(context, requester, { userId, proofs, sessionGeneration, deviceCookie });
}

async function newAccount(
  context: FlowContext,
  requester: Requester,
  provider: IdentityProvider,
  profile: ProviderProfile,
) {
  const { issuer, subject, readDetails } = profile;
  if (!provider.createsAccounts) throw new IdentityProblem("NO_ACCOUNT");
  if (!provider.trustsEmail) throw new IdentityProblem("EMAIL_NOT_VERIFIED");
  const { email, emailVerified, displayName } = readDetails ? await asked(readDetails) : profile;
  if (!email || !emailVerified) throw new IdentityProblem("EMAIL_NOT_VERIFIED");
  const details = await askHook(context, "REGISTRATION_REFUSED", () =>
    context.hooks.onRegister?.({ email }, requester),
  );
  const registration = { issuer, subject, email, displayName, provider: provider.id };
  try {
    const account = await context.identity.externalIdentities.register(registration);
    if (account.created) {
      const facts = { ...details, provider: provider.id };
      await audit(context, requester, byOwner(account.userId, "account.registered", facts));
    }
    return account;
  } catch (error) {
    // The person proved the address to the provider, so this tells nobody else whether there is an account.
    if (isIdentityError(error, "EMAIL_TAKEN")) throw new IdentityProblem("ACCOUNT_EXISTS");
    if (isIdentityError(error, "INVALID_INPUT"))
      throw new IdentityProblem("EMAIL_NOT_VERIFIED", {}, { cause: error });
    throw error;
  }
}

async function link(
  context: FlowContext,
  requester: Requester,
  { id: provider }: IdentityProvider,
  { issuer, subject }: ProviderProfile,
  { id: sessionId, userId }: Session,
): Promise<boolean> {
  const origin = originOf(requester);
  const linked = await context.identity.externalIdentities.link({
    userId,
    sessionId,
    provider,
    issuer,
    subject,
    origin,
  });
  if (!linked.ok) throw new IdentityProblem("EXTERNAL_IDENTITY_TAKEN", { reason: linked.reason });
  if (linked.added) await tell(context, requester, userId, "linked", provider);
  return linked.added;
}

function tell(
  context: FlowContext,
  requester: Requester,
  userId: Types.ObjectId,
  change: "linked" | "unlinked",
  provider: string,
): Promise<void> {
  const name = context.providers.find(({ id }) => id === provider)?.name ?? provider;
  const event = byOwner(userId, `external_identity.${change}`, { provider });
  const noticeTo = (email: string, origin: Origin) => externalIdentityAlert(change, name, email, origin);
  return tellOwner(context, requester, userId, noticeTo, event);
}
