// Prints the weights of the statistical core that fit the tuning worlds best, by logistic regression without negative
// weights, and the thresholds that follow. The weight of activity is not fitted: by the theory it is 1, and more of it
// would put off everybody who is new. What it prints stands in `src/policy.ts`.
import { calibrate, type Policy, parsePolicy, presets, type Reason } from "@org/risk-engine";
import { generateWorld } from "./generator/generate.js";
import { OurModel } from "./models/ours.js";
import { tuningSeeds } from "./seeds.js";
import { attackers } from "./world.js";

const groups: Readonly<Record<string, string>> = {
  known_ip: "ip",
  new_ip: "ip",
  known_network: "prefix",
  new_network: "prefix",
  known_operator: "asn",
  new_operator: "asn",
  known_country: "country",
  new_country: "country",
  known_agent: "userAgent",
  new_agent: "userAgent",
  known_browser: "browser",
  new_browser: "browser",
  known_system: "os",
  new_system: "os",
  known_device_type: "deviceType",
  new_device_type: "deviceType",
  usual_hour: "hour",
  unusual_hour: "hour",
};
const names = [...new Set(Object.values(groups))];

/** One sign-in: what each weight would multiply, what the other rules say, and what it was. */
interface Row {
  readonly values: readonly number[];
  readonly offset: number;
  readonly attack: 0 | 1;
  readonly weight: number;
}

const { core, rhythm } = presets.balanced;
const weightless: Policy = parsePolicy({
  core: {
    ...core,
    activity: 1,
    ...Object.fromEntries(names.filter((name) => name in core).map((name) => [name, 1])),
  },
  rhythm: { ...rhythm, hour: 1 },
});

function rowsOf(seed: number, headers: "full" | "reduced"): Row[] {
  const model = new OurModel("unweighted", weightless);
  const rows: Row[] = [];
  for (const visit of generateWorld(seed, { headers }).visits) {
    const { reasons, score } = model.assess(visit);
    if (score !== null) rows.push(rowOf(reasons, visit.attacker ? 1 : 0));
    if (!visit.attacker) model.learn(visit);
  }
  const attacks = rows.filter(({ attack }) => attack).length;
  // One attack in a hundred, as the prior has it.
  return rows.map((row) => ({ ...row, weight: row.attack ? (rows.length - attacks) / 99 / attacks : 1 }));
}

function rowOf(reasons: readonly Reason[], attack: 0 | 1): Row {
  const values = names.map(() => 0);
  let offset = 0;
  for (const { code, logOdds } of reasons) {
    const index = names.indexOf(groups[code] ?? "");
    if (index < 0) offset += logOdds;
    else values[index] = (values[index] ?? 0) + logOdds;
  }
  return { values, offset, attack, weight: 1 };
}

/** Gradient descent with momentum, weights kept from falling below 0. */
function fit(rows: readonly Row[], rounds = 600): { weights: number[]; prior: number } {
  const weights = names.map(() => 0.3);
  const speed = [...names.map(() => 0), 0];
  const total = rows.reduce((sum, { weight }) => sum + weight, 0);
  let prior = presets.balanced.prior;
  for (let round = 0; round < rounds; round++) {
    const gradient = [...names.map(() => 0), 0];
    for (const { values, offset, attack, weight } of rows) {
      const logOdds = values.reduce(
        (sum, value, index) => sum + value * (weights[index] ?? 0),
        prior + offset,
      );
      const error = weight * (1 / (1 + Math.exp(-logOdds)) - attack);
      for (const [index, value] of values.entries()) gradient[index] = (gradient[index] ?? 0) + error * value;
      gradient[names.length] = (gradient[names.length] ?? 0) + error;
    }
    for (const [index, slope] of gradient.entries()) {
      speed[index] = 0.9 * (speed[index] ?? 0) - (2 * slope) / total;
      if (index === names.length) prior += speed[index] ?? 0;
      else weights[index] = Math.max(0, (weights[index] ?? 0) + (speed[index] ?? 0));
    }
  }
  return { weights, prior };
}

const [first, second] = tuningSeeds;
const rows = [...rowsOf(first, "full"), ...rowsOf(second, "reduced")];
const { weights, prior } = fit(rows);
process.stdout.write(`prior ${prior.toFixed(2)}\n`);
for (const [index, name] of names.entries())
  process.stdout.write(`${name} ${(weights[index] ?? 0).toFixed(2)}\n`);
const legitimate = rows
  .filter(({ attack }) => attack === 0)
  .map(({ values, offset }) => ({
    score:
      100 /
      (1 +
        Math.exp(-values.reduce((sum, value, index) => sum + value * (weights[index] ?? 0), prior + offset))),
  }));
for (const challengeRate of [0.1, 0.05, 0.02]) {
  const { thresholds } = calibrate(legitimate, { challengeRate, highRate: challengeRate / 50 });
  process.stdout.write(`challenge ${challengeRate}: ${JSON.stringify(thresholds)}\n`);
}
process.stdout.write(`${attackers.length} attacker models, ${rows.length} sign-ins\n`);
