import { z } from "zod";
import { RiskError } from "./errors.js";
import { core, group, rules, session } from "./policy-parts.js";

/** How an attempt, or a live session, is judged. `unscored`: too little is known of the user to give a score. */
export type RiskLevel = "unscored" | "low" | "medium" | "high";

/** Action for a sign-in. `challenge`: ask for a second factor. */
export type RiskAction = "allow" | "challenge" | "deny";

const action = z.enum(["allow", "challenge", "deny"]);
/**
 * Every weight, threshold and limit of the engine. A log-odds of 0.7 doubles the odds of an attack, 2.3 makes ten of
 * one. The defaults are the preset `balanced`.
 */
export const policySchema = z
  .strictObject({
    prior: z
      .number()
      .min(-15)
      .max(5)
      .default(-5.4)
      .describe(
        "Log-odds that an attempt is an attack before anything is known of it; with -5.4 scores fit one in a hundred",
      ),
    thresholds: group(
      {
        medium: z.number().min(0).max(100).default(3.5).describe("Score from which the level is medium"),
        high: z.number().min(0).max(100).default(95).describe("Score from which the level is high"),
      },
      "Where the levels begin",
    ),
    actions: group(
      {
        unscored: action.default("allow").describe("What is done when too little is known of the user"),
        low: action.default("allow").describe("What is done at low risk"),
        medium: action.default("challenge").describe("What is done at medium risk"),
        high: action.default("deny").describe("What is done at high risk"),
      },
      "What follows from each level",
    ),
    minimumLogins: z
      .number()
      .int()
      .min(1)
      .max(1_000)
      .default(1)
      .describe("Sign-ins that must have been learnt before there is a score"),
    learning: group(
      {
        levels: z
          .array(z.enum(["unscored", "low", "medium", "high"]))
          .default(["unscored", "low"])
          .describe("Levels at which a sign-in is learnt without a second factor"),
        halfLifeDays: z
          .number()
          .min(1)
          .max(3_650)
          .default(120)
          .describe("Time after which a sign-in counts half, days"),
      },
      "What a profile takes up, and how it forgets",
    ),
    core,
    ...rules,
    session,
  })
  .refine(({ thresholds }) => thresholds.medium <= thresholds.high, {
    path: ["thresholds"],
    message: "medium must not be above high",
  });

/** A policy as people write it: what is left out has its default. */
export type PolicyInput = z.input<typeof policySchema>;
/** A policy with everything filled in. */
export interface Policy extends z.output<typeof policySchema> {}

/**
 * @throws {RiskError} `INVALID_POLICY`, naming each path that is wrong.
 */
export function parsePolicy(policy: PolicyInput): Policy {
  const parsed = policySchema.safeParse(policy);
  if (parsed.success) return deepFreeze(parsed.data);
  const issues = parsed.error.issues.map(({ path, message }) => `${path.join(".") || "policy"}: ${message}`);
  throw new RiskError("INVALID_POLICY", `The policy is wrong: ${issues.join("; ")}`);
}

/**
 * `balanced` asks about one legitimate sign-in in twenty for a second factor, and refuses at high risk; `strict` asks one
 * in ten, and everybody whom it does not know; `relaxed` asks one in fifty, and refuses nobody. The shares are those of
 * generated worlds: find your own with {@link calibrate}.
 */
export const presets: Readonly<Record<"balanced" | "strict" | "relaxed", Policy>> = {
  balanced: parsePolicy({}),
  strict: parsePolicy({
    thresholds: { medium: 1.6, high: 85 },
    actions: { unscored: "challenge" },
    minimumLogins: 3,
    learning: { levels: ["low"] },
  }),
  relaxed: parsePolicy({
    thresholds: { medium: 6, high: 95 },
    actions: { high: "challenge" },
    learning: { levels: ["unscored", "low", "medium"] },
  }),
};

const parsedPolicies = new WeakMap<object, Policy>(
  Object.values(presets).map((policy) => [policy, policy] as const),
);

/**
 * The policy with its defaults. An object is read once and remembered, so that a policy may be handed to every call.
 *
 * @throws {RiskError} `INVALID_POLICY`
 */
export function resolvePolicy(policy: PolicyInput | undefined): Policy {
  if (policy === undefined) return presets.balanced;
  const known = typeof policy === "object" && policy !== null ? parsedPolicies.get(policy) : undefined;
  if (known) return known;
  const parsed = parsePolicy(policy);
  parsedPolicies.set(policy, parsed);
  parsedPolicies.set(parsed, parsed);
  return parsed;
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value))
    if (typeof inner === "object" && inner !== null) deepFreeze(inner);
  return Object.freeze(value);
}
