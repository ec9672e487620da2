import type { GeoLocation } from "@org/db-models";
import { canonicalClientAddress, textSchema } from "@org/db-models/core";
import type { Types } from "mongoose";
import { z } from "zod";
import type { FlowLog } from "./flow-log.js";
import { factFrom } from "./given.js";

/** Where an address is, and whose network it is in. */
export interface Located {
  readonly location: GeoLocation;
  /** Radius within which the place really is, kilometres. */
  readonly accuracyKm?: number;
  /** Number of the network operator. */
  readonly asn?: number;
}

const degrees = (most: number) => z.number().min(-most).max(most).optional();
const placeName = textSchema({ max: 128 })
  .regex(/^[^;%]*$/)
  .optional();

const locatedSchema = z
  .object({
    location: z.object({
      country: z
        .string()
        .regex(/^[a-z]{2}$/i)
        .optional(),
      region: placeName,
      city: placeName,
      latitude: degrees(90),
      longitude: degrees(180),
    }),
    accuracyKm: z.number().min(0).optional(),
    asn: z.int().min(0).max(0xff_ff_ff_ff).optional(),
  })
  .nullish()
  .transform((located) => located as Located | null | undefined);

/** Where a request comes from is worth less than its answer: a locator that fails leaves it unknown. */
export const locatedBy = (log: FlowLog, locate: () => unknown): Located | undefined =>
  factFrom(log, { part: "locate", shape: locatedSchema, otherwise: undefined }, locate) ?? undefined;

/** Facts about the request that started a flow, independent of the framework. */
export interface Requester {
  /** The client's address in canonical form; `undefined` where it can't be read. */
  readonly address: string | undefined;
  readonly userAgent: string | undefined;
  readonly located: Located | undefined;
  /** The session token in the browser's cookie. */
  readonly sessionToken: string | undefined;
  /** The administrator who acts for the user; every event names both. */
  readonly actor: Types.ObjectId | undefined;
  /** The device cookie that an earlier sign-in set. */
  readonly deviceId: string | undefined;
  readonly log: FlowLog;
  /** Whether the request brings a solved challenge, such as a captcha. */
  challengeSolved(): Promise<boolean>;
  /** Takes work that is done once the answer is sent, because its time would tell whether an account exists. */
  defer(act: () => Promise<unknown>): void;
}

/** Facts about a request, independent of the framework. */
export interface RequestFacts {
  /** The client's address: of the connection, or as a trusted proxy gives it. */
  readonly address?: string | undefined;
  readonly userAgent?: string | undefined;
  readonly located?: Located | undefined;
  /** The session token in the browser's cookie. */
  readonly sessionToken?: string | undefined;
  /** The administrator who acts for the user. Default: nobody does. */
  readonly actor?: Types.ObjectId | undefined;
  /** The value of the device cookie. */
  readonly deviceId?: string | undefined;
  /** Default: nothing is logged. */
  readonly log?: FlowLog;
  /** Default: no challenge was solved. */
  readonly challengeSolved?: () => Promise<boolean>;
  /** Takes work for after the answer. Default: it is begun at once and not waited for. */
  readonly defer?: (act: () => Promise<unknown>) => void;
}

const silent: FlowLog = { error: () => undefined };

/** Somebody who makes a request, from what is known of it. */
export function requesterFrom(facts: RequestFacts): Requester {
  const { userAgent, log = silent } = facts;
  const runAtOnce = (act: () => Promise<unknown>) =>
    void act().catch((err: unknown) => log.error({ err }, "what follows an answer was not done"));
  return {
    userAgent,
    // Read when a flow asks: most requests only have their session checked.
    get address() {
      const { address } = facts;
      return address === undefined ? undefined : canonicalClientAddress(address);
    },
    get located() {
      return locatedBy(log, () => facts.located);
    },
    get sessionToken() {
      return facts.sessionToken;
    },
    get actor() {
      return facts.actor;
    },
    get deviceId() {
      return facts.deviceId;
    },
    log,
    challengeSolved: facts.challengeSolved ?? (async () => false),
    defer: facts.defer ?? runAtOnce,
  };
}
