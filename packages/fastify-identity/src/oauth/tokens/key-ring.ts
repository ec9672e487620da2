import type { Identity, SigningAlgorithm, SigningKeyPair } from "@org/db-models";
import { hmac } from "@org/db-models/core";
import {
  type CryptoKey,
  compactVerify,
  decodeProtectedHeader,
  importJWK,
  type JWK,
  type JWTPayload,
  SignJWT,
} from "jose";

/** How long an instance goes by what it has read: so long a withdrawn key is still used, at most. */
const refreshMs = 10_000;
/** A token of a key that this instance has not seen makes it read again, so often at most. */
const unknownKeyMs = 5_000;

/** The signing keys of the provider, as this instance knows them. */
export class KeyRing {
  readonly #identity: Identity;
  readonly #algorithms: readonly SigningAlgorithm[];
  #keys: Promise<readonly SigningKeyPair[]> | undefined;
  #readAt = 0;
  readonly #imported = new Map<string, Promise<CryptoKey>>();

  constructor(identity: Identity, algorithms: readonly SigningAlgorithm[]) {
    this.#identity = identity;
    this.#algorithms = algorithms;
  }

  /** The public halves, for clients. */
  async publicKeys(): Promise<JWK[]> {
    return (await this.#current()).map(({ publicJwk }) => publicJwk as JWK);
  }

  /** Signs claims; the key is the one that the clock says signs now. */
  async sign(claims: JWTPayload, header: { typ: string; alg: SigningAlgorithm }): Promise<string> {
    const key = await this.#activeOf(header.alg);
    const imported = await this.#import(`private ${key.kid}`, key.privateJwk as JWK, header.alg);
    return new SignJWT(claims).setProtectedHeader({ ...header, kid: key.kid }).sign(imported);
  }

  /** The claims of a token of ours, whatever they say; `undefined` for one that we have not signed as this type. */
  async verify(token: string, typ: string): Promise<JWTPayload | undefined> {
    if (token.length > 16_384) return undefined;
    try {
      const { kid, alg, typ: type } = decodeProtectedHeader(token);
      if (
        kid === undefined ||
        String(type)
          .toLowerCase()
          .replace(/^application\//, "") !== typ
      )
        return undefined;
      const key = await this.#find(kid);
      if (!key || key.algorithm !== alg) return undefined;
      const imported = await this.#import(`public ${kid}`, key.publicJwk as JWK, key.algorithm);
      const { payload } = await compactVerify(token, imported, { algorithms: [key.algorithm] });
      return JSON.parse(new TextDecoder().decode(payload)) as JWTPayload;
    } catch (error) {
      if (isNoToken(error)) return undefined;
      throw error;
    }
  }

  /** A secret that all instances have, for a purpose; another one with each key that comes to sign. */
  async secretFor(purpose: string): Promise<string> {
    const { privateJwk } = await this.#activeOf(this.#algorithms[0] ?? "RS256");
    return hmac(String(privateJwk?.d), purpose);
  }

  async #activeOf(algorithm: SigningAlgorithm): Promise<SigningKeyPair> {
    const now = this.#identity.clock.now();
    const keys = await this.#current();
    const signing = keys.findLast(
      (key) => key.algorithm === algorithm && key.privateJwk && key.signsFrom <= now,
    );
    if (signing) return signing;
    throw new TypeError(`there is no key for ${algorithm}`);
  }

  async #find(kid: string): Promise<SigningKeyPair | undefined> {
    const known = (await this.#current()).find((key) => key.kid === kid);
    if (known || this.#ageMs() < unknownKeyMs) return known;
    this.#keys = undefined;
    return (await this.#current()).find((key) => key.kid === kid);
  }

  #ageMs(): number {
    return Math.abs(this.#identity.clock.now().getTime() - this.#readAt);
  }

  async #current(): Promise<readonly SigningKeyPair[]> {
    if (this.#keys && this.#ageMs() < refreshMs) return this.#keys;
    this.#readAt = this.#identity.clock.now().getTime();
    const reading = this.#identity.oauth.signingKeys({ algorithms: this.#algorithms });
    this.#keys = reading;
    try {
      return await reading;
    } catch (error) {
      if (this.#keys === reading) this.#keys = undefined;
      throw error;
    }
  }

  #import(name: string, jwk: JWK, algorithm: SigningAlgorithm): Promise<CryptoKey> {
    const known = this.#imported.get(name) ?? (importJWK(jwk, algorithm) as Promise<CryptoKey>);
    this.#imported.set(name, known);
    return known;
  }
}

const isNoToken = (error: unknown): boolean =>
  error instanceof SyntaxError ||
  error instanceof TypeError ||
  /^ERR_J/.test(String((error as { code?: unknown }).code));
