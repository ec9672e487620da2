import { type AuthenticatorModel, SoftwareAuthenticator } from "@org/dev-kit/authenticator";
import type { Types } from "mongoose";
import { beginPasskeyRegistration, finishPasskeyRegistration } from "../src/factors/passkey-registration.js";
import type { FactorSession, IdentityModels, IdentityPoliciesInput, Passkey } from "../src/index.js";
import { contextAt } from "./context.js";
import { sessionWith } from "./factors-world.js";

export const origin = "https://app.example.com";
export const rpId = "example.com";
const passkeyPolicies: IdentityPoliciesInput = {
  factors: { passkeys: { rpId, origins: [origin, "https://www.example.com"] } },
};

/** The context of a call with passkeys configured. */
export const passkeyContext = (models: IdentityModels, at: Date) => contextAt(models, at, passkeyPolicies);

/** An account with a passkey, and the authenticator that has it. */
export interface Keyholder {
  userId: Types.ObjectId;
  session: FactorSession;
  authenticator: SoftwareAuthenticator;
  passkey: Passkey;
}

/** Registers a passkey of a user, in a session that has just proved enough. */
export async function withPasskey(
  models: IdentityModels,
  userId: Types.ObjectId,
  at: Date,
  model: AuthenticatorModel = {},
): Promise<Keyholder> {
  const context = passkeyContext(models, at);
  const session = await sessionWith(models, userId, ["password", "totp"], at);
  const authenticator = new SoftwareAuthenticator(origin, model);
  const start = await beginPasskeyRegistration(context, { session });
  if (!start.ok) throw new Error(start.reason);
  const response = authenticator.create(start.options as Parameters<typeof authenticator.create>[0]);
  const registered = await finishPasskeyRegistration(context, { session, response });
  if (!registered.ok) throw new Error(registered.reason);
  return { userId, session, authenticator, passkey: registered.passkey };
}
