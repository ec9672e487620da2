import { z } from "zod";
import { rangeSchema } from "../input.js";
import { duration } from "../limits.js";
import { canonicalAddress, isAllowed } from "../network.js";

const failures = (amount: number, meaning: string) =>
  z.int().min(1).max(100_000).default(amount).describe(meaning);
const lasts = (min: number, max: number, defaultMs: number, meaning: string) =>
  z.int().min(min).max(max).default(defaultMs).describe(`${meaning}, in milliseconds`);

const counterPolicy = (free: number, challenge: number, forgetMs: number) =>
  z
    .strictObject({
      free: failures(free, "Failures before the first delay"),
      challengeAfter: failures(challenge, "Failures after which an attempt is to pass a challenge"),
      forgetMs: lasts(duration.second, 30 * duration.day, forgetMs, "Time in which one failure is forgotten"),
    })
    .prefault({});

/** How the brute-force defence counts; every field has a default. */
export const loginDefencePolicySchema = z
  .strictObject({
    account: counterPolicy(5, 10, duration.hour).describe("Per identifier, from unknown devices"),
    device: counterPolicy(10, 15, 10 * duration.minute).describe("A device that the account knows"),
    network: counterPolicy(50, 75, 2 * duration.minute).describe("The /24 of IPv4, the /64 of IPv6"),
    firstDelayMs: lasts(
      1,
      duration.hour,
      duration.second,
      "Delay once the free failures are used up; it doubles",
    ),
    maxDelayMs: lasts(1, duration.day, 15 * duration.minute, "Longest delay"),
    sharedNetworks: z
      .array(rangeSchema)
      .max(1_000)
      .default([])
      .describe(
        "Networks of many people, such as a campus or a carrier's gateway: addresses and CIDR ranges",
      ),
    sharedFactor: z.int().min(1).max(1_000).default(20).describe("How many times as much is free to them"),
    knownDeviceMs: lasts(
      duration.day,
      400 * duration.day,
      90 * duration.day,
      "A device is known for so long after its last sign-in",
    ),
  })
  .refine(({ firstDelayMs, maxDelayMs }) => maxDelayMs >= firstDelayMs, {
    message: "must be at least firstDelayMs",
    path: ["maxDelayMs"],
  });

/** As a service configures it. */
export type LoginDefencePolicyInput = z.input<typeof loginDefencePolicySchema>;
export type LoginDefencePolicy = z.output<typeof loginDefencePolicySchema>;

/** How one counter counts. */
export interface CounterRules {
  free: number;
  challengeAfter: number;
  forgetMs: number;
  firstDelayMs: number;
  maxDelayMs: number;
  /** More failures are not counted: they could not make the delay longer, and would take long to be forgotten. */
  cap: number;
}

/** The rules of a counter, for an address where it matters. */
export function rulesOf(
  policy: LoginDefencePolicy,
  counter: "account" | "device" | "network",
  ip?: string,
): CounterRules {
  const { firstDelayMs, maxDelayMs, sharedNetworks, sharedFactor } = policy;
  const { free, challengeAfter, forgetMs } = policy[counter];
  const shared =
    counter === "network" && sharedNetworks.length > 0 && isAllowed(sharedNetworks, canonicalAddress(ip));
  const factor = shared ? sharedFactor : 1;
  const doublings = Math.ceil(Math.log2(maxDelayMs / firstDelayMs));
  return {
    free: free * factor,
    challengeAfter: challengeAfter * factor,
    // More people forget more.
    forgetMs: forgetMs / factor,
    firstDelayMs,
    maxDelayMs,
    cap: Math.max(free * factor + doublings, challengeAfter * factor + 1),
  };
}
