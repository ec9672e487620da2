import type {
  ActiveSession,
  AssuranceLevel,
  AuthenticatedClient,
  CheckedRequest,
  RequestingApp,
} from "@org/db-models";
import { limits } from "@org/db-models/core";
import type { Parameters } from "./endpoints/parameters.js";
import { cannotSign, canSignFor, type Provider } from "./provider.js";
import { essentialAcr, readClaims, wantedSubject } from "./tokens/claims.js";

const responseModes = ["query", "form_post"] as const;
type ResponseMode = (typeof responseModes)[number];
const prompts = ["none", "login", "consent", "select_account"] as const;
type Prompt = (typeof prompts)[number];

/** Where an answer goes, with what every answer carries. */
export interface AnswerPlace {
  readonly redirectUri: string;
  readonly responseMode: ResponseMode;
  readonly state: string | undefined;
}

/** The errors of an authorization endpoint (RFC 6749 section 4.1.2.1, OpenID Connect Core section 3.1.2.6). */
export type AnswerError =
  | "invalid_request"
  | "unauthorized_client"
  | "access_denied"
  | "unsupported_response_type"
  | "invalid_scope"
  | "invalid_target"
  | "login_required"
  | "consent_required"
  | "interaction_required"
  | "request_not_supported"
  | "request_uri_not_supported"
  | "unmet_authentication_requirements";

/** An authorization request that can be decided. */
export interface ReadRequest extends AnswerPlace {
  readonly parameters: Parameters;
  readonly app: RequestingApp;
  readonly client: AuthenticatedClient;
  readonly scopes: readonly string[];
  readonly audiences: readonly string[] | undefined;
  readonly prompts: ReadonlySet<Prompt>;
  readonly maxAgeMs: number | undefined;
  /** Level that the session should reach, and the ones of which it must have one; none for no such demand. */
  readonly acr: { readonly level: AssuranceLevel; readonly accepted: readonly AssuranceLevel[] } | "unmet";
  readonly claims: string | undefined;
  readonly nonce: string | undefined;
  readonly loginHint: string | undefined;
  /** Whom the request is about. */
  readonly subject: string | undefined;
  readonly dpopKey: string | undefined;
}

export type Reading =
  | { readonly kind: "read"; readonly request: ReadRequest }
  /** To be told to the client, at the redirect URI. */
  | {
      readonly kind: "refused";
      readonly place: AnswerPlace;
      readonly error: AnswerError;
      readonly description: string;
    }
  /** To be told to the user: nobody has shown where the client is. */
  | { readonly kind: "nowhere"; readonly reason: "client" | "redirect_uri" };

/** Reads the parameters of an authorization request. */
export async function readRequest(provider: Provider, parameters: Parameters): Promise<Reading> {
  const clientId = parameters.one("client_id");
  if (clientId === undefined) return { kind: "nowhere", reason: "client" };
  if (parameters.all("redirect_uri").length > 1) return { kind: "nowhere", reason: "redirect_uri" };
  const check = await provider.service.identity.oauth.checkRequest({
    clientId,
    redirectUri: parameters.one("redirect_uri"),
    responseType: parameters.one("response_type"),
    scope: parameters.one("scope"),
    codeChallenge: parameters.one("code_challenge"),
    codeChallengeMethod: parameters.one("code_challenge_method"),
    resources: parameters.all("resource"),
  });
  if (!check.ok && !check.redirect) {
    return { kind: "nowhere", reason: check.reason === "unknown_client" ? "client" : "redirect_uri" };
  }
  const mode = parameters.one("response_mode");
  const place: AnswerPlace = {
    redirectUri: check.redirectUri ?? "",
    responseMode: mode === "form_post" ? mode : "query",
    state: parameters.one("state"),
  };
  const refuse = (error: AnswerError, description: string) =>
    ({ kind: "refused", place, error, description }) as const;
  const fault = faultOf(parameters);
  if (fault) return refuse(...fault);
  if (!check.ok) return refuse(check.reason, check.description);
  if (!canSignFor(provider, check.client)) return refuse("unauthorized_client", cannotSign);
  const details = await readDetails(provider, parameters);
  if (typeof details === "string") return refuse("invalid_request", details);
  return { kind: "read", request: { ...place, ...details, ...checked(check), parameters } };
}

function checked({ app, client, scopes, audiences }: CheckedRequest) {
  return { app, client, scopes, audiences };
}

