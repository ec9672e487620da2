import { sha256 } from "./secrets.js";

/** The key of an external identity: of both parts, in a form in which no two pairs are the same text. */
export function externalKeyOf({ issuer, subject }: { issuer: string; subject: string }): Buffer {
  return sha256(JSON.stringify([issuer, subject]));
}
