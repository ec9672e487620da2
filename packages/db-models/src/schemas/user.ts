import { Schema, type Types } from "mongoose";
import { administratorRoles } from "../core/administrator-roles.js";
import { duration, limits } from "../core/limits.js";
import {
  absentable,
  count,
  hash,
  keptText,
  list,
  lookupHash,
  purgeAtTtl,
  requiredDate,
  requiredText,
  schemaOptions,
  text,
} from "./parts/fields.js";
import { type BaseDocument, schemaVersion } from "./parts/version.js";

/** `pending` waits for its email address to be verified; it, `suspended` and `deleted` may not sign in. */
export const userStatuses = ["pending", "active", "suspended", "deleted"] as const;
export type UserStatus = (typeof userStatuses)[number];

export const themes = ["system", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

export const limitPolicies = ["evict_oldest", "deny"] as const;
/** Behaviour of a login when the user already has as many live sessions as allowed (ASVS 7.1.2). */
export type LimitPolicy = (typeof limitPolicies)[number];

export const subscriptionPlans = ["free", "pro", "team", "enterprise"] as const;
export type SubscriptionPlan = (typeof subscriptionPlans)[number];

export const subscriptionStatuses = ["trialing", "active", "past_due", "cancelled"] as const;
export type SubscriptionStatus = (typeof subscriptionStatuses)[number];

export interface UserProfile {
  displayName?: string;
  bio?: string;
  company?: string;
  location?: string;
  /** IANA time zone name, such as `Europe/Oslo`. */
  timezone: string;
  /** BCP 47 tag, such as `en-GB`. */
  language: string;
  theme: Theme;
}

/** Settings of an account, with what its document leaves out. */
export interface UserSecurity {
  /** Milliseconds without a request after which a session ends. Default 12 hours. */
  idleTimeoutMs: number;
  /** Milliseconds after which a session ends in any case. Default 30 days (NIST SP 800-63B-4, AAL1). */
  absoluteLifetimeMs: number;
  /** Live sessions at the same time. Default 10. */
  maxConcurrentSessions: number;
  /** Default `evict_oldest`. */
  limitPolicy: LimitPolicy;
  alerts: { newDevice: boolean; newLocation: boolean };
  /** CIDR ranges that may sign in; empty means any. */
  ipAllowlist: string[];
}

/** The settings that a user has changed: see `defaultSecurity` for the others. */
export type StoredUserSecurity = Partial<Omit<UserSecurity, "alerts">> & {
  alerts?: Partial<UserSecurity["alerts"]>;
};

export interface UserSubscription {
  plan: SubscriptionPlan;
  status: SubscriptionStatus;
  periodEnd?: Date;
}

export interface FavouriteEndpoint {
  endpoint: string;
  /** Never too low, and too high by at most `error`. */
  requests: number;
  error: number;
}

export interface UserApiUsage {
  totals: { requests: number; failures: number };
  window: { startedAt?: Date; resetAt?: Date; requests: number };
  /** Requests per window. Default 10,000. */
  limit: number;
  favouriteEndpoints: FavouriteEndpoint[];
}

export interface KnownDevice {
  deviceHash: Buffer;
  label: string;
  firstSeenAt: Date;
  lastSeenAt: Date;
}

export interface KnownCountry {
  /** ISO 3166-1 alpha-2. */
  code: string;
  logins: number;
  lastSeenAt: Date;
}

export interface UserAnalytics {
  /** 0 to 100. */
  engagementScore: number;
  logins: number;
  lastLoginAt?: Date;
  devices: KnownDevice[];
  countries: KnownCountry[];
}

export interface ExternalIdentity {
  /** SHA-256 of issuer and subject: one value, so that one index entry decides and no two elements can be mixed up. */
  key: Buffer;
  /** Name of the provider in the application's settings. */
  provider: string;
  linkedAt: Date;
  /** The session that linked it. */
  addedInSession?: Types.ObjectId;
}

/** A token that was sent to an email address. It stays until the next one of its kind, so that a used one is known as such. */
export interface OneTimeToken {
  tokenHash: Buffer;
  /** Where it was sent: it is void once the account has another address. */
  email: string;
  expiresAt: Date;
  usedAt?: Date;
  /** The address that it is to replace; only of a change. */
  from?: string;
  /** `sessionGeneration` as it was asked for: it is void once every session has ended. Only of a change. */
  generation?: number;
}

/** An address that the account had, for whose owner a change can be undone. */
export interface EmailUndo {
  email: string;
  /** Of the tokens that this address was sent. */
  tokenHashes: Buffer[];
  requestedAt: Date;
  /** When the account got another one; absent while that waits for its confirmation. */
  changedAt?: Date;
  expiresAt: Date;
  /** The session that asked for the change, the last one that did. */
  requestedInSession?: Types.ObjectId;
}

/** A person who signs in. Collection `users`. */
export interface UserDocument extends BaseDocument {
  /** Normalised: trimmed, NFC, lower case. */
  email: string;
  emailVerifiedAt?: Date;
  /** Normalised like the email. */
  username?: string;
  /** argon2id in PHC format; never selected by default. */
  passwordHash?: string;
  passwordChangedAt?: Date;
  /** When the password was set with a mailed token; absent once a signed-in user has changed it. */
  passwordResetAt?: Date;
  status: UserStatus;
  /** Of an account that was suspended while its address waited to be verified: it returns to that. */
  suspendedFrom?: Extract<UserStatus, "pending">;
  roles: string[];
  profile: UserProfile;
  /** Absent while everything is as for a new account. */
  security?: StoredUserSecurity;
  subscription: UserSubscription;
  apiUsage: UserApiUsage;
  analytics: UserAnalytics;
  /** Absent when there is none, so that the unique index leaves it out. */
  externalIdentities?: ExternalIdentity[];
  emailVerification?: OneTimeToken;
  passwordReset?: OneTimeToken;
  /** The change of the address that was asked for last. */
  emailChange?: OneTimeToken;
  /** The oldest first; absent when there is none, so that the unique index leaves it out. */
  emailUndos?: EmailUndo[];
  /** When tokens were sent to the account's address, by kind, the last first: limits what its mailbox receives. */
  messagesAt?: { emailVerification?: Date[]; passwordReset?: Date[]; emailChange?: Date[] };
  /** Rises when every session of the user must end; a session opened under an older one is not live. */
  sessionGeneration: number;
  /** Links audit events to this person; destroying it makes them anonymous. Never selected by default. */
  auditKey: string;
  lastActiveAt?: Date;
  createdAt: Date;
  updatedAt: Date;
  /** When a deleted account is removed for good. */
  purgeAt?: Date;
}

const oneTimeToken = new Schema<OneTimeToken>(
  {
    tokenHash: { ...hash, required: true },
    email: requiredText(limits.email),
    expiresAt: requiredDate,
    usedAt: Date,
    from: text(limits.email),
    generation: { type: Number, min: 0 },
  },
  { _id: false },
);

const emailUndo = new Schema<EmailUndo>(
  {
    email: requiredText(limits.email),
    tokenHashes: list({ ...hash, required: true }, limits.messages),
    requestedAt: requiredDate,
    changedAt: Date,
    expiresAt: requiredDate,
    requestedInSession: Schema.Types.ObjectId,
  },
  { _id: false },
);

const moments = { ...list(requiredDate, limits.messages), default: undefined };
const messagesAt = new Schema<NonNullable<UserDocument["messagesAt"]>>(
  { emailVerification: moments, passwordReset: moments, emailChange: moments },
  { _id: false },
);

const profile = new Schema<UserProfile>(
  {
    displayName: text(limits.displayName),
    bio: text(limits.bio),
    company: text(limits.company),
    location: text(limits.location),
    timezone: { ...requiredText(limits.timezone), default: "UTC" },
    language: { ...requiredText(limits.language), default: "en" },
    theme: { type: String, enum: themes, default: "system", required: true },
  },
  { _id: false },
);

const security = new Schema<StoredUserSecurity>(
  {
    idleTimeoutMs: { type: Number, min: duration.minute, max: 90 * duration.day },
    absoluteLifetimeMs: { type: Number, min: duration.minute, max: 365 * duration.day },
    maxConcurrentSessions: { type: Number, min: 1, max: limits.concurrentSessions },
    limitPolicy: { type: String, enum: limitPolicies },
    alerts: { newDevice: Boolean, newLocation: Boolean },
    ipAllowlist: absentable(list(requiredText(limits.cidr), limits.allowlist)),
  },
  { _id: false },
);

const subscription = new Schema<UserSubscription>(
  {
    plan: { type: String, enum: subscriptionPlans, required: true, default: "free" },
    status: { type: String, enum: subscriptionStatuses, required: true, default: "active" },
    periodEnd: Date,
  },
  { _id: false },
);

const favouriteEndpoint = new Schema<FavouriteEndpoint>(
  { endpoint: keptText(limits.endpoint), requests: count, error: count },
  { _id: false },
);

const apiUsage = new Schema<UserApiUsage>(
  {
    totals: { requests: count, failures: count },
    window: { startedAt: Date, resetAt: Date, requests: count },
    limit: { type: Number, required: true, default: 10_000, min: 0, max: 1_000_000_000 },
    favouriteEndpoints: list(favouriteEndpoint, limits.favouriteEndpoints),
  },
  { _id: false },
);

const knownDevice = new Schema<KnownDevice>(
  {
    deviceHash: { ...lookupHash, required: true },
    label: requiredText(limits.name),
    firstSeenAt: requiredDate,
    lastSeenAt: requiredDate,
  },
  { _id: false },
);

const knownCountry = new Schema<KnownCountry>(
  {
    code: { type: String, minlength: 2, maxlength: 2, required: true },
    logins: count,
    lastSeenAt: requiredDate,
  },
  { _id: false },
);

const analytics = new Schema<UserAnalytics>(
  {
    engagementScore: { type: Number, required: true, default: 0, min: 0, max: 100 },
    logins: count,
    lastLoginAt: Date,
    devices: list(knownDevice, limits.devices),
    countries: list(knownCountry, limits.countries),
  },
  { _id: false },
);

export const externalIdentitySchema = new Schema<ExternalIdentity>(
  {
    key: { ...hash, required: true },
    provider: requiredText(limits.name),
    linkedAt: requiredDate,
    addedInSession: Schema.Types.ObjectId,
  },
  { _id: false },
);

const embedded = <T>(schema: Schema<T>) => ({ type: schema, required: true, default: () => ({}) });

export const userSchema = new Schema<UserDocument>(
  {
    email: { ...requiredText(limits.email), lowercase: true, minlength: 3 },
    emailVerifiedAt: Date,
    username: { ...text(limits.username), lowercase: true },
    passwordHash: { type: String, maxlength: 256, select: false },
    passwordChangedAt: Date,
    passwordResetAt: Date,
    status: { type: String, enum: userStatuses, required: true, default: "active" },
    suspendedFrom: { type: String, enum: ["pending"] },
    roles: list(requiredText(limits.role), limits.roles + administratorRoles.length),
    profile: embedded(profile),
    security,
    subscription: embedded(subscription),
    apiUsage: embedded(apiUsage),
    analytics: embedded(analytics),
    externalIdentities: { ...list(externalIdentitySchema, limits.identities), default: undefined },
    emailVerification: { type: oneTimeToken, select: false },
    passwordReset: { type: oneTimeToken, select: false },
    emailChange: { type: oneTimeToken, select: false },
    emailUndos: { ...list(emailUndo, limits.emailUndos), default: undefined, select: false },
    messagesAt: { type: messagesAt, select: false },
    sessionGeneration: count,
    auditKey: { type: String, minlength: 43, maxlength: 43, required: true, select: false },
    lastActiveAt: Date,
    createdAt: requiredDate,
    updatedAt: requiredDate,
    purgeAt: Date,
    schemaVersion,
  },
  schemaOptions("users"),
);

/** From this score on a user is among the most engaged ones, which are listed. */
export const leastEngagement = 75;
/** From so many requests in all on a user is among the heaviest ones, which are listed. */
export const leastHeavyUse = 10_000;

// Each index names, behind it, the query of queries.ts that needs it.
userSchema
  .index({ email: 1 }, { name: "email_unique", unique: true }) // userByEmail
  .index({ username: 1 }, { name: "username_unique", unique: true, sparse: true }) // userByUsername
  .index({ "externalIdentities.key": 1 }, { name: "external_identity_unique", unique: true, sparse: true }) // userByExternalIdentity
  .index(
    { "emailVerification.tokenHash": 1 },
    { name: "email_verification_unique", unique: true, sparse: true },
  ) // userByEmailVerification
  .index({ "passwordReset.tokenHash": 1 }, { name: "password_reset_unique", unique: true, sparse: true }) // userByPasswordReset
  .index({ "emailChange.tokenHash": 1 }, { name: "email_change_unique", unique: true, sparse: true }) // userByEmailChange
  .index({ "emailUndos.tokenHashes": 1 }, { name: "email_undo_unique", unique: true, sparse: true }) // userByEmailUndo
  .index({ createdAt: -1, _id: -1 }, { name: "newest" }) // newestUsers
  .index({ status: 1, createdAt: -1, _id: -1 }, { name: "status_newest" }) // usersByStatus
  // Most users have no role.
  .index(
    { roles: 1, createdAt: -1, _id: -1 },
    { name: "role_newest", partialFilterExpression: { "roles.0": { $exists: true } } },
  ) // usersByRole
  .index({ status: 1, lastActiveAt: 1, _id: 1 }, { name: "status_dormant" }) // dormantUsers, activeUsersByStatus
  .index({ lastActiveAt: -1, _id: -1 }, { name: "recently_active" }) // recentlyActiveUsers
  // Who pays nothing has no period.
  .index(
    { "subscription.status": 1, "subscription.periodEnd": 1, _id: 1 },
    {
      name: "subscription_ending",
      partialFilterExpression: { "subscription.periodEnd": { $exists: true } },
    },
  ) // subscriptionsEnding
  .index(
    { "profile.company": 1, "profile.displayName": 1, _id: 1 },
    { name: "company_name", partialFilterExpression: { "profile.company": { $exists: true } } },
  ) // usersOfCompany
  // Only of those at the top: each sign-in and each group of requests would move the entries of all.
  .index(
    { "analytics.engagementScore": -1, _id: -1 },
    {
      name: "engagement",
      partialFilterExpression: { "analytics.engagementScore": { $gte: leastEngagement } },
    },
  ) // mostEngagedUsers
  .index(
    { "apiUsage.totals.requests": -1, _id: -1 },
    {
      name: "api_heaviest",
      partialFilterExpression: { "apiUsage.totals.requests": { $gte: leastHeavyUse } },
    },
  ) // heaviestApiUsers
  .index({ purgeAt: 1 }, purgeAtTtl); // TTL: deleted accounts, after their grace period
