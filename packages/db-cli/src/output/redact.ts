import { createRequire } from "node:module";

// By require: Bun does not read the names of the package's ES module.
const { redactConnectionString }: typeof import("mongodb-connection-string-url") = createRequire(
  import.meta.url,
)("mongodb-connection-string-url");

/** A connection string without its user, password and other secrets. */
export function redactUri(uri: string): string {
  return redactConnectionString(uri, { replacementString: "***" });
}

/** Text in which each connection string has lost its user, password and other secrets. */
export function redact(text: string): string {
  // Up to the last @ of the line: a password that was not percent-encoded may hold anything.
  return text.replace(/mongo[a-z+]*:\/{1,2}(?:[^\n]*@)?[^\s"'`<>]*/gi, (found) =>
    redactUri(found.replace(/:\/{1,2}/, "://")),
  );
}

/** The same for all texts of a value. */
export function redactAll(value: unknown): unknown {
  if (typeof value === "string") return redact(value);
  if (Array.isArray(value)) return value.map(redactAll);
  if (value === null || typeof value !== "object" || value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, redactAll(inner)]));
}
