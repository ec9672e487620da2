import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

// Written from the words of WebAuthn Level 3 (sections 5.8.1, 6.1, 6.3, 6.5) and RFC 8949, with no line of the library that
// the product verifies with: two readers of one text.

/** Bytes of a CBOR item (RFC 8949), of the kinds that WebAuthn has. */
export function cbor(value: CborValue): Buffer {
  if (typeof value === "number") return value >= 0 ? head(0, value) : head(1, -1 - value);
  if (typeof value === "string")
    return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (value instanceof Uint8Array) return Buffer.concat([head(2, value.length), value]);
  const entries = [...value].flatMap(([key, one]) => [cbor(key), cbor(one)]);
  return Buffer.concat([head(5, value.size), ...entries]);
}

type CborValue = number | string | Uint8Array | Map<number | string, CborValue>;

function head(major: number, value: number): Buffer {
  if (value < 24) return Buffer.from([(major << 5) | value]);
  if (value < 256) return Buffer.from([(major << 5) | 24, value]);
  const long = Buffer.from([(major << 5) | 25, 0, 0]);
  long.writeUInt16BE(value, 1);
  return long;
}

export type PasskeyAlgorithm = "ES256" | "EdDSA" | "RS256";

const coseNames = { ES256: -7, EdDSA: -8, RS256: -257 } as const;

/** How an authenticator is made. */
export interface AuthenticatorModel {
  algorithm?: PasskeyAlgorithm;
  /** Whether it verifies its user. Default true. */
  verifies?: boolean;
  /** Whether its passkeys are copied to other devices: eligible and backed up. Default false. */
  synced?: boolean;
  /** Whether it counts its signatures. Default true, unless synced. */
  counts?: boolean;
  aaguid?: Buffer;
}

/** Flags of the authenticator data. */
export const flags = { UP: 0x01, UV: 0x04, BE: 0x08, BS: 0x10, AT: 0x40, ED: 0x80 } as const;

/** What is done otherwise than an honest authenticator and browser do. */
export interface Mischief {
  origin?: string;
  rpId?: string;
  type?: string;
  challenge?: string;
  crossOrigin?: boolean;
  topOrigin?: string;
  /** Flags to set and to clear. */
  set?: number;
  clear?: number;
  signCount?: number;
  userHandle?: string | null;
  /** Changes the COSE key that is registered. */
  key?: (key: Map<number, CborValue>) => void;
  attestation?: Map<string, CborValue>;
  format?: string;
  credentialId?: Buffer;
  /** Writes the client data in another way. */
  clientData?: (json: string) => string;
  /** Changes the authenticator data of a registration. */
  authData?: (data: Buffer) => Buffer;
}

interface Credential {
  id: Buffer;
  rpId: string;
  userHandle: string;
  privateKey: KeyObject;
  publicKey: KeyObject;
  signCount: number;
}

interface CreationOptions {
  challenge: string;
  rp: { id?: string };
  user: { id: string };
  excludeCredentials?: { id: string }[];
}

interface RequestOptions {
  challenge: string;
  rpId?: string;
  allowCredentials?: { id: string }[];
}

/** An authenticator in memory, with the browser around it: takes options as JSON and answers as a credential's `toJSON()`. */
export class SoftwareAuthenticator {
  readonly credentials: Credential[] = [];
  readonly #origin: string;
  readonly #model: Required<Omit<AuthenticatorModel, "aaguid">> & { aaguid: Buffer };

  /** @param origin - of the page that asks. */
  constructor(origin: string, model: AuthenticatorModel = {}) {
    this.#origin = origin;
    const { algorithm = "ES256", verifies = true, synced = false, counts = !synced } = model;
    this.#model = { algorithm, verifies, synced, counts, aaguid: model.aaguid ?? Buffer.alloc(16) };
  }

