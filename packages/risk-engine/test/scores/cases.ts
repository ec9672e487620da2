import {
  type AssessInput,
  type Assessment,
  type Attempt,
  assess,
  emptyProfile,
  learn,
  MemoryPopulation,
  type Profile,
} from "../../src/index.js";
import { dice, fuzzCase } from "../fuzz/inputs.js";
import { chrome, day, firefoxOnLinux, now, oslo, sydney } from "../support.js";

/** The figures of one judgement. */
export type Scored = readonly [score: number | null, likelihoodRatio: number, action: string];

const users = 40;
const judgedOfEach = 6;
const malformed = 160;

/** Judges the same sign-ins each time: of users with a history, and ones with something wrong strewn in. */
export function scoreAll(judge: (input: AssessInput) => Assessment = assess): Scored[] {
  const roll = dice(20_260_107);
  const population = new MemoryPopulation();
  const scored: Scored[] = [];
  const note = (input: AssessInput) => {
    const { score, likelihoodRatio, action } = judge(input);
    scored.push([score, likelihoodRatio, action]);
  };
  for (let user = 0; user < users; user++) {
    let profile: Profile = emptyProfile();
    for (let index = 0; index < user; index++) {
      const attempt = signIn(roll, now - (user - index) * roll() * 3 * day);
      profile = learn({ profile, attempt });
      population.record(attempt, { newUser: index === 0 });
    }
    for (let index = 0; index < judgedOfEach; index++) {
      const attempt = signIn(roll, now + index * roll() * 90 * day);
      const failures = { account: roll() * 6, network: roll() * 30, networkUsers: roll() * 10 };
      note({ profile, population, attempt, context: { failures, leakedPassword: roll() < 0.1 } });
    }
  }
  for (let index = 0; index < malformed; index++) note({ ...fuzzCase(roll), population });
  return scored;
}

function signIn(roll: () => number, at: number): Attempt {
  const below = (most: number) => Math.floor(roll() * most);
  const country = below(4);
  return {
    at,
    ip: roll() < 0.8 ? `198.51.${country}.${below(20)}` : `2a02:${country}::${below(9)}`,
    asn: [64_500 + country, `AS${64_500 + country} Example`][below(2)],
    country: ["NO", "se", "DK", "BR"][country],
    place: country === 3 ? sydney : oslo,
    userAgent: [chrome(110 + below(30)), chrome(120), firefoxOnLinux, "curl/8.5.0"][below(4)],
    deviceId: roll() < 0.7 ? `device ${below(3)}` : undefined,
    flags: roll() < 0.1 ? [{ kind: "vpn", asOf: at }] : undefined,
  };
}
