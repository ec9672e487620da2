import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { type AdminOptions, adminOptionsSchema } from "./admin/options.js";
import { type CookieOptions, cookieOptionsSchema } from "./flows/cookies.js";
import type { Notifier } from "./flows/notices/notice.js";
import type { FlowOptions } from "./flows/options.js";
import { flowOptionsSchema, functionOption, objectOption } from "./flows/options.js";
import type { Problem } from "./flows/problems.js";
import type { Located } from "./flows/requester.js";
import { type OAuthOptions, oauthOptionsSchema } from "./oauth/options.js";
import { type PageOptions, pageOptionsSchema } from "./pages/options.js";

/** Where a request comes from, as far as the deployment can tell. */
export type Locate = (request: FastifyRequest) => Located | undefined;

/** Groups of routes that can be left out, for instance to be replaced by routes of the application. */
export const routeGroups = [
  "registration",
  "signIn",
  "providers",
  "session",
  "sessions",
  "account",
  "passwordReset",
  "emailVerification",
  "emailChange",
  "profile",
  "security",
  "factors",
  "consents",
  "apiKeys",
  "usage",
] as const;
export type RouteGroup = (typeof routeGroups)[number];

/** An answer that reports a problem. */
export interface ProblemAnswer {
  readonly contentType: string;
  readonly body: string;
}

/** Limits of requests to the plugin's routes, by client: an IPv4 address or the /64 of an IPv6 address. */
export interface RateLimitOptions {
  /** Requests per minute. Default: 300. */
  readonly requests?: number;
  /** Requests per minute to sign in, register, verify or reset, of each kind. Default: 10. */
  readonly passwords?: number;
  /**
   * Where requests are counted: `memory` of this process, `database` for all processes together, or a store class as
   * @fastify/rate-limit takes it. While the database or a store of your own fails, or does not answer for a second, each
   * process counts alone. Default: `memory`.
   */
  readonly store?: "memory" | "database" | (new (options: never) => object);
}

/** Options of the plugin; only `identity` and `issuer` have no default. */
export interface IdentityPluginOptions extends Omit<FlowOptions, "notifier"> {
  /** Origin under which people reach the app, such as `https://id.example.com`; http only on a loopback host. */
  readonly issuer: string;
  /** Path before the plugin's routes. Default: `/v1`. */
  readonly prefix?: string;
  /** False leaves out all routes; an object leaves out the groups that it sets to false. Default: all. */
  readonly routes?: boolean | { readonly [Group in RouteGroup]?: boolean };
  /** Pages for people, under `/account`. False leaves them out. Default: true, which is all, in English. */
  readonly pages?: boolean | PageOptions;
  /**
   * An OAuth 2.1 and OpenID Connect provider, with which other apps sign people in. It takes pages, and `sealKeys` of the
   * identity object. Default: false.
   */
  readonly oauth?: boolean | OAuthOptions;
  /**
   * Pages and routes for who operates the service: under `/admin` and, for programs, `admin` below `prefix`. Who may use
   * them is in `identity.administrators`. Default: false.
   */
  readonly admin?: boolean | AdminOptions;
  /**
   * True answers a registration by the API with 202, whether or not the address has an account already: its owner is told by
   * mail instead, as the pages do it. A taken username is told all the same. Default: false, which answers with the account,
   * or with `EMAIL_TAKEN`.
   */
  readonly discreetRegistration?: boolean;
  /** True refuses, at boot, a route of this scope without `config.identity`. Default: false. */
  readonly requireDeclaredAccess?: boolean;
  /** Default: with a loopback issuer messages go to the log; otherwise sending fails with `NOTICE_NOT_SENT`. */
  readonly notifier?: Notifier;
  readonly cookies?: CookieOptions;
  /** Origins besides the issuer whose pages may send requests with the session cookie. Default: none. */
  readonly trustedOrigins?: readonly string[];
  /** Used unless @fastify/rate-limit was registered before: then that one counts. */
  readonly rateLimit?: RateLimitOptions;
  /** Where a request comes from. Default: unknown. */
  readonly locate?: Locate;
  /** Whether a sign-in brings a solved challenge, such as a captcha. Default: none does. */
  readonly solvesChallenge?: (request: FastifyRequest) => Promise<boolean>;
  /** Writes the answers of the plugin's own routes that report a problem. Default: RFC 9457. */
  readonly errorFormat?: (problem: Problem, request: FastifyRequest) => ProblemAnswer;
  /** Erasures and reports of sign-ins that a crash stopped are taken up this often, milliseconds. Default: 300,000. */
  readonly sweepMs?: number;
  /**
   * Time for the guard of a route, and for what a route of the plugin does until its answer begins, milliseconds; then the
   * answer is 503 `TIMED_OUT`. Default: 30,000, which outlasts an election.
   */
  readonly answerTimeoutMs?: number;
  /**
   * Requests whose guard or route is under way, those included that were answered with `TIMED_OUT` and wait for the database
   * still. More are answered at once with 503 `NOT_READY` and `Retry-After`. Default: 2,000.
   */
  readonly maxRequestsUnderWay?: number;
  /** Time for what is under way when the app closes, milliseconds. Default: 10,000. */
  readonly closeTimeoutMs?: number;
}

type AnyFunction = (...args: never[]) => unknown;

const loopback = /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Whether the issuer is this machine, for development. */
export const isLoopback = (issuer: string): boolean => loopback.test(new URL(issuer).hostname);

const origin = z
  .string()
  .refine((text) => URL.canParse(text) && new URL(text).origin === text.replace(/\/$/, ""), {
    error:
      "must be an origin as browsers write it, such as https://id.example.com: in lower case, without a path, other scripts as xn--",
    abort: true,
  })
  .transform((text) => new URL(text).origin);

