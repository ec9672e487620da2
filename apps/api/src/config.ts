import { canonicalRange } from "@org/db-models/core";
import { networkFlagKinds } from "@org/risk-engine";
import { integer, settingsOf } from "@org/service-kit";
import { z } from "zod";
import { providerSettings } from "./providers.js";

const milliseconds = integer;
const flag = z.union([z.boolean(), z.stringbool()]);

const proxyList = z
  .union([z.array(z.string()), z.string().transform((list) => list.split(",").map((item) => item.trim()))])
  .refine((ranges) => ranges.every((range) => canonicalRange(range) !== undefined), {
    error: "must be addresses or CIDR ranges in canonical form, separated by commas",
  });

const networkList = z.object({ kind: z.enum(networkFlagKinds), path: z.string().min(1) });
const networkLists = z.union([
  z.array(networkList),
  z
    .string()
    .transform((text) => text.split(",").map((item) => /^\s*(\w+)=(.+?)\s*$/.exec(item)))
    .transform((items) => items.map((item) => ({ kind: item?.[1], path: item?.[2] })))
    .pipe(z.array(networkList)),
]);

const sealKeys = z
  .union([
    z.array(z.object({ id: z.string(), key: z.string() })),
    z.string().transform((text) =>
      text.split(",").map((item) => {
        const [id = "", ...key] = item.trim().split("=");
        return { id, key: key.join("=") };
      }),
    ),
  ])
  .refine((keys) => keys.every(({ id, key }) => /^[A-Za-z0-9_-]{1,32}$/.test(id) && key.length >= 43), {
    error: "must be keys as id=key, of at least 43 characters each, separated by commas",
  });

const origins = z
  .union([z.array(z.string()), z.string().transform((text) => text.split(",").map((item) => item.trim()))])
  .refine((list) => list.every((one) => URL.canParse(one) && new URL(one).origin === one), {
    error: "must be origins, such as https://app.example.com, separated by commas",
  });

/** `off`, `pwned-passwords`, or the address of a mirror of it. */
const breachedPasswords = z.union([
  z.enum(["off", "pwned-passwords"]),
  z.url({ protocol: /^https?$/, error: "must be off, pwned-passwords, or an http or https URL" }),
]);

const words = z.union([
  z.array(z.string()),
  z.string().transform((list) => list.split(",").map((word) => word.trim())),
]);

/** `enrolled`, `always`, or roles by commas. */
const secondFactor = z
  .union([
    z.enum(["enrolled", "always"]),
    z.object({ roles: z.array(z.string().min(1)).min(1) }),
    z.string().transform((list) => ({ roles: list.split(",").map((role) => role.trim()) })),
  ])
  .refine((rule) => typeof rule === "string" || rule.roles.every((role) => role !== ""), {
    error: "must be enrolled, always, or roles separated by commas",
  });

/**
 * Every setting of the service: type, default and description. The environment variable of a setting is its name in
 * capitals behind `ORG_API_`; only `mongodbUri` keeps the name that everybody uses, `MONGODB_URI`.
 */
