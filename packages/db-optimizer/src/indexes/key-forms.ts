// Keys of declared indexes, in each form that a schema may give.
import type { Document } from "../core/model.js";

/**
 * The key of a declared index as an object. Mongoose passes on what a schema gives, and the driver takes more than objects:
 * a path, a pair of a path and its direction, a Map, and a list of any of these. Pure.
 *
 * @see https://mongodb.github.io/node-mongodb-native/7.0/types/IndexSpecification.html
 */
export function keyDocument(given: unknown): Document {
  const parts = Array.isArray(given) && !isPair(given) ? given : [given];
  return Object.fromEntries(parts.flatMap(entriesOf)) as Document;
}

function entriesOf(part: unknown): (readonly [string, unknown])[] {
  if (typeof part === "string") return [[part, 1]];
  if (Array.isArray(part)) return [[String(part[0]), part[1] ?? 1]];
  if (part instanceof Map) return [...(part as Map<string, unknown>)];
  return part !== null && typeof part === "object" ? Object.entries(part) : [];
}

// The driver decides so between ["a", "2dsphere"], one field, and ["a", "b"], two.
function isPair(list: readonly unknown[]): boolean {
  const [, direction] = list;
  return (
    list.length === 2 &&
    (typeof direction === "number" || ["2d", "2dsphere", "text", "geoHaystack"].includes(String(direction)))
  );
}
