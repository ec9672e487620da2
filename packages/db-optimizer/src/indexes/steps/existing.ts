// Shared by the kinds of steps that hide or drop an existing index.
import { dropIndexText } from "../command.js";
import type { ActualIndex } from "../inspect.js";

/** The index of a step. */
export function ofExisting(actual: ActualIndex) {
  return { collection: actual.collection, index: actual.name, actual, collectionCollation: null };
}

/** The index of a step that drops it. */
export function dropping(actual: ActualIndex) {
  return { ...ofExisting(actual), commands: [dropIndexText(actual.collection, actual.name)] };
}
