import { createIdentity, type IdentityDatabase } from "@org/db-models";
import type { Types } from "mongoose";

const dayMs = 86_400_000;
const days = 30;
/** Requests of a day: whom they ask for, and how many of them fail. */
const endpoints = [
  { endpoint: "GET /orders", share: 0.6, failing: 0.02 },
  { endpoint: "GET /v1/profile", share: 0.25, failing: 0 },
  { endpoint: "POST /orders", share: 0.15, failing: 0.08 },
];
const devices = [
  {
    minutesAgo: 200,
    ip: "203.0.113.24",
    userAgent:
      "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
  },
  {
    minutesAgo: 35,
    ip: "203.0.113.7",
    userAgent:
      "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
  },
];

/** What an account would have after a month: use of each day, two other devices, an API key. */
export async function addHistory(
  connection: IdentityDatabase["connection"],
  userId: Types.ObjectId,
): Promise<void> {
  const today = Date.now();
  let now = today;
  const identity = createIdentity({ connection, clock: { now: () => new Date(now) } });
  for (let day = 0; day < days; day++) {
    now = today - (days - 1 - day) * dayMs;
    const requests = requestsOf(new Date(now), day);
    for (const { endpoint, share, failing } of endpoints) {
      const count = Math.round(requests * share);
      for (let request = 0; request < count; request++)
        identity.usage.track({ userId, endpoint, failed: request < Math.round(count * failing) });
    }
    await identity.flush();
  }
  for (const { minutesAgo, ...from } of devices) {
    now = today - minutesAgo * 60_000;
    await identity.sessions.open({ userId, proofs: ["password"], ...from });
  }
  await identity.apiKeys.create({ userId, name: "Nightly report", scopes: ["usage:read", "profile:read"] });
  await identity.close();
}

/** Fewer at weekends, and never the same on two days. */
function requestsOf(date: Date, day: number): number {
  const isWeekend = [0, 6].includes(date.getUTCDay());
  return (isWeekend ? 14 : 52) + ((day * 7) % 23);
}