function faultOf(parameters: Parameters): readonly [AnswerError, string] | undefined {
  if (parameters.fault !== undefined) return ["invalid_request", parameters.fault];
  if (JSON.stringify(parameters.toRecord()).length > limits.requestParameters) {
    return ["invalid_request", "the request is too long"];
  }
  if (parameters.has("request")) return ["request_not_supported", "request is not supported"];
  if (parameters.has("request_uri")) return ["request_uri_not_supported", "request_uri is not one of ours"];
  const mode = parameters.one("response_mode");
  if (mode !== undefined && !responseModes.some((one) => one === mode)) {
    return ["invalid_request", "response_mode must be query or form_post"];
  }
  return undefined;
}

const thumbprint = /^[\w-]{43}$/;

type Details = Omit<
  ReadRequest,
  keyof AnswerPlace | "parameters" | "app" | "client" | "scopes" | "audiences"
>;

/** The parameters of OpenID Connect; a text says what is wrong with them. */
async function readDetails(provider: Provider, parameters: Parameters): Promise<Details | string> {
  const asked = (parameters.one("prompt") ?? "").split(" ").filter(Boolean);
  if (asked.some((one) => !prompts.some((prompt) => prompt === one))) return "prompt has an unknown value";
  if (asked.includes("none") && asked.length > 1) return "prompt none goes with no other";
  const maxAge = parameters.one("max_age");
  if (maxAge !== undefined && !/^\d{1,9}$/.test(maxAge)) return "max_age must be a whole number of seconds";
  const claims = parameters.one("claims");
  const read = claims === undefined ? {} : readClaims(claims);
  if (!read || (claims?.length ?? 0) > limits.claims) return "claims is malformed or too long";
  const nonce = parameters.one("nonce");
  if ((nonce?.length ?? 0) > limits.nonce) return "nonce is too long";
  const dpopKey = parameters.one("dpop_jkt");
  if (dpopKey !== undefined && !thumbprint.test(dpopKey)) return "dpop_jkt must be a thumbprint";
  const hint = parameters.one("id_token_hint");
  const hinted = hint === undefined ? undefined : await provider.keys.verify(hint, "jwt");
  if (hint !== undefined && (hinted?.iss !== provider.issuer || hinted.sub === undefined)) {
    return "id_token_hint is no id_token of ours";
  }
  return {
    prompts: new Set(asked as Prompt[]),
    maxAgeMs: maxAge === undefined ? undefined : Number(maxAge) * 1_000,
    acr: acrOf(essentialAcr(read), (parameters.one("acr_values") ?? "").split(" ")),
    claims,
    nonce,
    loginHint: parameters.one("login_hint"),
    subject: hinted?.sub ?? wantedSubject(read),
    dpopKey,
  };
}

const levels: ReadonlyMap<string, AssuranceLevel> = new Map([
  ["0", 0],
  ["1", 1],
  ["2", 2],
]);
const known = (values: readonly string[]) => values.flatMap((value) => levels.get(value) ?? []);

/** The first value that we know, in the order of preference; where one must be met and we know none, it never is. */
function acrOf(essential: readonly string[], voluntary: readonly string[]): ReadRequest["acr"] {
  if (essential.length === 0) return { level: known(voluntary)[0] ?? 0, accepted: [] };
  const accepted = known(essential);
  const [level] = accepted;
  return level === undefined ? "unmet" : { level, accepted };
}

/** The level that tokens tell of: the highest that the session has of those that must be met (Core section 5.5.1.1). */
export function acrFor({ acr }: ReadRequest, session: Pick<ActiveSession, "acr">): AssuranceLevel {
  const met = acr === "unmet" ? [] : acr.accepted.filter((level) => level <= session.acr);
  return met.length === 0 ? session.acr : (Math.max(...met) as AssuranceLevel);
}

const loopback = /^http:\/\/(127\.0\.0\.1|\[::1\]|localhost)[:/]/;

/**
 * Whether the user is asked each time: an app on a device shows by its address that it is itself only where that address is
 * https (RFC 8252 section 8.6).
 */
export function asksAlways({ client, redirectUri, prompts: asked }: ReadRequest): boolean {
  const isNative = client.type === "public" && (!/^https?:/.test(redirectUri) || loopback.test(redirectUri));
  return isNative || asked.has("consent") || asked.has("select_account");
}
