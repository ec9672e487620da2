export { readArguments, UsageError } from "./arguments.js";
export { processMetrics } from "./metrics.js";
export {
  ConfigError,
  integer,
  readmeSettings,
  type Settings,
  settingsOf,
  settingsTable,
} from "./settings.js";
