import { fastifySwagger } from "@fastify/swagger";
import { fastifySwaggerUi } from "@fastify/swagger-ui";
import { IdentityCookies } from "@org/fastify-identity/flows";
import { describeProblems } from "@org/fastify-identity/http";
import { fastifyPlugin } from "fastify-plugin";
import { jsonSchemaTransform, jsonSchemaTransformObject } from "fastify-type-provider-zod";
import type { Config } from "../config.js";

/** Swagger UI loads its own files, the document and `data:` icons; its widgets set inline styles. */
const docsContentPolicy = {
  "default-src": "'none'",
  "script-src": "'self'",
  "style-src": ["'self'", "'unsafe-inline'"],
  "img-src": ["'self'", "data:"],
  "connect-src": "'self'",
  "base-uri": "'none'",
  "form-action": "'none'",
  "frame-ancestors": "'none'",
};

const info = {
  title: "Identity service",
  version: "1",
  description:
    "Accounts, sessions, profiles, security settings and API usage. Errors are problem details (RFC 9457); " +
    "programs decide on their `code`.",
};

/** The order of the page for people. */
const tags = [
  { name: "account", description: "Who the user is" },
  { name: "sessions", description: "Where the user is signed in" },
  { name: "security", description: "What protects the account, and what happened to it" },
  { name: "api-keys", description: "Keys for the user's programs" },
  { name: "usage", description: "How much of the API the user uses" },
  { name: "oauth", description: "OAuth 2.1 and OpenID Connect, for apps; errors as their RFCs have them" },
  { name: "health", description: "For supervisors and load balancers" },
];

/** The OpenAPI 3.1 document at `/openapi.json`, made from the zod schemas, and a page for people at `/docs`. */
export const openapi = fastifyPlugin<{ config: Config }>(
  async (app, { config }) => {
    await app.register(fastifySwagger, {
      openapi: {
        openapi: "3.1.0",
        info,
        tags,
        components: {
          securitySchemes: {
            cookie: {
              type: "apiKey",
              in: "cookie",
              name: new IdentityCookies(!config.insecureCookies).sessionName,
            },
            bearer: { type: "http", scheme: "bearer" },
            apiKey: { type: "apiKey", in: "header", name: "x-api-key" },
            client: {
              type: "http",
              scheme: "basic",
              description: "An app with its secret; or by parameters of the body (RFC 6749 section 2.3)",
            },
          },
        },
      },
      transform: (document) => {
        const { schema, url } = jsonSchemaTransform(document);
        return { schema: describeProblems(schema, document.route), url };
      },
      transformObject: (document) => withoutUnused(jsonSchemaTransformObject(document)),
    });
    await app.register(fastifySwaggerUi, { routePrefix: "/docs", staticCSP: docsContentPolicy });
    app.get("/openapi.json", { schema: { hide: true } }, () => app.swagger());
  },
  { name: "openapi" },
);

// Each schema comes in two variants, what goes in and what comes out, and most are used in one direction only.
function withoutUnused<Document>(document: Document): Document {
  const { components } = document as { components?: { schemas?: Record<string, unknown> } };
  const schemas = components?.schemas ?? {};
  const text = JSON.stringify(document);
  const isUsed = ([name, schema]: [string, unknown]) => {
    const reference = `"#/components/schemas/${name}"`;
    // One that only refers to itself is not.
    return text.split(reference).length > JSON.stringify(schema).split(reference).length;
  };
  const used = Object.entries(schemas).filter(isUsed);
  const next = { ...document, components: { ...components, schemas: Object.fromEntries(used) } };
  // Schemas that only removed ones referred to are removed next.
  return used.length === Object.keys(schemas).length ? next : withoutUnused(next);
}
