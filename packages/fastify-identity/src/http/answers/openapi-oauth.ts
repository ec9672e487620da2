import { z } from "zod";

/** An answer of an OAuth endpoint that is no success, as a document describes it. */
export interface OAuthAnswer {
  readonly description: string;
  /** An error for programs (RFC 6749 section 5.2), a page for people; nothing for a redirect. */
  readonly as: readonly ("error" | "page")[];
}

// Registered under its name, to which the answers refer.
z.object({ error: z.string(), error_description: z.string() }).meta({ id: "OAuthError" });

const contents = {
  error: { "application/json": { schema: { $ref: "#/components/schemas/OAuthError" } } },
  page: { "text/html": { schema: { type: "string" } } },
} as const;

/** Answers as members of an OpenAPI document, by status. */
export function oauthResponses(answers: Readonly<Record<number, OAuthAnswer>>): Record<string, object> {
  return Object.fromEntries(
    Object.entries(answers).map(([status, { description, as }]) => {
      if (as.length === 0) return [status, { description, type: "null" }];
      return [status, { description, content: Object.assign({}, ...as.map((kind) => contents[kind])) }];
    }),
  );
}
