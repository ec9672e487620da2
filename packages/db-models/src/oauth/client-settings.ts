import { createPublicKey, type JsonWebKey } from "node:crypto";
import { z } from "zod";
import { limits } from "../core/limits.js";
import { isOrigin, isRedirectUri, isResource, isWebUri } from "../core/redirect-uris.js";
import {
  accessTokenFormats,
  assertionAlgorithmsOf,
  type ClientType,
  clientAuthenticationMethods,
  deviceGrantType,
  type GrantType,
} from "../schemas/app.js";
import { signingAlgorithms } from "../schemas/signing-key.js";

const uri = z.string().max(limits.uri);
const privateMembers = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/** A public key of a client as a JWK. */
const publicKey = z
  .looseObject({
    kty: z.enum(["RSA", "EC", "OKP"]),
    kid: z.string().max(128).optional(),
    use: z.literal("sig").optional(),
    alg: z.string().optional(),
  })
  .refine((jwk) => privateMembers.every((member) => !(member in jwk)), "must be the public half")
  .refine(
    isKey,
    "must be a JWK of RSA with 2,048 bits or more, of the curve P-256, or of Ed25519: others can sign no assertion here",
  )
  .refine(
    ({ kty, alg }) => alg === undefined || isOneOf(assertionAlgorithmsOf[kty], alg),
    "alg must be RS256, PS256, ES256 or EdDSA, and fit the key",
  )
  .refine((jwk) => JSON.stringify(jwk).length <= limits.publicJwk, "is too long");

const isOneOf = (list: readonly string[], value: string): boolean => list.includes(value);

/** RFC 7518 section 3.3 and 3.4: at least 2,048 bits, and the curve of ES256. */
function isKey(jwk: object): boolean {
  try {
    const { type, asymmetricKeyType, asymmetricKeyDetails } = createPublicKey({
      key: jwk as JsonWebKey,
      format: "jwk",
    });
    if (type !== "public") return false;
    if (asymmetricKeyType === "rsa") return (asymmetricKeyDetails?.modulusLength ?? 0) >= 2_048;
    if (asymmetricKeyType === "ec") return asymmetricKeyDetails?.namedCurve === "prime256v1";
    return asymmetricKeyType === "ed25519";
  } catch {
    return false;
  }
}

/** Settings of an app beyond RFC 6749; each may be left out. */
export const clientSettings = {
  clientAuthentication: z
    .enum(clientAuthenticationMethods)
    .optional()
    .describe("The one way in which it authenticates. Default: with a secret, by the header or in the body"),
  publicKeys: z
    .array(publicKey)
    .min(1)
    .max(limits.clientKeys)
    .optional()
    .describe("Public keys of private_key_jwt, as JWKs"),
  accessTokenFormat: z.enum(accessTokenFormats).optional().describe("Default: opaque"),
  idTokenAlgorithm: z.enum(signingAlgorithms).optional().describe("Default: RS256"),
  resources: z
    .array(uri.refine(isResource, "must be an absolute URI without a fragment"))
    .max(limits.resources)
    .optional()
    .describe("Resource servers that its tokens may be for (RFC 8707)"),
  serves: z
    .array(uri.refine(isResource, "must be an absolute URI without a fragment"))
    .max(limits.resources)
    .optional()
    .describe("A resource server's own identifiers: it may introspect the tokens that name one of them"),
  origins: z
    .array(
      uri.refine(
        isOrigin,
        "must be an origin such as https://app.example.com or capacitor://localhost, without a path",
      ),
    )
    .max(limits.origins)
    .optional()
    .describe("Origins of pages that ask for tokens from a browser"),
  postLogoutRedirectUris: z
    .array(uri)
    .max(limits.redirectUris)
    .optional()
    .describe("Where a browser may go after a sign-out; compared as redirect URIs are"),
  backChannelLogoutUri: uri
    .refine(isWebUri, "must be https, without credentials and fragment")
    .optional()
    .describe("Where it is told that a session has ended (OpenID Connect Back-Channel Logout)"),
  requiresPkce: z
    .boolean()
    .optional()
    .describe(
      "`false`: a confidential app may leave PKCE out, as libraries do that know none. Default: true",
    ),
  requiresPushedRequests: z
    .boolean()
    .optional()
    .describe("Takes pushed authorization requests only (RFC 9126)"),
  requiresDpop: z.boolean().optional().describe("Takes tokens that are bound to a key only (RFC 9449)"),
} as const;

interface Registered {
  type: ClientType;
  redirectUris: string[];
  grantTypes: GrantType[];
  clientAuthentication?: string | undefined;
  publicKeys?: object[] | undefined;
  requiresPkce?: boolean | undefined;
  postLogoutRedirectUris?: string[] | undefined;
}

interface Fault {
  path: Array<string | number>;
  message: string;
}

/** What does not fit together in a registration. */
export function faultsOf(app: Registered): Fault[] {
  const { type, redirectUris, grantTypes, clientAuthentication, publicKeys, requiresPkce } = app;
  const faults: Fault[] = [];
  const refuse = (message: string, ...path: Fault["path"]) => faults.push({ path, message });
  for (const name of ["redirectUris", "postLogoutRedirectUris"] as const) {
    (app[name] ?? []).forEach((one, index) => {
      if (!isRedirectUri(one, type)) refuse("is no redirect URI", name, index);
    });
  }
  const asksUsers = grantTypes.includes("authorization_code");
  if (asksUsers && redirectUris.length === 0) refuse("must not be empty", "redirectUris");
  if (grantTypes.includes("refresh_token") && !asksUsers && !grantTypes.includes(deviceGrantType)) {
    refuse("refresh_token goes with authorization_code or the device code", "grantTypes");
  }
  if (type === "public" && grantTypes.includes("client_credentials")) {
    refuse("a public client has no credentials", "grantTypes");
  }
  // RFC 9700 section 2.1.1: nothing else shows that the one who sends a public client's code has asked for it.
  if (type === "public" && requiresPkce === false) refuse("a public client needs PKCE", "requiresPkce");
  if (type === "public" && clientAuthentication) refuse("a public client has none", "clientAuthentication");
  if ((clientAuthentication === "private_key_jwt") !== (publicKeys !== undefined)) {
    refuse("go with clientAuthentication private_key_jwt", "publicKeys");
  }
  return faults;
}
