import type { AppUsageDay } from "@org/db-models";
import { everyDay } from "../every-day.js";
import type { PageFrame } from "../look/frame.js";
import { DayChart, EndpointTable } from "./chart.js";

interface UsageProps {
  frame: PageFrame;
  /** The days with requests. */
  days: readonly AppUsageDay[];
  now: Date;
}

const shownDays = 30;
const shownEndpoints = 20;

/** What an app did in the last thirty days, by day and by endpoint. */
export function AppUsage({ frame, days, now }: UsageProps) {
  const bars = everyDay(days, now, shownDays);
  const total = bars.reduce((sum, { requests }) => sum + requests, 0);
  const peak = Math.max(0, ...bars.map(({ requests }) => requests));
  const label = frame.t("usage.chart", {
    total: frame.number(total),
    days: bars.length,
    peak: frame.number(peak),
  });
  return (
    <section class="card stack">
      <h2>{frame.say("usage.app")}</h2>
      {days.length === 0 && <p>{frame.say("usage.none")}</p>}
      {days.length > 0 && (
        <>
          <p class="muted">{frame.say("usage.app_text")}</p>
          <DayChart frame={frame} label={label} bars={bars} />
          <div class="scroll">
            <EndpointTable frame={frame} endpoints={sumOf(days).slice(0, shownEndpoints)} />
          </div>
        </>
      )}
    </section>
  );
}

/** The endpoints of all days, the most used first. */
function sumOf(days: readonly AppUsageDay[]) {
  const sums = new Map<string, { endpoint: string; requests: number; failures: number }>();
  for (const { endpoint, requests, failures } of days.flatMap(({ endpoints }) => endpoints)) {
    const sum = sums.get(endpoint) ?? { endpoint, requests: 0, failures: 0 };
    sums.set(endpoint, {
      endpoint,
      requests: sum.requests + requests,
      failures: sum.failures + failures,
    });
  }
  return [...sums.values()].sort((one, other) => other.requests - one.requests);
}
