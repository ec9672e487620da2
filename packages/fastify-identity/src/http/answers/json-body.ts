import type { FastifyInstance } from "fastify";
import { IdentityProblem } from "../../flows/problems.js";
import { repeatsName } from "./json-names.js";

/** Bytes that are no UTF-8 are an error; a byte order mark is left out (RFC 8259 section 8.1 allows that). */
const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Takes JSON in UTF-8 and nothing else. Bytes that are no UTF-8 would otherwise become U+FFFD, and different passwords the
 * same; of a member that is named twice another program might read the other value. A form of another site can send text
 * without asking first, so text is not taken.
 */
export function parseStrictJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  const parseJson = app.getDefaultJsonParser("error", "error");
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (request, body, done) => {
    if (!isUtf8(request.headers["content-type"])) return done(new IdentityProblem("UNSUPPORTED_MEDIA_TYPE"));
    // Many clients name the type with every request; a route that takes a body refuses none.
    if ((body as Buffer).length === 0) return done(null, undefined);
    let text: string;
    try {
      text = utf8.decode(body as Buffer);
    } catch (cause) {
      return done(new IdentityProblem("MALFORMED_REQUEST", {}, { cause }));
    }
    parseJson(request, text, (error, value) => {
      if (error || !repeatsName(text)) return done(error, value);
      done(new IdentityProblem("MALFORMED_REQUEST", { reason: "repeated_name" }));
    });
  });
}

/** The type has no parameter of this name (RFC 8259 section 11); one that says what is so anyway does no harm. */
function isUtf8(contentType = ""): boolean {
  const [, charset] = /;\s*charset\s*=\s*"?([^\s;"]*)/i.exec(contentType) ?? [];
  return charset === undefined || /^utf-?8$/i.test(charset);
}
