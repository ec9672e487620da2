import { hostname } from "node:os";
import { cleanupWindowSchema } from "@org/db-optimizer/jobs";
import { integer, settingsOf } from "@org/service-kit";
import { CronPattern } from "croner";
import { z } from "zod";

const milliseconds = integer;
const schedule = z
  .string()
  .refine((pattern) => pattern === "off" || isCron(pattern), "must be a cron expression, or off");

/**
 * Every setting: type, default and description. The environment variable of a setting is its name in capitals behind
 * `ORG_MAINTENANCE_`; only `mongodbUri` keeps the name that everybody uses, `MONGODB_URI`.
 */
export const configSchema = z.strictObject({
  mongodbUri: z
    .string()
    .regex(/^mongodb(\+srv)?:\/\//, "must begin with mongodb:// or mongodb+srv://")
    .describe("Connection string of the database"),
  database: z
    .string()
    .regex(/^[^/\\. "$*<>:|?\0]{1,63}$/, "must be a MongoDB database name")
    .optional()
    .describe("Database name, when the connection string has none"),
  databaseTimeoutMs: milliseconds(100, 120_000)
    // As the driver has it: an election takes up to twelve seconds.
    .default(30_000)
    .describe("Time to look for a database server before giving up"),
  cleanupSchedule: schedule.default("*/10 * * * *").describe("When to clean up: a cron expression, or `off`"),
  healthSchedule: schedule
    .default("*/5 * * * *")
    .describe("When to check health: a cron expression, or `off`"),
  healthKeep: z
    .enum(["on", "off"])
    .default("on")
    .describe(
      "Whether health keeps its figures, `on` or `off`, to compare each hour with that of a week ago",
    ),
  driftSchedule: schedule
    .default("0 * * * *")
    .describe("When to compare the indexes with the models: a cron expression, or `off`"),
  storageSchedule: schedule
    .default("off")
    .describe("When to look at every document for what grows without bound: a cron expression, or `off`"),
  auditRetentionSchedule: schedule
    .default("30 3 * * *")
    .describe("When to remove old audit events: a cron expression, or `off`"),
  auditKeyFile: z
    .string()
    .min(1)
    .optional()
    .describe("PEM file of the Ed25519 key that signs audit checkpoints; without it old audit events stay"),
  migrationSchedule: schedule
    .default("off")
    .describe("When to take the migration further: a cron expression, or `off`: only when it is queued"),
  migrationSource: z
    .string()
    .min(1)
    .optional()
    .describe("Collection of users with embedded sessions, to be migrated; without it there is no migration"),
  cleanupWindow: z
    .string()
    .refine(isWindow, "must be two times such as 01:00-05:00")
    .optional()
    .describe("Hours outside which a cleanup pauses, such as `01:00-05:00`. Default: none"),
  timezone: z
    .string()
    .refine(isTimezone, "must be an IANA time zone")
    .default("UTC")
    .describe("IANA time zone of the schedules and of the window"),
  leaseMs: milliseconds(500, 3_600_000)
    .default(30_000)
    .describe("A job's lease; after a crash another instance takes over when it has run out"),
  startingDeadlineMs: milliseconds(1_000, 7 * 86_400_000)
    .default(6 * 3_600_000)
    .describe(
      "How late a scheduled run may still start, when the database or every instance was away at its time",
    ),
  batchSize: integer(1, 10_000)
    .default(1_000)
    .describe("Documents that a cleanup removes, or a migration writes, in one batch, at most"),
  maxSlowdown: z
    .union([z.literal("off"), z.coerce.number().min(1.01).max(1_000)])
    .default(1.5)
    .describe(
      "Highest p99 latency of reads, as a multiple of their idle latency; `off`: reads are not measured",
    ),
  maxShare: z.coerce
    .number()
    .min(0.001)
    .max(1)
    .default(1)
    .describe("Largest part of the time that a cleanup or a migration works"),
  maxRate: z.coerce
    .number()
    .min(0.01)
    .optional()
    .describe("Most documents per second that a cleanup or a migration handles. Default: no limit"),
  queuePollMs: milliseconds(50, 60_000)
    .default(2_000)
    .describe("How often an instance looks for runs that were queued"),
  runRetentionDays: integer(1, 3_650).default(90).describe("Days that the history of runs is kept"),
  instance: z
    .string()
    .min(1)
    .max(128)
    .optional()
    .describe("Name of this instance in leases, runs and logs. Default: host name and process id"),
  metricsHost: z.string().min(1).default("127.0.0.1").describe("Address of the dashboard and the metrics"),
  metricsPort: integer(0, 65_535)
    .default(9464)
    .describe("Port of the dashboard and the metrics; 0 takes a free one"),
  shutdownTimeoutMs: milliseconds(100, 600_000)
    .default(30_000)
    .describe("At shutdown, time for a job to finish its batch"),
  logLevel: z
    .enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"])
    .default("info")
    .describe("Least severe level that is logged"),
});

/** The settings as the service uses them. */
export type Config = z.output<typeof configSchema>;
/** The settings as a program gives them; only `mongodbUri` has no default. */
export type ConfigInput = Partial<Config> & Pick<Config, "mongodbUri">;

export const {
  define: defineConfig,
  read: readConfig,
  variableOf,
} = settingsOf<typeof configSchema, ConfigInput>(configSchema, "ORG_MAINTENANCE_");

/** The name of this instance: unique among those that run now. */
export function instanceName({ instance }: Pick<Config, "instance">): string {
  return instance ?? `${hostname()}:${process.pid}`.slice(-128);
}

function isCron(pattern: string): boolean {
  try {
    return new CronPattern(pattern) !== undefined;
  } catch {
    return false;
  }
}

function isWindow(text: string): boolean {
  const [from, to, ...rest] = text.split("-");
  return rest.length === 0 && cleanupWindowSchema.safeParse({ from, to }).success;
}

function isTimezone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}