export const configSchema = z
  .strictObject({
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
      // As the driver has it: an election takes up to twelve seconds. Readiness has a deadline of its own.
      .default(30_000)
      .describe("Time to look for a database server before a request fails"),
    databaseConnections: integer(1, 1_000).default(50).describe("Connections to the database, at most"),
    sessionCacheBoundMs: milliseconds(200, 60_000)
      .optional()
      .describe(
        "Checks of sessions, keys and access tokens are answered from memory, and no instance accepts from memory what was revoked so long ago. Default: every check reads the database",
      ),
    host: z.string().min(1).default("127.0.0.1").describe("Address to listen on"),
    port: integer(0, 65_535).default(3000).describe("Port to listen on; 0 takes a free one"),
    issuer: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe(
        "Origin under which people reach the service, such as https://id.example.com. Default: this machine and the port",
      ),
    insecureCookies: flag
      .default(false)
      .describe("For development over plain http: the cookie is named `session` and is not Secure"),
    trustProxy: proxyList
      .default([])
      .describe("Proxies whose X-Forwarded-* headers are believed: addresses or CIDR ranges, by commas"),
    countryHeader: z
      .string()
      .regex(/^[a-z0-9-]+$/i, "must be a header name")
      .optional()
      .describe("Header in which a trusted proxy names the client's country (ISO 3166-1 alpha-2)"),
    cityDatabase: z
      .string()
      .min(1)
      .optional()
      .describe("Path of an MMDB file with the places of addresses, such as DB-IP or GeoLite2 City"),
    asnDatabase: z.string().min(1).optional().describe("Path of an MMDB file with the operators of networks"),
    networkLists: networkLists
      .default([])
      .describe(
        `Text files of addresses and CIDR ranges, as \`kind=path\` by commas; kinds: ${networkFlagKinds.join(", ")}`,
      ),
    networkListsCheckMs: milliseconds(10, 86_400_000)
      .default(60_000)
      .describe("Interval at which changed network lists are reloaded"),
    riskPolicy: z
      .enum(["off", "relaxed", "balanced", "strict"])
      .default("balanced")
      .describe("How sign-ins and sessions are judged: a preset of @org/risk-engine, or `off`"),
    sealKeys: sealKeys
      .default([])
      .describe(
        "Keys that the secrets of authenticator apps are sealed with, the current one first, as `id=key` by commas; none: no app can be added",
      ),
    passwordWords: words
      .default([])
      .describe(
        "Words that are no password here, by commas, such as names of the company and its products; the host of `issuer` and the account's own names always count",
      ),
    breachedPasswords: breachedPasswords
      .default("off")
      .describe(
        "Whether new passwords known from breaches are refused: `pwned-passwords` asks Have I Been Pwned for the first five digits of a hash; or the URL of a mirror",
      ),
    oauth: flag
      .optional()
      .describe(
        "Whether other apps can sign people in here (OAuth 2.1, OpenID Connect). Default: when `issuer` and `sealKeys` are set",
      ),
    admin: z
      .enum(["off", "on", "one-administrator"])
      .default("off")
      .describe(
        "Whether the admin area is served at `/admin`: `on`; or `one-administrator`, where erasing a user or exporting the audit trail takes nobody else's approval",
      ),
    impersonation: flag
      .default(false)
      .describe(
        "Whether administrators with `identity:impersonator` may act for users, once another one has approved; takes `ORG_API_ADMIN=on`",
      ),
    impersonationProtectedRoles: words
      .default([])
      .describe("Roles of the application whose users nobody acts for, by commas"),
    auditPublicKeyFile: z
      .string()
      .min(1)
      .optional()
      .describe(
        "PEM file of the Ed25519 public key of the audit checkpoints, with which the admin area verifies the audit trail",
      ),
    secondFactor: secondFactor
      .default("enrolled")
      .describe(
        "Who must have a second factor: `enrolled`, who has one; `always`, everybody; or roles by commas, besides who has one",
      ),
    providers: providerSettings
      .default([])
      .describe(
        "Providers that people can sign in with, as a JSON array of `kind` (google, microsoft, apple, github, openid), `clientId`, `clientSecret`, and what the kind takes besides",
      ),
    discreetRegistration: flag
      .default(false)
      .describe(
        "Whether a registration by the API is answered with 202 for every address, so that it does not tell whether there is an account",
      ),
    trustedOrigins: origins
      .default([])
      .describe(
        "Origins besides the issuer whose pages may send requests with the session cookie, by commas",
      ),
    notifier: z
      .enum(["console", "smtp", "webhook"])
      .default("console")
      .describe(
        "How codes, tokens and alerts reach people; `console` writes them to the log, for development",
      ),
    smtpUrl: z
      .string()
      .regex(/^smtps?:\/\//, "must begin with smtp:// or smtps://")
      .optional()
      .describe("Mail server of the notifier `smtp`, with its credentials"),
    mailFrom: z.string().min(3).optional().describe("Sender of the mails"),
    webhookUrl: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe("Receiver of the notifier `webhook`"),
    webhookSecret: z.string().min(32).optional().describe("Key of the signatures of the webhook's requests"),
    rateLimit: integer(1, 1_000_000).default(300).describe("Requests per minute and client"),
    signInRateLimit: integer(1, 1_000_000)
      .default(10)
      .describe("Requests to sign in, register, verify or reset, of each kind, per minute and client"),
    rateLimitStore: z
      .enum(["database", "memory"])
      .default("database")
      .describe(
        "Where they are counted: `database`, over all instances; `memory`, on each instance for itself",
      ),
    bodyLimit: integer(1_024, 16_777_216).default(65_536).describe("Largest request body, in bytes"),
    requestTimeoutMs: milliseconds(100, 600_000)
      .default(30_000)
      .describe("Time for a client to send a whole request"),
    readyTimeoutMs: milliseconds(10, 60_000)
      .default(1_000)
      .describe("Time for the database to answer the readiness check"),
    recentAuthenticationMs: milliseconds(1_000, 86_400_000)
      .default(900_000)
      .describe(
        "How long after a sign-in, or after the password once more, security settings can be changed",
      ),
    usageFlushMs: milliseconds(10, 3_600_000)
      .default(5_000)
      .describe("API usage is written this often; a crash loses what was counted since"),
    answerTimeoutMs: milliseconds(100, 600_000)
      .default(30_000)
      .describe("Time until an answer begins; then it is 503 `TIMED_OUT`"),
    sweepMs: milliseconds(10, 86_400_000)
      .default(300_000)
      .describe("Erasures and reports of sign-ins that a crash stopped are taken up this often"),
    drainDelayMs: milliseconds(0, 120_000)
      .default(0)
      .describe("At shutdown, time between failing the readiness check and refusing connections"),
    shutdownTimeoutMs: milliseconds(100, 120_000)
      .default(10_000)
      .describe("At shutdown, time for requests under way to finish"),
    metricsPort: integer(0, 65_535)
      .optional()
      .describe(
        "Port of the metrics for Prometheus, at /metrics; 0 takes a free one. Default: there are none",
      ),
    metricsHost: z.string().min(1).default("127.0.0.1").describe("Address of the metrics to listen on"),
    tracing: flag
      .default(false)
      .describe("Spans of each request by OpenTelemetry, to the SDK that the process was started with"),
    maxEventLoopDelayMs: milliseconds(0, 60_000)
      .default(1_000)
      .describe("Requests are refused while the event loop is later than this; 0 never refuses"),
    logLevel: z
      .enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"])
      .default("info")
      .describe("Least severe level that is logged"),
  })
  .superRefine(({ oauth, sealKeys: keys }, context) => {
    if (!oauth || keys.length > 0) return;
    const message = "is needed by oauth: signing keys are sealed with it";
    context.addIssue({ code: "custom", path: ["sealKeys"], message });
  })
  .refine(({ impersonation, admin }) => !impersonation || admin === "on", {
    path: ["impersonation"],
    error: "takes the admin area with two administrators",
  })
  .superRefine((config, context) => {
    const needed = {
      console: [],
      smtp: ["smtpUrl", "mailFrom"],
      webhook: ["webhookUrl", "webhookSecret"],
    } as const;
    for (const setting of needed[config.notifier]) {
      if (config[setting] !== undefined) continue;
      context.addIssue({
        code: "custom",
        path: [setting],
        message: `is needed by the notifier ${config.notifier}`,
      });
    }
  });

/** The settings as the service uses them. */
export type Config = z.output<typeof configSchema>;
/** The settings as a program gives them; only `mongodbUri` has no default. */
export type ConfigInput = Partial<Config> & Pick<Config, "mongodbUri">;

/** The origin under which people reach the service. */
export function issuerOf({ issuer, insecureCookies, port }: Config): string {
  return issuer ?? `${insecureCookies ? "http" : "https"}://localhost:${port || 3000}`;
}

export const {
  define: defineConfig,
  read: readConfig,
  variableOf,
} = settingsOf<typeof configSchema, ConfigInput>(configSchema, "ORG_API_");
