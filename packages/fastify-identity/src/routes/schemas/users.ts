import { z } from "zod";
import { idOutput } from "../../http/answers/schemas.js";

/** An account as its owner sees it. */
export const account = z
  .object({
    id: idOutput,
    email: z.string(),
    username: z.string().optional(),
    emailVerified: z.boolean(),
    status: z.string().describe("pending, active, suspended or deleted"),
    roles: z.array(z.string()),
    profile: z.object({
      displayName: z.string().optional(),
      bio: z.string().optional(),
      company: z.string().optional(),
      location: z.string().optional(),
      timezone: z.string().describe("IANA time zone"),
      language: z.string().describe("BCP 47 language tag"),
      theme: z.string().describe("system, light or dark"),
    }),
    subscription: z.object({ plan: z.string(), status: z.string(), periodEnd: z.date().optional() }),
    lastActiveAt: z.date().optional(),
    createdAt: z.date(),
  })
  .meta({ id: "Account" });

export type Account = z.output<typeof account>;
