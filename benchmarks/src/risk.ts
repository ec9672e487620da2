import {
  type Attempt,
  assess,
  assessSession,
  emptyProfile,
  learn,
  MemoryPopulation,
  type Profile,
  presets,
  type SessionInput,
} from "@org/risk-engine";
import { type FreemanLogin, freemanScore } from "@org/risk-engine/freeman";
import { quantile } from "./measure.js";

export interface RiskBenchmarks {
  /** Calls per second on one core: the median of the rounds. */
  assess: number;
  /** The same with the names of browser and system given by the caller. */
  assessNamed: number;
  assessSession: number;
  learn: number;
  /** Live memory after ten million calls of `assess` less that after a hundred thousand, bytes. */
  heapGrowth: number;
  /** By the number of sign-ins that were learnt before. */
  history: {
    logins: number;
    profileBytes: number;
    assessMicroseconds: number;
    referenceMicroseconds: number;
  }[];
}

const now = Date.UTC(2026, 0, 7, 10);
const { balanced: policy } = presets;
const agents = Array.from(
  { length: 64 },
  (_, index) =>
    `Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${100 + index}.0.0.0 Safari/537.36`,
);

function attemptAt(index: number): Attempt {
  return {
    at: now + index * 7 * 3_600_000,
    ip: `198.51.${index % 16}.${index % 250}`,
    asn: 64_500 + (index % 8),
    country: ["NO", "SE", "DK", "DE", "FR", "GB", "US", "BR"][index % 8],
    place: { latitude: 59.9 + (index % 8), longitude: 10.8, accuracyKm: 20 },
    userAgent: agents[index % agents.length],
    deviceId: `device ${index % 12}`,
  };
}

// Literals, as a service writes them: objects made by spreading others are of many shapes, which every read pays for.
function namedAttemptAt(index: number): Attempt {
  const { at, ip, asn, country, place, userAgent, deviceId } = attemptAt(index);
  const [browser, os, deviceType] = ["Chrome 120", "Windows 10", "desktop"];
  return { at, ip, asn, country, place, userAgent, deviceId, browser, os, deviceType };
}

type Start = SessionInput["start"];
type Current = SessionInput["current"];

function startOf({ at, ip, asn, country, userAgent }: Attempt): Start {
  return { at, ip, asn, country, userAgent, score: 2 };
}

function currentOf({ at, ip, asn, country, userAgent }: Attempt): Current {
  return { at: at + 3_600_000, ip, asn, country, userAgent, requestsPerMinute: 12, newEndpoints: 1 };
}

/** A profile with every place taken. */
function profileOf(logins: number): Profile {
  let profile = emptyProfile();
  for (let index = 0; index < logins; index++)
    profile = learn({ profile, attempt: attemptAt(index), policy });
  return profile;
}

/** The risk engine alone: no database, no network. */
export function benchmarkRisk({ growthCalls = 10_000_000 } = {}): RiskBenchmarks {
  const profile = profileOf(600);
  const population = new MemoryPopulation();
  for (let index = 0; index < 5_000; index++)
    population.record(attemptAt(index), { newUser: index % 9 === 0 });
  const attempts = Array.from({ length: 256 }, (_, index) => attemptAt(600 + index));
  const named = Array.from({ length: 256 }, (_, index) => namedAttemptAt(600 + index));
  const context = { failures: { account: 1, network: 4, networkUsers: 10 } };
  const judge = (list: readonly Attempt[]) => (index: number) =>
    assess({ profile, population, attempt: list[index % 256] as Attempt, context, policy });
  const starts = attempts.map(startOf);
  const currents = attempts.map(currentOf);
  const live = (index: number) => {
    const at = index % 256;
    return assessSession({ start: starts[at] as Start, current: currents[at] as Current, policy });
  };
  return {
    assess: perSecond(judge(attempts), 100_000),
    assessNamed: perSecond(judge(named), 100_000),
    assessSession: perSecond(live, 1_000_000),
    learn: perSecond(
      (index) => learn({ profile, attempt: attempts[index % 256] as Attempt, policy }),
      20_000,
    ),
    heapGrowth: heapGrowth(judge(attempts), growthCalls),
    history: [100, 1_000, 10_000].map(historyRow),
  };
}

function historyRow(logins: number): RiskBenchmarks["history"][number] {
  const profile = profileOf(logins);
  const attempt = attemptAt(logins);
  const history = Array.from({ length: logins }, (_, index) => asReference(attemptAt(index)));
  const last = asReference(attempt);
  return {
    logins,
    profileBytes: JSON.stringify(profile).length,
    assessMicroseconds: 1e6 / perSecond(() => assess({ profile, attempt, policy }), 50_000),
    referenceMicroseconds: 1e6 / perSecond(() => freemanScore(history, last), Math.ceil(100_000 / logins)),
  };
}

function asReference({ ip = "", asn = "", country = "", userAgent = "" }: Attempt): FreemanLogin {
  return {
    userId: 1,
    ip,
    asn,
    country,
    userAgent,
    browser: userAgent.slice(-27),
    os: "Windows 10",
    deviceType: "desktop",
  };
}

// Where each result goes, so that no call may be left out for having none.
let sink: unknown;

/** Calls per second of processor time, the median of five rounds after one that warms up. */
function perSecond(act: (index: number) => unknown, calls: number): number {
  const rates: number[] = [];
  for (let round = -1; round < 5; round++) {
    const before = process.cpuUsage();
    for (let index = 0; index < calls; index++) sink = act(index);
    const { user } = process.cpuUsage(before);
    if (round >= 0) rates.push(calls / (user / 1e6));
  }
  if (sink === undefined) throw new Error("what was timed gave no result");
  return quantile(rates, 0.5);
}

function heapGrowth(act: (index: number) => unknown, calls: number): number {
  for (let index = 0; index < 100_000; index++) act(index);
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  for (let index = 0; index < calls; index++) act(index);
  globalThis.gc?.();
  return process.memoryUsage().heapUsed - before;
}

export function readableRisk(found: RiskBenchmarks): string[] {
  const count = (value: number) => Math.round(value).toLocaleString("en");
  return [
    `assess: ${count(found.assess)}/s on one core, ${count(found.assessNamed)}/s with names given; ` +
      `assessSession: ${count(found.assessSession)}/s; learn: ${count(found.learn)}/s`,
    `assess, ten million calls: live memory changed by ${count(found.heapGrowth / 1_024)} KiB`,
    ...found.history.map(
      ({ logins, profileBytes, assessMicroseconds, referenceMicroseconds }) =>
        `after ${count(logins)} sign-ins: profile ${count(profileBytes)} bytes, assess ${assessMicroseconds.toFixed(1)} µs, ` +
        `the reference model over that history ${count(referenceMicroseconds)} µs`,
    ),
  ];
}
