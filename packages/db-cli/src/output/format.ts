import { countText, durationText } from "@org/db-optimizer/jobs";

const units = ["B", "KiB", "MiB", "GiB", "TiB"];

/** 1,536 as "1.5 KiB". */
export function bytes(value: number): string {
  const sign = value < 0 ? "-" : "";
  let rest = Math.abs(value);
  let unit = 0;
  while (rest >= 1024 && unit < units.length - 1) {
    rest /= 1024;
    unit += 1;
  }
  return `${sign}${unit === 0 ? rest : rest.toFixed(1)} ${units[unit]}`;
}

export { countText as count, durationText as duration };

/** Milliseconds that may not have been measured. */
export function maybeDuration(ms: number | null): string {
  return ms === null ? "-" : durationText(ms);
}

/** Singular or plural: "1 index", "3 indexes". */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${countText(value)} ${value === 1 ? one : many}`;
}
