import { createPublicKey, type JsonWebKey } from "node:crypto";
import { decodeCredentialPublicKey } from "@simplewebauthn/server/helpers";

// COSE algorithms and key parameters (RFC 9053, RFC 8230, RFC 8812).
export const passkeyAlgorithms = [-8, -7, -257]; // EdDSA, ES256, RS256
const label = { kty: 1, alg: 3, crv: -1, x: -2, y: -3, n: -1, e: -2 } as const;
const minRsaBits = 2_048;
const maxRsaBits = 4_096;

/**
 * True for a COSE key whose type, curve and lengths are those of its algorithm (WebAuthn Level 3 section 5.8.5), and that
 * is a key at all: a point on its curve. What it signs can then be of one algorithm only.
 */
export function isSupportedKey(publicKey: Uint8Array): boolean {
  try {
    const key: unknown = decodeCredentialPublicKey(Uint8Array.from(publicKey));
    const jwk = key instanceof Map ? jwkOf(key) : undefined;
    return jwk !== undefined && createPublicKey({ key: jwk, format: "jwk" }).type === "public";
  } catch {
    return false;
  }
}

function jwkOf(key: Map<unknown, unknown>): JsonWebKey | undefined {
  const bytes = (name: number, length?: number) => {
    const value = key.get(name);
    if (!(value instanceof Uint8Array) || (length !== undefined && value.length !== length)) return undefined;
    return Buffer.from(value);
  };
  const is = (kty: number, crv?: number) =>
    key.get(label.kty) === kty && (crv === undefined || key.get(label.crv) === crv);
  switch (key.get(label.alg)) {
    case -7: {
      const [x, y] = [bytes(label.x, 32), bytes(label.y, 32)];
      if (!is(2, 1) || !x || !y) return undefined;
      return { kty: "EC", crv: "P-256", x: x.toString("base64url"), y: y.toString("base64url") };
    }
    case -8: {
      const x = bytes(label.x, 32);
      return is(1, 6) && x ? { kty: "OKP", crv: "Ed25519", x: x.toString("base64url") } : undefined;
    }
    case -257: {
      const [n, e] = [bytes(label.n), bytes(label.e, 3)];
      const bits = n ? 8 * n.length : 0;
      // Another exponent than 65537 is a key that signs by itself (1), or a slow one.
      if (!is(3) || !n || e?.toString("hex") !== "010001" || n[0] === 0) return undefined;
      if (bits < minRsaBits || bits > maxRsaBits) return undefined;
      return { kty: "RSA", n: n.toString("base64url"), e: "AQAB" };
    }
    default:
      return undefined;
  }
}
