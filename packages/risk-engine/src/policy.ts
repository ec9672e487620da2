import { z } from "zod";
import { RiskError } from "./errors.js";

/** How an attempt, or a live session, is judged. `unscored`: too little is known of the user to give a score. */
export type RiskLevel = "unscored" | "low" | "medium" | "high";

/** What to do with it. `challenge`: ask for a second factor. */
export type RiskAction = "allow" | "challenge" | "deny";

const action = z.enum(["allow", "challenge", "deny"]);
const logOdds = (byDefault: number, description: string) =>
  z.number().min(0).max(10).default(byDefault).describe(`${description}, log-odds`);
const weight = (byDefault: number, description: string) =>
  z.number().min(0).max(5).default(byDefault).describe(description);
const share = (byDefault: number, description: string) =>
  z.number().min(0.0001).max(1).default(byDefault).describe(description);
const positive = (byDefault: number, description: string) =>
  z.number().positive().max(1e9).default(byDefault).describe(description);

// `{}` as what a missing group is read from, so that every default stands in one place.
const group = <T extends z.ZodRawShape>(shape: T, description: string) =>
  z
    .strictObject(shape)
    .prefault({} as never)
    .describe(description);

const flag = (attackers: number, people: number, name: string) =>
  group(
    {
      attackers: share(attackers, `Share of attackers who come through ${name}`),
      people: share(people, `Share of legitimate sign-ins that come through ${name}`),
    },
    `Addresses of ${name}`,
  );

const core = group(
  {
    concentration: z
      .number()
      .min(0.01)
      .max(100)
      .default(1)
      .describe("Sign-ins that the population's shares count for beside the user's own"),
    bound: logOdds(6, "The most that one level says before its weight, either way"),
    activity: weight(1, "Weight of how much of the user is known, against the mean of all users"),
    ip: weight(0.05, "Weight of the address"),
    prefix: weight(0.5, "Weight of the /24 or /64"),
    asn: weight(0.35, "Weight of the network operator"),
    country: weight(0.2, "Weight of the country"),
    userAgent: weight(0.6, "Weight of the header without its versions"),
    browser: weight(0.75, "Weight of the browser; a version that is not older than the known one matches"),
    os: weight(0.05, "Weight of the operating system"),
    deviceType: weight(0.05, "Weight of the type of device"),
  },
  "The statistical core: weights of the logarithms of the likelihood ratios of each level",
);

const rules = {
  device: group(
    {
      known: logOdds(3, "What a device's cookie that is known takes off"),
      unknown: logOdds(3, "The most that a missing or unknown cookie adds once the user has known ones"),
    },
    "Cookies that name a device",
  ),
  travel: group(
    {
      maxKmPerHour: positive(900, "Faster than this nobody travels, km/h: an airliner's cruise"),
      minDistanceKm: positive(100, "Nearer than this is within the error of address databases, km"),
      impossible: logOdds(3, "What impossible travel adds at twice the limit; half of it at the limit"),
    },
    "Distance and time since the last sign-in whose place could be trusted",
  ),
  rhythm: group(
    {
      minimumLogins: positive(
        8,
        "Sign-ins (against the attempt: at other times) below which hour and weekday say nothing",
      ),
      surprise: share(0.1, "Share of sign-ins that keep to no rhythm: bounds what an odd hour adds"),
      hour: weight(0.9, "Weight of the hour of the day"),
      weekday: weight(0.1, "Weight of the day of the week"),
    },
    "Hour and weekday, by circular statistics",
  ),
  failures: group(
    {
      account: positive(3, "Failed sign-ins of an account in an hour above which they count"),
      network: positive(10, "Failed sign-ins from a network in an hour above which they count"),
      perUser: z
        .number()
        .min(0)
        .max(100)
        .default(0.5)
        .describe("What each user of a network adds to its limit"),
      perDoubling: logOdds(0.7, "What each doubling beyond a limit adds"),
      most: logOdds(2.5, "The most that failures add: anybody can cause them, so never a denial alone"),
    },
    "Failed sign-ins before this one",
  ),
  flags: group(
    {
      maxAgeDays: positive(7, "A list older than this counts for nothing, days"),
      most: logOdds(4, "The most that one flag adds"),
      tor: flag(0.06, 0.001, "Tor"),
      vpn: flag(0.15, 0.03, "VPNs"),
      proxy: flag(0.15, 0.01, "open proxies"),
      hosting: flag(0.25, 0.02, "hosting companies"),
      listed: flag(0.3, 0.005, "lists of attackers"),
    },
    "What lists say of the address, against what is usual for this user",
  ),
  automation: group(
    {
      attackers: share(0.2, "Share of attacks by programs that can be told"),
      people: share(0.005, "Share of legitimate sign-ins by such programs"),
      most: logOdds(4, "The most that it adds"),
    },
    "Programs instead of people, against what is usual for this user",
  ),
  dormancy: group(
    {
      afterDays: positive(90, "Days without a sign-in after which an account is dormant"),
      perDoubling: logOdds(0.4, "What this time adds, and each doubling of it"),
      most: logOdds(1.5, "The most that it adds"),
    },
    "Accounts that nobody has used for long",
  ),
  concurrent: group(
    {
      activeMinutes: positive(60, "A session that was used within this time is live, minutes"),
      distant: logOdds(2, "What a live session adds that is too far away to be the same person's"),
    },
    "Live sessions of the same account elsewhere",
  ),
  requests: group(
    {
      ratio: positive(4, "Times the usual rate above which calls count"),
      floor: positive(30, "Calls per minute below which nothing is unusual"),
      perDoubling: logOdds(0.5, "What each doubling beyond that adds"),
      most: logOdds(2, "The most that it adds"),
    },
    "Calls of the account's programs",
  ),
  leakedPassword: logOdds(1.5, "What a password adds that is known to have leaked"),
  feedback: group(
    {
      days: positive(90, "Feedback older than this counts for nothing, days"),
      mine: logOdds(1, "What 'this was me' about the same network or device takes off"),
      notMine: logOdds(4, "What 'this was not me' about the same network or device adds"),
    },
    "What the person said of earlier sign-ins, from another session",
  ),
};

const session = group(
  {
    prefix: logOdds(0.3, "What another network of the same operator adds"),
    asn: logOdds(1.2, "What another network operator adds"),
    country: logOdds(2.5, "What another country adds"),
    device: logOdds(3, "What another device adds; an update of the browser is none"),
    downgrade: logOdds(1.5, "What an older version of the browser adds"),
    flagged: logOdds(1.5, "What an anonymous or listed address adds that the session did not begin with"),
    requestRatio: positive(5, "Times the usual rate of requests above which they count"),
    requestFloor: positive(60, "Requests per minute below which nothing is unusual"),
    requestDoubling: logOdds(0.6, "What each doubling beyond that adds"),
    requestMost: logOdds(2.5, "The most that requests add"),
    endpointFloor: positive(5, "Endpoints that are new for the user, below which they do not count"),
    endpointDoubling: logOdds(0.4, "What each doubling beyond that adds"),
    endpointMost: logOdds(1.5, "The most that endpoints add"),
    ageHours: positive(24, "Age of a session above which it counts, hours"),
    ageDoubling: logOdds(0.2, "What each doubling beyond that adds"),
    ageMost: logOdds(1, "The most that age adds"),
  },
  "Live sessions: what has changed since they began",
);

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
export type Policy = z.output<typeof policySchema>;

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
