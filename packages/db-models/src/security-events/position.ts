import { z } from "zod";
import { IdentityError } from "../core/errors.js";

/**
 * Where a subscription stands: the newest moment it has seen and, from a change stream, that stream's token. Without a token
 * it goes on a little before that moment, and skips the last events that it handed out.
 */
export interface Position {
  at: Date;
  token?: unknown;
  /** Ids, as hexadecimal digits. */
  seen?: readonly string[];
}

const maxLength = 4_096;
/** Ids of a position. */
export const maxSeenInPosition = 100;
const idBytes = 12;

const positionSchema = z.strictObject({
  at: z.iso.datetime().transform((at) => new Date(at)),
  token: z.looseObject({ _data: z.string() }).optional(),
  seen: z
    .string()
    .regex(/^([\w-]{16})*$/)
    .optional()
    .transform((ids) => (ids === undefined ? [] : idsIn(Buffer.from(ids, "base64url")))),
});

function idsIn(bytes: Buffer): string[] {
  return Array.from({ length: bytes.length / idBytes }, (_, at) =>
    bytes.toString("hex", at * idBytes, (at + 1) * idBytes),
  );
}

export function writePosition({ at, token, seen = [] }: Position): string {
  const ids = seen.length > 0 ? Buffer.from(seen.join(""), "hex").toString("base64url") : undefined;
  return Buffer.from(JSON.stringify({ at, token, seen: ids })).toString("base64url");
}

/** @throws IdentityError `INVALID_INPUT`. */
export function readPosition(text: string): Position {
  try {
    if (text.length <= maxLength) {
      return positionSchema.parse(JSON.parse(Buffer.from(text, "base64url").toString("utf8")));
    }
  } catch {
    // Told below, in one way for everything that is no position.
  }
  throw new IdentityError("INVALID_INPUT", "this is no position of a security event");
}
