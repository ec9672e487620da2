import type { FastifyInstance } from "fastify";
import { IdentityProblem } from "../../flows/problems.js";

/** The fields of a form, each with the values that were sent. */
export type FormFields = ReadonlyMap<string, readonly string[]>;

const maxFields = 200;

/**
 * Takes forms as browsers send them, and nothing else. Bytes that are no UTF-8 are an error: as U+FFFD different passwords
 * would be the same.
 */
export function parseForms(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  const type = "application/x-www-form-urlencoded";
  app.addContentTypeParser(type, { parseAs: "buffer" }, (_request, body, done) => {
    try {
      done(null, readForm((body as Buffer).toString("latin1")));
    } catch (cause) {
      done(new IdentityProblem("MALFORMED_REQUEST", {}, { cause }));
    }
  });
}

/**
 * Reads `application/x-www-form-urlencoded` (WHATWG URL section 5.1): browsers send ASCII only.
 *
 * @throws URIError, RangeError
 */
function readForm(text: string): FormFields {
  if (/[^\x20-\x7e]/.test(text)) throw new RangeError("not ASCII");
  const pairs = text.split("&").filter(Boolean);
  if (pairs.length > maxFields) throw new RangeError("too many fields");
  const fields = new Map<string, string[]>();
  for (const pair of pairs) {
    const at = pair.indexOf("=");
    const [name, value] = at < 0 ? [pair, ""] : [pair.slice(0, at), pair.slice(at + 1)];
    const key = decode(name);
    fields.set(key, [...(fields.get(key) ?? []), decode(value)]);
  }
  return fields;
}

const decode = (text: string): string => decodeURIComponent(text.replaceAll("+", " "));
