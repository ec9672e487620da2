import { grantTypes } from "@org/db-models/schemas";
import { z } from "zod";
import type { OAuthAnswer } from "../../http/answers/openapi-oauth.js";
import type { endpoints } from "../provider.js";

// Descriptions of the endpoints for the OpenAPI document. Requests are checked by the endpoints themselves, because the RFCs say how they fail.

const tags = ["oauth"];
const text = (max: number) => z.string().max(max);
const name = text(256);
const token = text(16_384);
const address = text(2_048);

/** The parameters by which a client shows who it is, where it sends no `Authorization: Basic`. */
const authentication = {
  client_id: name.optional(),
  client_secret: text(512).optional(),
  client_assertion_type: z.literal("urn:ietf:params:oauth:client-assertion-type:jwt-bearer").optional(),
  client_assertion: text(8_192).optional(),
};

const request = {
  response_type: z.literal("code"),
  redirect_uri: address.optional(),
  scope: text(2_048),
  state: text(2_048).optional(),
  code_challenge: z.string().length(43),
  code_challenge_method: z.literal("S256"),
  nonce: text(512).optional(),
  prompt: text(64).optional(),
  max_age: z
    .string()
    .regex(/^\d{1,9}$/)
    .optional(),
  acr_values: text(64).optional(),
  claims: text(2_048).optional(),
  login_hint: text(254).optional(),
  id_token_hint: token.optional(),
  ui_locales: text(64).optional(),
  response_mode: z.enum(["query", "form_post"]).optional(),
  resource: address.optional(),
  dpop_jkt: z.string().length(43).optional(),
};

const logoutRequest = z.looseObject({
  id_token_hint: token.optional(),
  client_id: name.optional(),
  post_logout_redirect_uri: address.optional(),
  state: text(2_048).optional(),
});

const tokenAnswer = z
  .object({
    access_token: z.string(),
    token_type: z.enum(["Bearer", "DPoP"]),
    expires_in: z.int().describe("Seconds"),
    scope: z.string(),
    refresh_token: z.string().optional(),
    id_token: z.string().optional(),
  })
  .meta({ id: "OAuthTokens" });

const introspection = z
  .looseObject({
    active: z.boolean(),
    scope: z.string().optional(),
    client_id: z.string().optional(),
    sub: z.string().optional(),
    aud: z.union([z.string(), z.array(z.string())]).optional(),
    iss: z.string().optional(),
    exp: z.int().optional(),
    iat: z.int().optional(),
    cnf: z.object({ jkt: z.string() }).optional(),
  })
  .meta({ id: "OAuthIntrospection" });

const deviceCodes = z
  .object({
    device_code: z.string(),
    user_code: z.string(),
    verification_uri: z.string(),
    verification_uri_complete: z.string(),
    expires_in: z.int(),
    interval: z.int(),
  })
  .meta({ id: "OAuthDeviceCodes" });

const keySet = z
  .object({ keys: z.array(z.looseObject({ kty: z.string(), kid: z.string() })) })
  .meta({ id: "OAuthKeySet" });
const userInfo = z.looseObject({ sub: z.string() }).meta({ id: "OAuthUserInfo" });
const metadata = z.looseObject({ issuer: z.string() }).meta({ id: "OAuthMetadata" });

const unavailable: Readonly<Record<number, OAuthAnswer>> = {
  429: { description: "`temporarily_unavailable`: too many requests; see `Retry-After`", as: ["error"] },
  500: { description: "`server_error`", as: ["error"] },
  503: { description: "`temporarily_unavailable`", as: ["error"] },
};
const ofPrograms = (errors: string): Readonly<Record<number, OAuthAnswer>> => ({
  400: { description: errors, as: ["error"] },
  401: { description: "`invalid_client`: the client has not shown who it is", as: ["error"] },
  413: { description: "`invalid_request`: the body is too large", as: ["error"] },
  ...unavailable,
});
/** People see a page; what fails before it can be made is for programs. */
const forPeople = (description: string): OAuthAnswer => ({ description, as: ["page", "error"] });
const ofBrowsers: Readonly<Record<number, OAuthAnswer>> = {
  303: { description: "To a page of this service, or to the app with its answer", as: [] },
  400: forPeople("For the user: nobody has shown where the app is"),
  413: forPeople("`invalid_request`: the body is too large"),
  431: { description: "The address is too long", as: [] },
  429: forPeople("Too many requests; see `Retry-After`"),
  500: forPeople("The service failed"),
  503: forPeople("The service can't answer now; see `Retry-After`"),
};

/** Client authentication by header, or by parameters of the body. */
const byClient = [{ client: [] }, {}];
const consumes = ["application/x-www-form-urlencoded"];

/** A route of the provider: no guard, and what the document says of it. Who acts for a user may come with it to an app. */
const described = (schema: object, oauthAnswers: Readonly<Record<number, OAuthAnswer>>) => ({
  config: { identity: "public" as const, impersonated: true, oauthAnswers },
  schema: { tags, ...schema },
});

