import { expect, test } from "vitest";
import { cleanupWindowSchema, msUntilOpen } from "../../src/jobs/pacing/window.js";

const minute = 60_000;
const hour = 60 * minute;

test.each<[string, object, string, number]>([
  ["before it opens", { from: "01:00", to: "05:00" }, "2026-03-01T00:30:00Z", 30 * minute],
  ["as it opens", { from: "01:00", to: "05:00" }, "2026-03-01T01:00:00Z", 0],
  ["in its last minute", { from: "01:00", to: "05:00" }, "2026-03-01T04:59:59Z", 0],
  ["as it closes", { from: "01:00", to: "05:00" }, "2026-03-01T05:00:00Z", 20 * hour],
  ["a moment before it opens", { from: "01:00", to: "05:00" }, "2026-03-01T00:59:59.999Z", 1],
  ["over midnight, before", { from: "22:00", to: "04:00" }, "2026-03-01T23:10:00Z", 0],
  ["over midnight, after", { from: "22:00", to: "04:00" }, "2026-03-01T03:10:00Z", 0],
  ["over midnight, by day", { from: "22:00", to: "04:00" }, "2026-03-01T12:00:00Z", 10 * hour],
  ["in its own time zone", { from: "01:00", to: "05:00", timeZone: "Asia/Tokyo" }, "2026-03-01T16:30:00Z", 0],
  [
    "in a zone of half hours",
    { from: "01:00", to: "05:00", timeZone: "Asia/Kolkata" },
    "2026-03-01T19:00:00Z",
    30 * minute,
  ],
  [
    "in summer",
    { from: "01:00", to: "05:00", timeZone: "Europe/Berlin" },
    "2026-07-01T22:30:00Z",
    30 * minute,
  ],
])("%s", (_name, window, at, expected) => {
  expect(msUntilOpen(cleanupWindowSchema.parse(window), new Date(at))).toBe(expected);
});

test.each([
  [{ from: "1:00", to: "05:00" }, "from"],
  [{ from: "24:00", to: "05:00" }, "from"],
  [{ from: "01:00", to: "05:60" }, "to"],
  [{ from: "01:00", to: "05:00", timeZone: "Mars/Olympus" }, "timeZone"],
  [{ from: "01:00", to: "01:00" }, ""],
])("refuses %j", (window, path) => {
  expect(cleanupWindowSchema.safeParse(window).error?.issues[0]?.path.join(".")).toBe(path);
});
