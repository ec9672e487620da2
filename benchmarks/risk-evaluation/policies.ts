import { parsePolicy, presets } from "@org/risk-engine";

const base = presets.balanced;

/** Ours with nothing but what the reference model sees. */
export const sameInputs = parsePolicy({
  ...base,
  rhythm: { ...base.rhythm, hour: 0 },
  travel: { ...base.travel, impossible: 0 },
  dormancy: { ...base.dormancy, most: 0 },
  failures: { ...base.failures, most: 0 },
  flags: { ...base.flags, most: 0 },
  automation: { ...base.automation, most: 0 },
});

/** Ours for data whose hours are random. */
export const withoutHours = parsePolicy({ ...base, rhythm: { ...base.rhythm, hour: 0 } });