/** Counted by no limit: what these cost is less than the counting. */
const uncounted = <T extends ReturnType<typeof described>>(description: T) => ({
  ...description,
  config: { ...description.config, rateLimit: false as const },
});

const page = { 200: { content: { "text/html": { schema: z.string() } } } };

/** What the document says of each endpoint, by GET or by POST. */
export const descriptions = {
  keys: uncounted(
    described(
      { summary: "Public keys that tokens are signed with (RFC 7517)", response: { 200: keySet } },
      unavailable,
    ),
  ),
  metadata: described(
    {
      summary: "What this provider can do (RFC 8414, OpenID Connect Discovery)",
      response: { 200: metadata },
    },
    unavailable,
  ),
  authorize: described(
    {
      summary: "Ask a user to sign in, and to let an app act (RFC 6749 section 3.1)",
      description: "Other errors go to the app's redirect URI, as `error`.",
      querystring: z.looseObject({ client_id: name, ...request, request_uri: address.optional() }).partial({
        response_type: true,
        scope: true,
        code_challenge: true,
        code_challenge_method: true,
      }),
      response: page,
    },
    ofBrowsers,
  ),
  authorizeByPost: described(
    {
      summary: "The same by a form",
      consumes,
      body: z.looseObject({ client_id: name, ...request }),
      response: page,
    },
    ofBrowsers,
  ),
  logout: described(
    {
      summary: "Sign out at the wish of an app (OpenID Connect RP-Initiated Logout)",
      querystring: logoutRequest,
      response: page,
    },
    ofBrowsers,
  ),
  logoutByPost: described(
    { summary: "The same by a form", consumes, body: logoutRequest, response: page },
    ofBrowsers,
  ),
  token: described(
    {
      summary:
        "Get tokens for a code, a refresh token, a device code or the app itself (RFC 6749 section 3.2)",
      consumes,
      security: byClient,
      body: z.looseObject({
        ...authentication,
        grant_type: z.enum(grantTypes),
        code: token.optional(),
        redirect_uri: address.optional(),
        code_verifier: z.string().min(43).max(128).optional(),
        refresh_token: token.optional(),
        device_code: token.optional(),
        scope: text(2_048).optional(),
        resource: address.optional(),
      }),
      response: { 200: tokenAnswer },
    },
    ofPrograms(
      "`invalid_request`, `invalid_grant`, `invalid_scope`, `invalid_target`, `unauthorized_client`, `unsupported_grant_type`, " +
        "`invalid_dpop_proof`, `use_dpop_nonce`, `authorization_pending`, `slow_down`, `access_denied`, `expired_token`",
    ),
  ),
  revoke: described(
    {
      summary: "Revoke a token (RFC 7009)",
      description: "The answer is the same for a token that is unknown.",
      consumes,
      security: byClient,
      body: z.looseObject({ ...authentication, token, token_type_hint: text(64).optional() }),
      response: { 200: z.object({}) },
    },
    ofPrograms("`invalid_request`"),
  ),
  introspect: described(
    {
      summary: "Ask what a token stands for (RFC 7662)",
      consumes,
      security: [{ client: [] }, {}],
      body: z.looseObject({ ...authentication, token, token_type_hint: text(64).optional() }),
      response: { 200: introspection },
    },
    ofPrograms("`invalid_request`"),
  ),
  push: described(
    {
      summary: "Push an authorization request (RFC 9126)",
      consumes,
      security: byClient,
      body: z.looseObject({ ...authentication, ...request }),
      response: { 201: z.object({ request_uri: z.string(), expires_in: z.int() }) },
    },
    ofPrograms("The errors of the authorization endpoint"),
  ),
  device: described(
    {
      summary: "Get codes for a device (RFC 8628)",
      consumes,
      security: byClient,
      body: z.looseObject({
        ...authentication,
        scope: text(2_048).optional(),
        resource: address.optional(),
      }),
      response: { 200: deviceCodes },
    },
    ofPrograms("`invalid_request`, `invalid_scope`, `invalid_target`, `unauthorized_client`"),
  ),
  userInfo: described(
    {
      summary: "Claims of the user that an access token is for (OpenID Connect Core section 5.3)",
      security: [{ bearer: [] }],
      response: { 200: userInfo },
    },
    {
      400: { description: "`invalid_request`", as: ["error"] },
      401: { description: "`invalid_token`, or no token", as: ["error"] },
      403: { description: "`insufficient_scope`: the token has no scope `openid`", as: ["error"] },
      413: { description: "`invalid_request`: the body is too large", as: ["error"] },
      ...unavailable,
    },
  ),
} satisfies Record<keyof typeof endpoints | "metadata" | "authorizeByPost" | "logoutByPost", object>;
