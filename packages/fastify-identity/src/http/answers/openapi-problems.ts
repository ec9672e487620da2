import type { FastifySchema, RouteOptions } from "fastify";
import type {} from "../../app-identity.js";
import { type ProblemCode, problemCodes } from "../../flows/problems.js";
import { oauthResponses } from "./openapi-oauth.js";

type DescribedRoute = Pick<RouteOptions, "method" | "config">;

/** Adds to a route's schema what the route does not have to say itself: its security and its error answers. */
export function describeProblems(schema: FastifySchema, route: DescribedRoute): FastifySchema {
  // A member of @fastify/swagger, which not every app has.
  if ("hide" in schema && schema.hide) return schema;
  const { oauthAnswers } = route.config ?? {};
  if (oauthAnswers) {
    return {
      ...schema,
      response: { ...(schema.response as object | undefined), ...oauthResponses(oauthAnswers) },
    };
  }
  const { secured, byKey } = guardOf(route);
  return {
    ...schema,
    ...(secured && { security: [{ cookie: [] }, { bearer: [] }, ...(byKey ? [{ apiKey: [] }] : [])] }),
    response: { ...(schema.response as object | undefined), ...problemResponses(codesOf(schema, route)) },
  };
}

/** Problems of a route that accepts API keys. */
const keyCodes: readonly ProblemCode[] = [
  "API_KEY_INVALID",
  "ACCESS_TOKEN_INVALID",
  "INSUFFICIENT_SCOPE",
  "ADDRESS_NOT_ALLOWED",
  "USER_NOT_ACTIVE",
  "QUOTA_EXHAUSTED",
];

/** Problems of any route, whatever it does: of a request that can't be read, and of a service that can't answer. */
const commonCodes: readonly ProblemCode[] = [
  "MALFORMED_REQUEST",
  "HEADERS_TOO_LARGE",
  "DATABASE_UNREACHABLE",
  "DATABASE_REFUSED",
  "TIMED_OUT",
  "NOT_READY",
];

/** Problems of a body, also of one that the route does not ask for. */
const bodyCodes: readonly ProblemCode[] = ["BODY_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE"];

interface Guarded {
  readonly secured: boolean;
  readonly byKey: boolean;
  /** Problems of what is asked of a session. */
  readonly ofSession: readonly ProblemCode[];
}

function guardOf({ config }: DescribedRoute): Guarded {
  const { identity } = config ?? {};
  if (identity === undefined || identity === "public") return { secured: false, byKey: false, ofSession: [] };
  const { scope, within, acr, role } = identity === "session" ? {} : identity;
  return {
    secured: true,
    byKey: scope !== undefined,
    ofSession: [
      ...(acr === 0 ? [] : (["SECOND_FACTOR_REQUIRED"] as const)),
      ...(within === undefined ? [] : (["RECENT_AUTHENTICATION_REQUIRED"] as const)),
      ...(role === undefined ? [] : (["INSUFFICIENT_ROLE"] as const)),
    ],
  };
}

function codesOf(schema: FastifySchema, route: DescribedRoute): ProblemCode[] {
  const { method, config } = route;
  const { secured, byKey, ofSession } = guardOf(route);
  const unsafe = [method].flat().some((one) => one !== "GET" && one !== "HEAD");
  const takesInput = Boolean(schema.body || schema.params || schema.querystring);
  return [
    // Of others, such as a check of the process, only they know what they do.
    ...(config?.identity === undefined ? [] : commonCodes),
    ...(takesInput ? (["INVALID_INPUT"] as const) : []),
    ...(schema.params ? (["URI_TOO_LONG"] as const) : []),
    ...(unsafe ? bodyCodes : []),
    // A key or an access token may not be used where only sessions are taken.
    ...(secured ? (["SESSION_REQUIRED", "SESSION_INVALID", "CREDENTIAL_NOT_ACCEPTED"] as const) : []),
    ...ofSession,
    ...(byKey ? keyCodes : []),
    ...(config?.impersonated === false ? (["IMPERSONATED"] as const) : []),
    ...(unsafe ? (["CROSS_ORIGIN"] as const) : []),
    ...(config?.identityProblems ?? []),
    ...(config?.rateLimit === false ? [] : (["RATE_LIMITED"] as const)),
    "INTERNAL",
  ];
}

function problemResponses(codes: readonly ProblemCode[]): Record<string, unknown> {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of new Set(codes)) {
    const [status] = problemCodes[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const content = { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } };
  return Object.fromEntries(
    [...byStatus].map(([status, list]) => [status, { description: describe(list), content }]),
  );
}

function describe(codes: readonly ProblemCode[]): string {
  return codes.map((code) => `\`${code}\`: ${problemCodes[code][1]}`).join(". ");
}
