import type { Context } from "../context/context.js";
import { type Period, queries } from "../queries/queries.js";
import { runQuery } from "../queries/run-query.js";
import type { AppUsageDocument } from "../schemas/app-usage.js";

/** What an app did in a day, UTC. */
export type AppUsageDay = Pick<AppUsageDocument, "startedAt" | "requests" | "failures" | "endpoints">;

export async function readAppUsage(
  { models }: Context,
  { clientId, ...period }: { clientId: string } & Omit<Period, "after">,
): Promise<AppUsageDay[]> {
  const fields = { startedAt: 1, requests: 1, failures: 1, endpoints: 1 } as const;
  const days: AppUsageDocument[] = await runQuery(models, queries.usageOfApp(clientId, period), fields);
  return days.map(({ startedAt, requests, failures, endpoints }) => ({
    startedAt,
    requests,
    failures,
    endpoints,
  }));
}