  /** `navigator.credentials.create()`. */
  create(options: CreationOptions, mischief: Mischief = {}) {
    const known = this.credentials.map(({ id }) => id.toString("base64url"));
    if (options.excludeCredentials?.some(({ id }) => known.includes(id)))
      throw new Error("InvalidStateError");
    const credential = this.#newCredential(options, mischief.credentialId);
    this.credentials.push(credential);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(credential.id.length);
    const key = coseKey(credential.publicKey, this.#model.algorithm);
    mischief.key?.(key);
    const attested = Buffer.concat([this.#model.aaguid, length, credential.id, cbor(key)]);
    const honest = Buffer.concat([this.#authData(credential, flags.AT, mischief), attested]);
    const authData = mischief.authData?.(honest) ?? honest;
    const attestationObject = cbor(
      new Map<string, CborValue>([
        ["fmt", mischief.format ?? "none"],
        ["attStmt", mischief.attestation ?? new Map()],
        ["authData", authData],
      ]),
    );
    return {
      ...named(credential),
      response: {
        clientDataJSON: this.#clientData("webauthn.create", options.challenge, mischief).toString(
          "base64url",
        ),
        attestationObject: attestationObject.toString("base64url"),
        transports: this.#model.synced ? ["internal", "hybrid"] : ["usb"],
      },
    };
  }

  /** `navigator.credentials.get()`: with the last passkey that is allowed. */
  get(options: RequestOptions, mischief: Mischief = {}) {
    const allowed = options.allowCredentials?.map(({ id }) => id) ?? [];
    const credential = this.credentials.findLast(
      ({ id }) => allowed.length === 0 || allowed.includes(id.toString("base64url")),
    );
    if (!credential) throw new Error("NotAllowedError");
    if (this.#model.counts) credential.signCount += 1;
    const authData = this.#authData(credential, 0, mischief);
    const clientData = this.#clientData("webauthn.get", options.challenge, mischief);
    const userHandle = mischief.userHandle === undefined ? credential.userHandle : mischief.userHandle;
    return {
      ...named(credential),
      response: {
        clientDataJSON: clientData.toString("base64url"),
        authenticatorData: authData.toString("base64url"),
        signature: this.sign(credential, authData, clientData).toString("base64url"),
        ...(userHandle !== null && { userHandle }),
      },
    };
  }

  /** Signs as the algorithm says, over the authenticator data and the hash of the client data. */
  sign({ privateKey }: Credential, authData: Buffer, clientData: Buffer): Buffer {
    const hash = createHash("sha256").update(clientData).digest();
    const digest = this.#model.algorithm === "EdDSA" ? null : "sha256";
    return sign(digest, Buffer.concat([authData, hash]), privateKey);
  }

  #newCredential({ rp, user }: CreationOptions, id: Buffer = randomBytes(32)): Credential {
    const pair = keyPair(this.#model.algorithm);
    return { id, rpId: rp.id ?? "", userHandle: user.id, signCount: 0, ...pair };
  }

  #authData({ rpId, signCount }: Credential, also: number, mischief: Mischief): Buffer {
    const { verifies, synced } = this.#model;
    const own = flags.UP | (verifies ? flags.UV : 0) | (synced ? flags.BE | flags.BS : 0) | also;
    const all = (own | (mischief.set ?? 0)) & ~(mischief.clear ?? 0);
    const count = Buffer.alloc(4);
    count.writeUInt32BE(mischief.signCount ?? signCount);
    const rpIdHash = createHash("sha256")
      .update(mischief.rpId ?? rpId)
      .digest();
    return Buffer.concat([rpIdHash, Buffer.from([all]), count]);
  }

  #clientData(type: string, challenge: string, mischief: Mischief): Buffer {
    const { origin = this.#origin, crossOrigin = false, topOrigin } = mischief;
    const json = JSON.stringify({
      type: mischief.type ?? type,
      challenge: mischief.challenge ?? challenge,
      origin,
      crossOrigin,
      ...(topOrigin !== undefined && { topOrigin }),
    });
    return Buffer.from(mischief.clientData?.(json) ?? json);
  }
}

function named({ id }: Credential) {
  const text = id.toString("base64url");
  return { id: text, rawId: text, type: "public-key", clientExtensionResults: {} };
}

function keyPair(algorithm: PasskeyAlgorithm) {
  if (algorithm === "ES256") return generateKeyPairSync("ec", { namedCurve: "P-256" });
  if (algorithm === "EdDSA") return generateKeyPairSync("ed25519");
  return generateKeyPairSync("rsa", { modulusLength: 2_048 });
}

/** A COSE key (RFC 9053 section 7, RFC 8230 section 4). */
function coseKey(publicKey: KeyObject, algorithm: PasskeyAlgorithm): Map<number, CborValue> {
  const jwk = publicKey.export({ format: "jwk" });
  const part = (name: "x" | "y" | "n" | "e") => Buffer.from(String(jwk[name]), "base64url");
  const alg = [3, coseNames[algorithm]] as const;
  if (algorithm === "EdDSA") return new Map<number, CborValue>([[1, 1], alg, [-1, 6], [-2, part("x")]]);
  if (algorithm === "RS256")
    return new Map<number, CborValue>([[1, 3], alg, [-1, part("n")], [-2, part("e")]]);
  return new Map<number, CborValue>([[1, 2], alg, [-1, 1], [-2, part("x")], [-3, part("y")]]);
}