const perMinute = z.int().min(1).max(1_000_000);

/** The options, with their bounds and defaults. */
export const pluginOptionsSchema = flowOptionsSchema
  .extend({
    notifier: objectOption<Notifier>("send").optional(),
    issuer: origin.refine(
      (issuer) => issuer.startsWith("https://") || (issuer.startsWith("http://") && isLoopback(issuer)),
      "must be https, or http on a loopback host",
    ),
    prefix: z
      .string()
      .regex(/^(\/[\w.~-]+)*$/, "must be a path such as /v1")
      .default("/v1"),
    routes: z
      .union(
        [z.boolean(), z.partialRecord(z.enum(routeGroups), z.boolean())],
        `must be true, false or groups to leave out, of ${routeGroups.join(", ")}`,
      )
      .default(true)
      .transform((routes): readonly RouteGroup[] =>
        typeof routes === "boolean"
          ? routeGroups.filter(() => routes)
          : routeGroups.filter((group) => routes[group] !== false),
      ),
    pages: z
      .union([z.boolean(), pageOptionsSchema], "must be true, false or options")
      .default(true)
      .transform((pages) => (pages === true ? pageOptionsSchema.parse({}) : pages)),
    oauth: z
      .union([z.boolean(), oauthOptionsSchema], "must be true, false or options")
      .default(false)
      .transform((oauth) => (oauth === true ? oauthOptionsSchema.parse({}) : oauth)),
    admin: z
      .union([z.boolean(), adminOptionsSchema], "must be true, false or options")
      .default(false)
      .transform((admin) => (admin === true ? adminOptionsSchema.parse({}) : admin)),
    discreetRegistration: z.boolean().default(false),
    requireDeclaredAccess: z.boolean().default(false),
    cookies: cookieOptionsSchema.default(cookieOptionsSchema.parse({})),
    trustedOrigins: z.array(origin).default([]),
    rateLimit: z
      .strictObject({
        requests: perMinute.default(300),
        passwords: perMinute.default(10),
        store: z
          .union(
            [
              z.enum(["memory", "database"]),
              functionOption<Exclude<RateLimitOptions["store"], string | undefined> & AnyFunction>(),
            ],
            "must be memory, database or a store class",
          )
          .default("memory"),
      })
      .default({ requests: 300, passwords: 10, store: "memory" }),
    locate: functionOption<Locate>().default(() => () => undefined),
    solvesChallenge: functionOption<(request: FastifyRequest) => Promise<boolean>>().default(
      () => async () => false,
    ),
    errorFormat: functionOption<NonNullable<IdentityPluginOptions["errorFormat"]>>().optional(),
    sweepMs: z.int().min(10).max(86_400_000).default(300_000),
    answerTimeoutMs: z.int().min(100).max(600_000).default(30_000),
    maxRequestsUnderWay: z.int().min(10).max(1_000_000).default(2_000),
    closeTimeoutMs: z.int().min(100).max(600_000).default(10_000),
  })
  .refine(({ issuer, pages }) => (pages ? pages.demo : undefined) === undefined || isLoopback(issuer), {
    path: ["pages", "demo"],
    error: "is for an issuer on a loopback host: it shows passwords",
  })
  .refine(({ oauth, pages }) => !oauth || pages, { path: ["oauth"], error: "takes pages" })
  // Browsers leave a strict cookie out where another site leads to ours: everybody would have to sign in each time.
  .refine(({ oauth, cookies }) => !oauth || cookies.sameSite !== "strict", {
    path: ["cookies", "sameSite"],
    error: "must not be strict with oauth: browsers would send no session with what an app asks",
  })
  .refine(({ admin, pages }) => !admin || pages, { path: ["admin"], error: "takes pages" })
  .refine(({ admin, pages }) => !admin || !pages || !overlap(admin.prefix, pages.prefix), {
    path: ["admin", "prefix"],
    error: "must not lie within the prefix of the pages, nor the other way round",
  })
  .refine(({ prefix, pages }) => !pages || !takes(prefix, "account", pages.prefix), {
    path: ["pages", "prefix"],
    error: "must not be the path of routes: it is prefix, or account below it",
  })
  .refine(({ prefix, admin }) => !admin || !takes(prefix, "admin", admin.prefix), {
    path: ["admin", "prefix"],
    error: "must not be the path of routes: it is prefix, or admin below it",
  })
  .refine(
    ({ oauth, issuer }) => !oauth || oauth.issuer === undefined || new URL(oauth.issuer).origin === issuer,
    {
      path: ["oauth", "issuer"],
      error: "must be of the origin of issuer",
    },
  )
  .superRefine(({ issuer, cookies }, context) => {
    const secure = cookies.secure ?? issuer.startsWith("https://");
    if (secure || (cookies.sameSite !== "none" && !cookies.partitioned)) return;
    const path = ["cookies", cookies.partitioned ? "partitioned" : "sameSite"];
    context.addIssue({
      code: "custom",
      path,
      message: "browsers take such cookies only when they are secure",
    });
  });

const overlap = (one: string, other: string): boolean =>
  `${one}/`.startsWith(`${other}/`) || `${other}/`.startsWith(`${one}/`);

/** Whether routes under a prefix have the path of pages: those of the group, or all of them. */
const takes = (prefix: string, group: string, pages: string): boolean =>
  pages === prefix || pages === `${prefix}/${group}`;

/** The options as they were read. */
export type IdentityPluginSettings = z.output<typeof pluginOptionsSchema>;
