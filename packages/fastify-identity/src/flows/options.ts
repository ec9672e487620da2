import type { Identity } from "@org/db-models";
import { type Policy, policySchema, presets } from "@org/risk-engine";
import { z } from "zod";
import { boundedTrail } from "./audit.js";
import type { AuditTrail, FlowContext, NetworkKnowledge, SecondFactorRule } from "./context.js";
import type { IdentityHooks } from "./hooks.js";
import { Background } from "./notices/background.js";
import type { Notifier } from "./notices/notice.js";
import { type IdentityProvider, providersSchema } from "./sign-in/providers.js";
import { RequestRates } from "./sign-in/request-rates.js";

/** Options of flows. */
export interface FlowOptions {
  /** The operations of @org/db-models, from `openIdentity` or `createIdentity`. The caller closes it. */
  readonly identity: Identity;
  /** Takes codes, tokens and alerts to people. */
  readonly notifier: Notifier;
  /** How sign-ins and sessions are judged: a preset of @org/risk-engine, a policy, or `off`. Default: `balanced`. */
  readonly riskPolicy?: "off" | keyof typeof presets | Policy;
  /**
   * Who must have a second factor. Sessions of others than those are refused by guards until they enrolled one. Default:
   * `enrolled`, who has one is asked for it.
   */
  readonly secondFactor?: SecondFactorRule;
  /** Providers with which people can sign in, from `@org/fastify-identity/providers`. Default: none. */
  readonly providers?: readonly IdentityProvider[];
  /**
   * Where it is recorded who did what. One that fails, or takes longer than `auditTimeoutMs`, is `AUDIT_NOT_WRITTEN`. Default:
   * the audit trail of the database.
   */
  readonly auditTrail?: AuditTrail;
  /** Source of facts about networks, such as lists of VPNs; while it fails nothing is known of them. Default: none. */
  readonly networks?: NetworkKnowledge;
  /** Functions of the application around sign-ins. Default: none. */
  readonly hooks?: IdentityHooks;
  /** Time for each function of the application's that a request waits for, such as a hook, milliseconds, 10 to 30,000. Default: 2,000. */
  readonly hookTimeoutMs?: number;
  /**
   * Time for `auditTrail` to record an event, milliseconds, 10 to 120,000. Default: 15,000, because the trail of the database
   * waits for a majority of its members for ten seconds.
   */
  readonly auditTimeoutMs?: number;
  /** Time for the notifier to take a notice, milliseconds, 10 to 120,000. Default: 10,000. */
  readonly noticeTimeoutMs?: number;
  /** How long after a sign-in security settings can be changed, milliseconds. Default: 900,000. */
  readonly recentAuthenticationMs?: number;
}

/** Options that can't be used. The message names each with its path and never shows a value. */
export class OptionsError extends TypeError {
  override readonly name = "OptionsError";
  readonly code = "INVALID_OPTIONS";
}

type AnyFunction = (...args: never[]) => unknown;

const isFunction = (value: unknown) => typeof value === "function";

/** A function of the caller's. */
export const functionOption = <F extends AnyFunction>() => z.custom<F>(isFunction, "must be a function");

/** An object of the caller's with these methods. */
export const objectOption = <T extends object>(...methods: readonly string[]) =>
  z.custom<T>(
    (value) =>
      typeof value === "object" &&
      value !== null &&
      methods.every((method) => isFunction((value as Record<string, unknown>)[method])),
    `must be an object with ${methods.map((method) => `${method}()`).join(", ")}`,
  );

const identityOption = z.custom<Identity>(
  (value) => isFunction((value as Partial<Identity> | undefined)?.sessions?.validate),
  "must be what openIdentity or createIdentity of @org/db-models returns",
);

const nothingKnown: NetworkKnowledge = { flagsOf: () => [], isSuspect: () => false };

/** The options of flows, with their bounds and defaults. */
export const flowOptionsSchema = z.strictObject({
  identity: identityOption,
  notifier: objectOption<Notifier>("send"),
  riskPolicy: z
    .union(
      [z.enum(["off", "relaxed", "balanced", "strict"]), policySchema],
      "must be off, relaxed, balanced, strict or a policy",
    )
    .default("balanced")
    .transform((policy): Policy | undefined =>
      policy === "off" ? undefined : typeof policy === "string" ? presets[policy] : policy,
    ),
  secondFactor: z
    .union(
      [
        z.enum(["enrolled", "always"]),
        z.strictObject({ roles: z.array(z.string().min(1).max(64)).min(1).max(32) }),
      ],
      "must be enrolled, always or { roles }",
    )
    .default("enrolled"),
  providers: providersSchema,
  auditTrail: functionOption<AuditTrail>().optional(),
  networks: objectOption<NetworkKnowledge>("flagsOf", "isSuspect").default(nothingKnown),
  hooks: z
    .strictObject({
      onRegister: functionOption<NonNullable<IdentityHooks["onRegister"]>>().optional(),
      onSignIn: functionOption<NonNullable<IdentityHooks["onSignIn"]>>().optional(),
      onSessionOpened: functionOption<NonNullable<IdentityHooks["onSessionOpened"]>>().optional(),
      onRiskDenied: functionOption<NonNullable<IdentityHooks["onRiskDenied"]>>().optional(),
    })
    .default({}),
  hookTimeoutMs: z.int().min(10).max(30_000).default(2_000),
  auditTimeoutMs: z.int().min(10).max(120_000).default(15_000),
  noticeTimeoutMs: z.int().min(10).max(120_000).default(10_000),
  recentAuthenticationMs: z.int().min(1_000).max(86_400_000).default(900_000),
});

/**
 * Reads options by their schema.
 *
 * @throws OptionsError with every path that is wrong.
 */
export function readOptions<T extends z.ZodType>(schema: T, options: unknown): z.output<T> {
  const parsed = schema.safeParse(options);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues
    .flatMap((issue) => innermost(issue))
    .map((issue) => {
      const path = issue.path.join(".") || "options";
      return issue.code === "unrecognized_keys"
        ? `${path}: unknown ${issue.keys.join(", ")}`
        : `${path}: ${issue.message}`;
    });
  throw new OptionsError(`Cannot use the options. ${problems.join("; ")}`);
}

/** Of an option that takes several kinds of values, what is wrong within the one whose members were given. */
function innermost(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  if (issue.code !== "invalid_union") return [issue];
  const [within, ...others] = issue.errors.filter((errors) => errors.every(({ path }) => path.length > 0));
  if (!within || others.length > 0) return [issue];
  return within.flatMap((inner) => innermost({ ...inner, path: [...issue.path, ...inner.path] }));
}

/**
 * The context of flows, from parsed options.
 *
 * @throws OptionsError where people must have a second factor and can add none.
 */
export function contextOf(options: z.output<typeof flowOptionsSchema>): FlowContext {
  const { identity, auditTrail, auditTimeoutMs, hooks, ...rest } = options;
  if (rest.secondFactor !== "enrolled" && identity.factors.kinds.length === 0) {
    throw new OptionsError(
      "Cannot use the options. secondFactor: takes sealKeys or factors.passkeys of the identity object, so that people can add one",
    );
  }
  return {
    ...rest,
    identity,
    hooks: hooks as IdentityHooks,
    clock: identity.clock,
    auditTrail: auditTrail ? boundedTrail(auditTrail, auditTimeoutMs) : identity.audit.append,
    requestRates: new RequestRates(),
    background: new Background(),
  };
}
