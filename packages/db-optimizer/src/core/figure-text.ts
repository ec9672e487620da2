// Numbers as people read them.

/** 1234567 as "1,234,567". */
export function countText(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** How many of one thing there are for each other: "2.3", "4,180"; one decimal place where that tells something. */
export function ratioText(value: number): string {
  return value < 10 && !Number.isInteger(value) ? value.toFixed(1) : countText(value);
}

/** A rate as "300 per second"; a slow one as "20 per minute" or "5 per hour". */
export function rateText(perSecond: number): string {
  if (perSecond >= 0.5) return `${countText(perSecond)} per second`;
  const perMinute = perSecond * 60;
  return perMinute >= 0.5 ? `${countText(perMinute)} per minute` : `${countText(perMinute * 60)} per hour`;
}

/** Seconds as the largest unit that they are a whole number of: "30 days", "1 hour", "90 s". */
export function ageText(seconds: number): string {
  const [size, unit] = ages.find(([length]) => seconds >= length && seconds % length === 0) ?? [1, "s"];
  const amount = seconds / size;
  return `${countText(amount)} ${unit}${size === 1 || amount === 1 ? "" : "s"}`;
}

const ages = [
  [86_400, "day"],
  [3_600, "hour"],
  [60, "minute"],
] as const;

/** Milliseconds as "0.58 ms", "3.4 s", "2 min 5 s", "1 h 4 min". */
export function durationText(ms: number): string {
  if (ms === 0) return "0 s";
  if (ms < 10) return `${ms.toFixed(2)} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor((seconds % 3_600) / 60)];
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${seconds % 60} s`;
}
