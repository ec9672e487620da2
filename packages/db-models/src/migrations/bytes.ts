import { mongo } from "mongoose";

/** The bytes of a binary value: a buffer, or the driver's own type, by how it was read. `undefined` for anything else. */
export function bytesOf(value: unknown): Uint8Array | undefined {
  if (value instanceof mongo.Binary) return value.buffer.subarray(0, value.position);
  return value instanceof Uint8Array ? value : undefined;
}
