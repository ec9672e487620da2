// Values that may be documents, as a server answers or a project gives them.
import type { Document } from "./model.js";

export const isDocument = (value: unknown): value is Document =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);

/** The value if it is a document, else an empty one. */
export const asDocument = (value: unknown): Document => (isDocument(value) ? value : {});

/** The documents of a list; none of anything else. */
export const documentsOf = (value: unknown): Document[] =>
  Array.isArray(value) ? value.filter(isDocument) : [];
