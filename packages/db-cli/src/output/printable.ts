import { randomBytes } from "node:crypto";

/**
 * Stands for the escape character in text that we coloured ourselves. It differs from run to run, so that text from a
 * server or a file can't hold it.
 */
export const ownEscape = `\u0001${randomBytes(8).toString("hex")}`;

// Control characters (Cc), those of 8 bits included, and the marks that turn the direction of text (UAX #9).
const turning = String.raw`\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069`;
const oneLine = new RegExp(`${ownEscape}|[\\p{Cc}\\u2028\\u2029${turning}]`, "gu");
const manyLines = new RegExp(`${ownEscape}|(?![\\n\\t])[\\p{Cc}${turning}]`, "gu");

/** A name or value from elsewhere as it can be shown within a line: control characters as `\u001b`. */
export function printable(text: string): string {
  return text.replace(oneLine, (found) => (found === ownEscape ? found : escaped(found)));
}

/** Text for a terminal, a pipe or a file: our own colours are sent, any other control character is shown as `\u001b`. */
export function toTerminal(text: string): string {
  return text.replace(manyLines, (found) => (found === ownEscape ? "\u001b" : escaped(found)));
}

/** JSON of anything that a report holds, without a character that a terminal would act on. */
export function toJson(value: unknown, indent?: number): string {
  const plain = (_key: string, inner: unknown) => (typeof inner === "bigint" ? inner.toString() : inner);
  return JSON.stringify(value, plain, indent).replace(/(?!\n)\p{Cc}/gu, escaped);
}

function escaped(sign: string): string {
  return `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/**
 * The text with the line breaks of names shown as `\u000a`: a name of the server may hold any character, and must not begin a
 * line that passes for one of ours.
 *
 * @param data what the text is about: names are the values of `collection`, `index`, `name` and the like
 */
export function withNamesInLines(text: string, data: unknown): string {
  const names = [...new Set(namesIn(data, false))].sort((a, b) => b.length - a.length);
  return names.reduce((shown, name) => shown.replaceAll(name, printable(name)), text);
}

const naming = /^(collections?|index(es)?|names?|subject|query|queries|rules?|models?|paths?|database)$/;

function namesIn(value: unknown, named: boolean): string[] {
  if (typeof value === "string") return named && /[\n\r\u2028\u2029]/.test(value) ? [value] : [];
  if (value === null || typeof value !== "object") return [];
  if (Array.isArray(value)) return value.flatMap((inner) => namesIn(inner, named));
  return Object.entries(value).flatMap(([key, inner]) => namesIn(inner, naming.test(key)));
}
