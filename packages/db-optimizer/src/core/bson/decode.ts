// Decodes documents of any content; one that JavaScript cannot hold yields a reason instead of ending the walk.
import { mongo } from "mongoose";
import type { Document } from "../model.js";
import { reasonOf } from "../reason.js";
import { asStored, exactId, idForMessage } from "./exact.js";

/** A document as it was read. */
export interface Decoded {
  /** By which the server finds it; with replacement characters for ill-formed text, by which it does not. */
  readonly id: unknown;
  /** Its length as it is stored. */
  readonly bytes: number;
  /** With replacement characters for ill-formed text, where there is a `reason`; absent where nothing can be read. */
  readonly document?: Document;
  /** Why the document must not be written anywhere as it was read. */
  readonly reason?: string;
}

/**
 * Decodes the bytes of a document as the driver would with these options, but text that is ill-formed is told even where
 * a connection asks for no check (`enableUtf8Validation`): a replacement character that is written back loses data. Pure.
 */
export function decoded(raw: Uint8Array, options: mongo.BSONSerializeOptions = {}): Decoded {
  const read = (utf8: boolean): Document =>
    mongo.BSON.deserialize(raw, { ...options, ...asStored, validation: { utf8 } });
  try {
    const document = read(true);
    return { id: document._id, bytes: raw.length, document };
  } catch (error) {
    const id = exactId(raw)?.id ?? idForMessage(raw);
    const reason = `it cannot be read: ${reasonOf(error)}`;
    try {
      return { id, bytes: raw.length, document: read(false), reason };
    } catch {
      return { id, bytes: raw.length, reason };
    }
  }
}
