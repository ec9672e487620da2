import type { IdentityProvider } from "../flows/sign-in/providers.js";
import { openIdProvider, type ProviderOptions } from "./open-id.js";

export interface GoogleOptions extends ProviderOptions {
  /** Only accounts of this Google Workspace domain: checked in the id token. Default: all. */
  readonly hostedDomain?: string;
}

/** Sign in with Google. https://developers.google.com/identity/openid-connect/openid-connect */
export function googleProvider({ hostedDomain, ...options }: GoogleOptions): IdentityProvider {
  return openIdProvider({
    id: "google",
    name: "Google",
    ...options,
    issuer: "https://accounts.google.com",
    trustsEmail: true,
    ...(hostedDomain !== undefined && {
      parameters: { hd: hostedDomain },
      accepts: ({ hd }) => hd === hostedDomain,
    }),
  });
}

export interface MicrosoftOptions extends ProviderOptions {
  /**
   * Directory (tenant) id. Addresses in its tokens are written by its administrators, and are not believed: people without
   * an account sign up first, and link then.
   */
  readonly tenant: string;
}

/**
 * Sign in with Microsoft, with the accounts of one directory. The issuer has the directory's id, so that two directories
 * can't name the same person. https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference
 */
export function microsoftProvider({ tenant, ...options }: MicrosoftOptions): IdentityProvider {
  return openIdProvider({
    id: "microsoft",
    name: "Microsoft",
    ...options,
    issuer: `https://login.microsoftonline.com/${encodeURIComponent(tenant)}/v2.0`,
    accepts: ({ tid }) => tid === tenant,
  });
}

/**
 * Sign in with Apple. The client secret is a JWT that you sign with Apple's key, and that expires after six months at most.
 * The name comes once, unsigned, and is left out. Apple answers by a POST of its site, to which browsers add no cookie of
 * ours: the pages take that on by a redirect. https://developer.apple.com/documentation/signinwithapplerestapi
 */
export function appleProvider(options: ProviderOptions): IdentityProvider {
  return openIdProvider({
    id: "apple",
    name: "Apple",
    ...options,
    issuer: "https://appleid.apple.com",
    scope: "openid email",
    parameters: { response_mode: "form_post" },
    trustsEmail: true,
  });
}
