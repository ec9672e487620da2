import { calibrationOf } from "./calibration.js";
import { chart } from "./chart.js";
import { type Pooled, reauthentications, thresholdFor } from "./metrics.js";

/** The charts of a report, by file name. */
export function charts(models: readonly Pooled[]): Record<string, string> {
  const ours = models.find(({ model }) => model === "ours");
  const sizes = Array.from({ length: 38 }, (_, index) => index + 2);
  const overHistory = chart(
    {
      title: "Targeted attackers, 99 % stopped: mean share of sign-ins that are asked for more",
      x: "scored sign-ins of the user, n",
      y: "share",
      xRange: [2, 39],
      yRange: [0, 1],
      xTicks: [2, 5, 10, 15, 20, 25, 30, 35, 39],
      yTicks: [0, 0.2, 0.4, 0.6, 0.8, 1],
    },
    models.map((pooled) => ({
      name: pooled.model,
      points: sizes.map(
        (n) => [n, reauthentications(pooled, thresholdFor(pooled, "targeted", 0.99), n).mean / n] as const,
      ),
    })),
  );
  const rates = [0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.995, 0.999];
  const overRate = chart(
    {
      title: "Targeted attackers: what stopping them costs a user over 20 sign-ins",
      x: "share of attacks stopped",
      y: "mean re-authentications",
      xRange: [0.5, 1],
      yRange: [0, 20],
      xTicks: [0.5, 0.6, 0.7, 0.8, 0.9, 1],
      yTicks: [0, 5, 10, 15, 20],
    },
    models.map((pooled) => ({
      name: pooled.model,
      points: rates.map(
        (rate) => [rate, reauthentications(pooled, thresholdFor(pooled, "targeted", rate), 20).mean] as const,
      ),
    })),
  );
  const calibration = chart(
    {
      title: "Calibration of our score, one attack in a hundred",
      x: "mean score, %",
      y: "attacks, %",
      xRange: [0.01, 100],
      yRange: [0.01, 100],
      xTicks: [0.01, 0.1, 1, 10, 100],
      yTicks: [0.01, 0.1, 1, 10, 100],
      logarithmic: true,
    },
    [
      {
        name: "ours",
        points: ours ? calibrationOf(ours).map(({ predicted, observed }) => [predicted, observed]) : [],
      },
      {
        name: "perfect",
        points: [
          [0.01, 0.01],
          [100, 100],
        ],
      },
    ],
  );
  return {
    "risk-history.svg": overHistory,
    "risk-cost.svg": overRate,
    "risk-calibration.svg": calibration,
  };
}
