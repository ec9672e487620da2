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

/** 1234567 as "1,234,567". */
export function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** Milliseconds as "0.58 ms", "3.4 s", "2 min 5 s", "1 h 4 min". */
export function duration(ms: number): string {
  if (ms === 0) return "0 s";
  if (ms < 10) return `${ms.toFixed(2)} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor((seconds % 3_600) / 60)];
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${seconds % 60} s`;
}

/** Milliseconds that may not have been measured. */
export function maybeDuration(ms: number | null): string {
  return ms === null ? "-" : duration(ms);
}

/** Singular or plural: "1 index", "3 indexes". */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}
