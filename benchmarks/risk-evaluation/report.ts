import type { Ablation } from "./ablation.js";
import { calibrationOf } from "./calibration.js";
import { challengeRate, type Pooled, reauthentications, rocAuc, thresholdFor } from "./metrics.js";
import { published, publishedSizes } from "./published.js";
import { type Attacker, attackers, frequencies, type Variant } from "./world.js";

/** The wanted true-positive rates of each attacker, as the published evaluation has them. */
const ratesOf: Readonly<Record<Attacker, readonly number[]>> = {
  naive: [0.999, 0.995, 0.99, 0.98, 0.97],
  vpn: [0.999, 0.995, 0.99, 0.98, 0.97],
  targeted: [0.999, 0.995, 0.99, 0.98, 0.97],
  "very targeted": [0.9425, 0.8966, 0.8276, 0.7816],
};

/** Headings, tables and paragraphs of the comparison; what comes before and after it is `main.ts`'s. */
export function comparison(models: readonly Pooled[]): string[] {
  const [reference, ...others] = models;
  const ours = others.find(({ model }) => model === "ours");
  if (!reference || !ours) return [];
  return [
    "## Re-authentications",
    "Median over users of the share of their first n scored sign-ins that are asked for more, in brackets the mean, with " +
      "the threshold at which the given share of the attacks (TPR) is stopped. A user's first sign-in is never scored.",
    reauthenticationTable(models, [10, 20, 39]),
    "## By how often users sign in",
    "Targeted attacker, median share at n = 10 / n = 20, the reference model against ours.",
    frequencyTable(reference, ours),
    "## Discrimination",
    "ROC AUC: the probability that an attack scores higher than a legitimate sign-in.",
    table(
      ["attacker", ...models.map(({ model }) => model)],
      attackers.map((attacker) => [attacker, ...models.map((pooled) => number(rocAuc(pooled, attacker), 4))]),
    ),
    "## Users with little history",
    "Share of the first three scored sign-ins of each user that are asked for more, at a TPR of 0.99 (very targeted: 0.8966).",
    table(
      ["attacker", ...models.map(({ model }) => model)],
      attackers.map((attacker) => {
        const rate = attacker === "very targeted" ? 0.8966 : 0.99;
        const shares = models.map((pooled) => challengeRate(pooled, thresholdFor(pooled, attacker, rate), 3));
        return [attacker, ...shares.map((share) => number(share, 3))];
      }),
    ),
    "## Calibration",
    "Our score against what the sign-ins were, with attacks of the four kinds weighted so that one sign-in in a hundred is one.",
    table(
      ["score", "mean score, %", "attacks, %", "sign-ins"],
      calibrationOf(ours).map(({ from, to, predicted, observed, visits }) => [
        `${from} to ${to}`,
        number(predicted, 2),
        number(observed, 2),
        visits.toLocaleString("en"),
      ]),
    ),
  ];
}

function reauthenticationTable(models: readonly Pooled[], sizes: readonly number[]): string {
  const rows = attackers.flatMap((attacker) =>
    ratesOf[attacker].map((rate) => {
      const cells = models.map((pooled) => {
        const threshold = thresholdFor(pooled, attacker, rate);
        const found = sizes.map((n) => ({ n, ...reauthentications(pooled, threshold, n) }));
        const medians = found.map(({ n, median }) => number(median / n, 2)).join(" / ");
        const means = found.map(({ n, mean }) => number(mean / n, 2)).join(" / ");
        return `${medians} (${means})`;
      });
      return [attacker, String(rate), ...cells];
    }),
  );
  return table(["attacker", "TPR", ...models.map(({ model }) => `${model}, n = ${sizes.join(" / ")}`)], rows);
}

function frequencyTable(reference: Pooled, ours: Pooled): string {
  const rows = frequencies.map((frequency) => {
    const cell = (pooled: Pooled, rate: number) => {
      const threshold = thresholdFor(pooled, "targeted", rate);
      return [10, 20]
        .map((n) => {
          const { median, users } = reauthentications(pooled, threshold, n, frequency);
          return users < 20 ? "–" : number(median / n, 2);
        })
        .join(" / ");
    };
    return [frequency, ...[0.999, 0.995, 0.99].flatMap((rate) => [cell(reference, rate), cell(ours, rate)])];
  });
  const head = [0.999, 0.995, 0.99].flatMap((rate) => [`reference ${rate}`, `ours ${rate}`]);
  return table(["", ...head], rows);
}

/** The reference model on this data beside what was published of it. */
export function shapeTable(reference: Pooled): string {
  const rows = published.map(([attacker, rate, medians]) => {
    const threshold = thresholdFor(reference, attacker, rate);
    const cells = publishedSizes.map((n, index) => {
      const { median } = reauthentications(reference, threshold, n);
      return `${number(median, 0)} (${medians[index] ?? "–"})`;
    });
    return [attacker, String(rate), ...cells];
  });
  return table(["attacker", "TPR", ...publishedSizes.map((n) => `n = ${n}`)], rows);
}

/** Contribution of each rule against some attackers. */
export function ablationTable(
  results: readonly Ablation[],
  against: readonly (Attacker | Variant)[],
): string {
  const rows = results.map(({ without, auc, mean }) => [
    without,
    ...against.map(
      (attacker) =>
        `${number(mean.get(attacker) ?? Number.NaN, 2)} (${number(auc.get(attacker) ?? Number.NaN, 4)})`,
    ),
  ]);
  return table(["without", ...against], rows);
}

/** A Markdown table. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function number(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : "–";
}
