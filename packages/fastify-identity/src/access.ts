import { type AssuranceLevel, parseScopes } from "@org/db-models";
import { z } from "zod";
import { OptionsError } from "./flows/options.js";

/** The kinds of credentials that a request can come with. */
const credentialKinds = ["session", "api_key", "access_token", "client"] as const;
export type CredentialKind = (typeof credentialKinds)[number];

/** Members of a requirement. */
export interface IdentityRequirementMembers {
  /** Scopes that an API key or access token needs, all of them. A session acts for its user, whatever the scope. */
  readonly scope?: string | readonly string[];
  /**
   * Kinds of credentials that are accepted; `client` is an access token of an app that acts for itself. Default: a session,
   * and with `scope` API keys and access tokens of users too.
   */
  readonly accept?: readonly CredentialKind[];
  /** Roles of which the session's user needs one. Sessions only. */
  readonly role?: string | readonly string[];
  /** Seconds since the user last proved who they are, at most. Sessions, and access tokens of users. */
  readonly within?: number;
  /**
   * Level that the proofs of the session must reach, those of the last `within` seconds if that is given: 2 for two
   * different factors. Sessions, and access tokens of users. Default, for sessions: 2 for users who must have a second factor (`secondFactor`), else 0.
   */
  readonly acr?: AssuranceLevel;
}

/** Requirement for the use of a route, of one member or more. Every given member must hold. */
export type IdentityRequirement = {
  [Member in keyof IdentityRequirementMembers]-?: Required<Pick<IdentityRequirementMembers, Member>> &
    IdentityRequirementMembers;
}[keyof IdentityRequirementMembers];

/** Access to a route: anybody, a session, or a requirement. */
export type IdentityAccess = "public" | "session" | IdentityRequirement;

/** A requirement as it was read. */
export interface Requirement {
  readonly accept: ReadonlySet<CredentialKind>;
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
  readonly withinMs: number | undefined;
  readonly acr: AssuranceLevel | undefined;
}

const texts = z
  .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
  .transform((value) => [value].flat());

const requirementSchema = z
  .strictObject({
    scope: texts.optional(),
    accept: z.array(z.enum(credentialKinds)).min(1).optional(),
    role: texts.optional(),
    within: z.number().positive().max(31_536_000).optional(),
    acr: z.literal([0, 1, 2]).optional(),
  })
  .refine((members) => Object.keys(members).length > 0, "must have a member")
  .refine(({ scope = [] }) => scope.every(isScope), { path: ["scope"], error: "must be scopes" })
  .transform(({ scope = [], accept, role = [], within, acr }) => ({
    scopes: scope,
    roles: role,
    acr,
    withinMs: within === undefined ? undefined : within * 1_000,
    accept: new Set<CredentialKind>(
      accept ?? (scope.length > 0 ? ["session", "api_key", "access_token"] : ["session"]),
    ),
  }))
  .superRefine(({ accept, scopes, roles, withinMs, acr }, context) => {
    const delegated = [...accept].some((kind) => kind !== "session");
    if (delegated && scopes.length === 0)
      context.addIssue({
        code: "custom",
        path: ["accept"],
        message: "API keys and access tokens need a scope",
      });
    const proofless = accept.has("api_key") || accept.has("client");
    const refused = {
      role: roles.length > 0 && delegated && 'is of sessions only: add accept: ["session"], or leave it out',
      within: withinMs !== undefined && proofless && ofUsers,
      acr: acr !== undefined && proofless && ofUsers,
    };
    for (const [name, message] of Object.entries(refused)) {
      if (message) context.addIssue({ code: "custom", path: [name], message });
    }
  });

const ofUsers =
  'is of sessions and of access tokens of users only: add accept: ["session", "access_token"], or leave it out';

function isScope(text: string): boolean {
  try {
    return parseScopes(text).length === 1;
  } catch {
    return false;
  }
}

const session: Requirement = {
  accept: new Set(["session"]),
  scopes: [],
  roles: [],
  withinMs: undefined,
  acr: undefined,
};

/**
 * Reads what a route declares.
 *
 * @returns `undefined` for a public route.
 * @throws OptionsError
 */
export function requirementOf(access: unknown, route: string): Requirement | undefined {
  if (access === "public") return undefined;
  if (access === "session") return session;
  const parsed = requirementSchema.safeParse(access);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => [...path, message].join(": "));
  throw new OptionsError(
    `Cannot guard ${route}: config.identity must be "public", "session" or a requirement. ${problems.join("; ")}`,
  );
}
