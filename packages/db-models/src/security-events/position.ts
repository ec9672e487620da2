import { z } from "zod";
import { IdentityError } from "../core/errors.js";

/** Where a subscription stands: the newest moment it has seen and, from a change stream, that stream's token. */
export interface Position {
  at: Date;
  token?: unknown;
}

const maxLength = 4_096;

const positionSchema = z.strictObject({
  at: z.iso.datetime().transform((at) => new Date(at)),
  token: z.looseObject({ _data: z.string() }).optional(),
});

export function writePosition({ at, token }: Position): string {
  return Buffer.from(JSON.stringify({ at, token })).toString("base64url");
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
