import { createHash } from "node:crypto";
import { decodeAttestationObject, isoCBOR, parseAuthenticatorData } from "@simplewebauthn/server/helpers";
import { z } from "zod";
import { limits } from "../core/limits.js";
import type { FactorPolicy } from "../core/policies/factors.js";
import type { PasskeyCeremony } from "../schemas/passkey-challenge.js";

/** Why an answer of a passkey is refused; the first that holds, in the order of WebAuthn Level 3 sections 7.1 and 7.2. */
export type PasskeyRefusal =
  | "malformed"
  | "challenge_unknown"
  | "challenge_expired"
  | "wrong_ceremony"
  | "wrong_account"
  | "wrong_origin"
  | "cross_origin"
  | "wrong_rp"
  | "user_not_present"
  | "user_not_verified"
  | "wrong_backup_state"
  | "unsupported_key"
  | "already_registered"
  | "limit_reached"
  | "unknown_credential"
  | "wrong_signature"
  | "counter_back";

export type Refused = { ok: false; reason: PasskeyRefusal };

export const refuse = (reason: PasskeyRefusal): Refused => ({ ok: false, reason });

// Far above what any authenticator sends: with the attestation of a security module 10,000 characters.
const base64url = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^[A-Za-z0-9_-]+$/);

const credential = {
  id: base64url(limits.credentialId),
  rawId: base64url(limits.credentialId),
  type: z.literal("public-key"),
};

const clientDataJSON = base64url(8_192);

const registrationResponse = z.object({
  ...credential,
  response: z.object({
    clientDataJSON,
    attestationObject: base64url(65_536),
    transports: z.array(z.unknown()).max(64).optional().catch(undefined),
  }),
});

const authenticationResponse = z.object({
  ...credential,
  response: z.object({
    clientDataJSON,
    authenticatorData: base64url(8_192),
    signature: base64url(2_048),
    // Some browsers give an empty one for none.
    userHandle: z.union([z.literal(""), base64url(88)]).nullish(),
  }),
});

const clientDataSchema = z.object({
  type: z.string(),
  challenge: base64url(512),
  origin: z.string(),
  crossOrigin: z.boolean().optional(),
  topOrigin: z.string().optional(),
});

type ClientData = z.output<typeof clientDataSchema>;

/** What an authenticator says of a ceremony (WebAuthn Level 3 section 6.1). */
interface AuthenticatorFacts {
  rpIdHash: Uint8Array;
  userPresent: boolean;
  userVerified: boolean;
  backupEligible: boolean;
  backedUp: boolean;
  signCount: number;
}

export interface RegistrationAnswer {
  credentialId: string;
  clientData: ClientData;
  facts: AuthenticatorFacts;
  /** COSE key. */
  publicKey: Uint8Array;
  aaguid: Uint8Array;
  transports: string[];
  /** For the library that verifies it, without the attestation: none was asked for, so none is looked at. */
  response: z.output<typeof registrationResponse>;
}

export interface AuthenticationAnswer {
  credentialId: string;
  clientData: ClientData;
  facts: AuthenticatorFacts;
  userHandle?: string;
  response: z.output<typeof authenticationResponse>;
}

/** Reads what a browser answers to a registration; `undefined` for anything else. */
export function readRegistration(presented: unknown): RegistrationAnswer | undefined {
  const response = parsed(registrationResponse, presented);
  const clientData = response && readClientData(response.response.clientDataJSON);
  if (!response || !clientData) return undefined;
  return attempt(() => {
    const bytes = bytesOf(response.response.attestationObject);
    const attestation = decodeAttestationObject(bytes);
    if (isCutOff(bytes)) return undefined;
    const authData = Uint8Array.from(attestation.get("authData"));
    const data = parseAuthenticatorData(Uint8Array.from(authData));
    const { credentialID, credentialPublicKey, aaguid } = data;
    if (!credentialID || !credentialPublicKey || !aaguid) return undefined;
    if (Buffer.from(credentialID).toString("base64url") !== response.id) return undefined;
    return {
      credentialId: response.id,
      clientData,
      facts: factsOf(data),
      publicKey: credentialPublicKey,
      aaguid,
      transports: readTransports(response.response.transports),
      response: withoutAttestation(response, authData),
    };
  });
}

