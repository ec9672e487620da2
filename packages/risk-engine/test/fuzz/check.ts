import {
  assess,
  assessSession,
  learn,
  MemoryPopulation,
  maxProfileBytes,
  readProfile,
} from "../../src/index.js";
import { usual } from "../support.js";
import { dice, fuzzCase } from "./inputs.js";

const population = new MemoryPopulation();
for (let user = 0; user < 30; user++)
  population.record({ ...usual, ip: `198.51.100.${user}` }, { newUser: true });
const broken = { count: () => Number.NaN, totals: () => ({ logins: Number.NaN, users: -1 }) };

/** Runs so many cases of a seed. Throws with the number of the first that fails. */
export function fuzz(cases: number, seed: number): { scored: number } {
  const roll = dice(seed);
  let scored = 0;
  for (let index = 0; index < cases; index++) {
    const input = fuzzCase(roll);
    try {
      const found = assess({ ...input, population: roll() < 0.1 ? broken : population });
      check(found.score === null || (found.score >= 0 && found.score <= 100), "the score is out of range");
      check(
        found.likelihoodRatio >= 0 && found.likelihoodRatio < Number.POSITIVE_INFINITY,
        "the ratio is no number",
      );
      for (const { logOdds } of found.reasons) check(Math.abs(logOdds) <= 20, "a reason is no number");
      if (found.score !== null) scored += 1;
      const next = learn(input);
      const text = JSON.stringify(next);
      check(text.length <= maxProfileBytes, "the profile grows");
      check(readProfile(JSON.parse(text)).status === "ok", "the profile is spoilt");
      const session = assessSession({ start: input.attempt, current: input.attempt });
      check(session.score >= 0 && session.score <= 100, "the session's score is out of range");
    } catch (error) {
      throw new Error(`case ${index} of seed ${seed}: ${error instanceof Error ? error.message : error}`, {
        cause: error,
      });
    }
  }
  return { scored };
}

function check(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}
