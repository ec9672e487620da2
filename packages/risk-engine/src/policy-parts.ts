import { z } from "zod";

const logOdds = (byDefault: number, description: string) =>
  z.number().min(0).max(10).default(byDefault).describe(`${description}, log-odds`);
const weight = (byDefault: number, description: string) =>
  z.number().min(0).max(5).default(byDefault).describe(description);
const share = (byDefault: number, description: string) =>
  z.number().min(0.0001).max(1).default(byDefault).describe(description);
const positive = (byDefault: number, description: string) =>
  z.number().positive().max(1e9).default(byDefault).describe(description);

/** A part of the policy. A missing one is read from `{}`, so that every default stands in one place. */
export const group = <T extends z.ZodRawShape>(shape: T, description: string) =>
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

/** The statistical core. */
export const core = group(
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

/** Parameters of each rule. */
export const rules = {
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
        "Sign-ins (against the attempt: at other times) below which the hour says nothing",
      ),
      surprise: share(0.1, "Share of sign-ins that keep to no rhythm: bounds what an odd hour adds"),
      hour: weight(0.9, "Weight of the hour of the day"),
    },
    "Hour of the day, by circular statistics",
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

/** Live sessions. */
export const session = group(
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