/** Reads what a browser answers to an authentication; `undefined` for anything else. */
export function readAuthentication(presented: unknown): AuthenticationAnswer | undefined {
  const response = parsed(authenticationResponse, presented);
  const clientData = response && readClientData(response.response.clientDataJSON);
  if (!response || !clientData) return undefined;
  return attempt(() => {
    const data = parseAuthenticatorData(bytesOf(response.response.authenticatorData));
    const { userHandle } = response.response;
    return {
      credentialId: response.id,
      clientData,
      facts: factsOf(data),
      ...(userHandle && { userHandle }),
      response,
    };
  });
}

/** What both ceremonies check of the page and of the authenticator, in the specification's order. */
export function refusalOfAnswer(
  { clientData, facts }: Pick<AuthenticationAnswer, "clientData" | "facts">,
  passkeys: NonNullable<FactorPolicy["passkeys"]>,
  verifiesUser: boolean,
): Refused | undefined {
  const { rpId, origins } = passkeys;
  if (!origins.includes(clientData.origin)) return refuse("wrong_origin");
  // Whose page is around ours could show anything over the button that its user presses.
  if (clientData.crossOrigin || clientData.topOrigin !== undefined) return refuse("cross_origin");
  if (!createHash("sha256").update(rpId).digest().equals(facts.rpIdHash)) return refuse("wrong_rp");
  if (!facts.userPresent) return refuse("user_not_present");
  if (verifiesUser && !facts.userVerified) return refuse("user_not_verified");
  if (facts.backedUp && !facts.backupEligible) return refuse("wrong_backup_state");
  return undefined;
}

export const clientDataTypes: Record<PasskeyCeremony, string> = {
  registration: "webauthn.create",
  authentication: "webauthn.get",
};

function parsed<T extends z.ZodType>(schema: T, presented: unknown): z.output<T> | undefined {
  const { success, data } = schema.safeParse(presented);
  if (!success) return undefined;
  const { id, rawId } = data as { id: string; rawId: string };
  return id === rawId ? data : undefined;
}

function readClientData(text: string): ClientData | undefined {
  return attempt(() => {
    const json = new TextDecoder("utf-8", { fatal: true }).decode(bytesOf(text));
    return clientDataSchema.safeParse(JSON.parse(json)).data;
  });
}

function factsOf(data: ReturnType<typeof parseAuthenticatorData>): AuthenticatorFacts {
  const { rpIdHash, counter, flags } = data;
  return {
    rpIdHash,
    userPresent: flags.up,
    userVerified: flags.uv,
    backupEligible: flags.be,
    backedUp: flags.bs,
    signCount: counter,
  };
}

/** Browsers may know more ways than this package; what is no name of one is left out. */
function readTransports(transports: unknown[] | undefined): string[] {
  const named = (transports ?? []).filter(
    (one): one is string => typeof one === "string" && /^[a-z][a-z-]{0,31}$/.test(one),
  );
  return [...new Set(named)].slice(0, limits.transports);
}

/** The decoder passes over what is missing at the end: then bytes behind the end change what it reads. */
function isCutOff(bytes: Uint8Array<ArrayBuffer>): boolean {
  const padded = Uint8Array.from([...bytes, ...new Uint8Array(16).fill(0xff)]);
  const [alone, before] = [bytes, padded].map((one) => Buffer.from(isoCBOR.encode(isoCBOR.decodeFirst(one))));
  return !alone || !before || !alone.equals(before);
}

type CborMap = Map<string, string | Map<never, never> | Uint8Array<ArrayBuffer>>;
type RegistrationResponse = z.output<typeof registrationResponse>;

function withoutAttestation(
  response: RegistrationResponse,
  authData: Uint8Array<ArrayBuffer>,
): RegistrationResponse {
  const none: CborMap = new Map<string, string | Map<never, never> | Uint8Array<ArrayBuffer>>([
    ["fmt", "none"],
    ["attStmt", new Map<never, never>()],
    ["authData", authData],
  ]);
  const attestationObject = Buffer.from(isoCBOR.encode(none)).toString("base64url");
  return { ...response, response: { ...response.response, attestationObject } };
}

export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(base64, "base64url"));
}

/** Whatever a reader of foreign bytes throws means that they are not what they should be. */
function attempt<T>(read: () => T | undefined): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
