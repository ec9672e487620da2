import {
  type Assessment,
  type Attempt,
  type AttemptContext,
  assess,
  emptyProfile,
  learn,
  MemoryPopulation,
  type Profile,
  publicReason,
} from "@org/risk-engine";

const day = 86_400_000;
const start = Date.UTC(2026, 0, 5, 8);
const chrome = (major: number) =>
  `Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${major}.0.0.0 Safari/537.36`;
const phone =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.2 Mobile/15E148 Safari/604.1";
const home = { ip: "198.51.100.7", asn: 64_500, country: "NO", place: { latitude: 59.9, longitude: 10.8 } };
const abroad = { ip: "203.0.113.66", asn: 64_999, country: "VN", place: { latitude: 21, longitude: 105.8 } };

/** One sign-in of the story. */
export interface Chapter {
  readonly what: string;
  readonly attempt: Attempt;
  readonly context?: AttemptContext;
  /** The person passed a second factor when asked. */
  readonly confirmed?: boolean;
}

/** A sign-in with its judgement, and what became of it. */
export interface Told extends Chapter {
  readonly found: Assessment;
  readonly learnt: boolean;
}

const workdays: Chapter[] = Array.from({ length: 15 }, (_, index) => ({
  what: `workday ${index + 1}, at home`,
  attempt: { at: start + index * day, ...home, userAgent: chrome(131) },
}));

export const chapters: readonly Chapter[] = [
  ...workdays,
  {
    what: "the browser has updated itself",
    attempt: { at: start + 15 * day, ...home, userAgent: chrome(132) },
  },
  {
    what: "a new phone, on the train",
    attempt: { at: start + 16 * day, ip: "192.0.2.14", asn: 64_510, country: "NO", userAgent: phone },
    confirmed: true,
  },
  {
    what: "somebody else has the password",
    attempt: {
      at: start + 16 * day + 18 * 3_600_000,
      ...abroad,
      userAgent: "python-requests/2.32.3",
      flags: [{ kind: "listed", asOf: start + 16 * day }],
    },
    context: { failures: { account: 4, network: 300 }, leakedPassword: true },
  },
  { what: "the same phone, at home", attempt: { at: start + 17 * day, ...home, userAgent: phone } },
];

/** Lets the engine judge each sign-in in turn, and learn those that it may. */
export function tell(story: readonly Chapter[]): Told[] {
  const population = new MemoryPopulation();
  let profile: Profile = emptyProfile();
  return story.map((chapter) => {
    const { attempt, context, confirmed } = chapter;
    const found = assess({ profile, population, attempt, context });
    const before = profile;
    const passed = found.action === "allow" || (found.action === "challenge" && confirmed === true);
    if (passed) profile = learn({ profile, attempt, level: found.level, confirmed });
    const learnt = profile !== before;
    if (learnt) population.record(attempt, { newUser: before.learned === 0 });
    return { ...chapter, found, learnt };
  });
}

/** The story in lines of text: for each sign-in its score, its action, and its weightiest reasons. */
export function inWords(told: readonly Told[]): string[] {
  return told.flatMap(({ what, found }) => {
    const score = found.score === null ? "no score" : found.score.toFixed(2);
    const person = publicReason(found);
    return [
      `${what}: ${score}, ${found.level} → ${found.action}${person ? ` (the person is told: ${person})` : ""}`,
      ...found.reasons
        .filter(({ logOdds }) => Math.abs(logOdds) >= 0.5)
        .slice(0, 6)
        .map(({ code, logOdds }) => `    ${logOdds > 0 ? "+" : "−"}${Math.abs(logOdds).toFixed(2)} ${code}`),
    ];
  });
}
