import type { AppUsageDay, TakenOffSummary, UserAnalyticsReport } from "@org/db-models";
import type { FormState } from "./look/frame.js";
import type { Text } from "./look/language.js";

/** Proofs that a held sign-in can ask for. */
export const challengeMethods = ["passkey", "totp", "email", "recovery_code", "password"] as const;
export type ChallengeMethod = (typeof challengeMethods)[number];

interface WithForm {
  readonly state: FormState;
}

/** A session, as its owner sees it. */
export interface SessionView {
  readonly id: string;
  readonly device: string;
  readonly place: string | undefined;
  readonly address: string | undefined;
  readonly createdAt: Date;
  readonly lastSeenAt: Date;
  readonly risk: "medium" | "high" | undefined;
  /** Whether it is the session of this request. */
  /** Of a session in which an administrator acts for the user; the reason where users are told it. */
  readonly impersonation: { readonly reason?: string } | undefined;
  readonly current: boolean;
}

export interface PasskeyView {
  readonly id: string;
  readonly name: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | undefined;
}

/** A device on which no second factor is asked for. */
interface RememberedDeviceView {
  readonly id: string;
  readonly label: string;
  readonly lastUsedAt: Date;
  readonly expiresAt: Date;
}

/** An app that the user lets do something. */
export interface AppView {
  readonly clientId: string;
  readonly name: string;
  readonly homepage: string | undefined;
  /** False while it was suspended, or is deleted: nothing of it works. */
  readonly isActive: boolean;
  readonly scopes: readonly string[];
  readonly grantedAt: Date;
  readonly lastUsedAt: Date | undefined;
}

export interface ApiKeyView {
  readonly id: string;
  readonly name: string;
  /** The first characters of the key. */
  readonly start: string;
  readonly scopes: readonly string[];
  readonly requests: number;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | undefined;
  readonly expiresAt: Date | undefined;
  readonly formerExpiresAt: Date | undefined;
}

export interface ActivityView {
  readonly kind: string;
  readonly severity: "info" | "warning" | "critical";
  readonly at: Date;
  readonly device: string | undefined;
  readonly country: string | undefined;
  readonly network: string | undefined;
  /** The session that it tells of, where that can be reported as somebody else's. */
  readonly sessionId: string | undefined;
}

/** A report of a sign-in as somebody else's. */
export interface ReportView {
  readonly id: string;
  readonly device: string;
  readonly country: string | undefined;
  readonly reportedAt: Date;
  readonly takenOff: TakenOffSummary;
  /** Until when it can be undone; undefined when it can't be. */
  readonly undoUntil: Date | undefined;
  readonly undoneAt: Date | undefined;
  readonly restored: number;
}

/** What a demonstration shows first. */
export interface DemoView {
  /** Accounts to sign in to with one click. Everybody who sees the page can. */
  readonly accounts: ReadonlyArray<{
    readonly label: string;
    readonly text: string;
    readonly identifier: string;
    readonly password: string;
  }>;
  /** Other places. */
  readonly links: ReadonlyArray<{ readonly label: string; readonly text: string; readonly href: string }>;
}

/** An identity provider, as people see it. */
export interface ProviderView {
  readonly id: string;
  readonly name: string;
}

/** Content of each page, as its template gets it. */
export interface PageViews {
  signIn: WithForm & {
    readonly returnTo: string | undefined;
    readonly canSignUp: boolean;
    /** Whether people can sign in with a passkey. */
    readonly passkeys: boolean;
    readonly providers: readonly ProviderView[];
  };
  /** Asks whether an app may have what it asks for. */
  authorize: WithForm & {
    /** Token of the request; the form sends it. */
    readonly request: string;
    readonly app: {
      readonly name: string;
      readonly description: string | undefined;
      /** User name of who registered it, or the name that they show. */
      readonly owner: string | undefined;
      /** Host or scheme that the answer goes to. */
      readonly place: string;
    };
    readonly email: string;
    readonly scopes: ReadonlyArray<{ readonly scope: string; readonly isNew: boolean }>;
    /** How long the app may have access while the user is away, with the scope `offline_access`. */
    readonly days: number;
  };
  /** Goes on to an app, or to the end of a sign-in at a provider. */
  goOn: { readonly to: string; readonly from: "app" | "provider" };
  /** Goes on to an app by a form, which sends itself. */
  formPost: { readonly action: string; readonly fields: Readonly<Record<string, string>> };
  /** A device that waits: first its code, then whether it may. */
  device: WithForm & {
    readonly userCode: string;
    /** The device, once the code was found. */
    readonly asking:
      | { readonly app: string; readonly email: string; readonly scopes: readonly string[] }
      | undefined;
    readonly done: "allowed" | "denied" | undefined;
  };
  /** Where an administrator begins to act for a user, and stops. */
  impersonation: {
    /** Absent where it is over, and the browser has it still: one stops it. */
    readonly acts: { readonly email: string; readonly until: Date } | undefined;
    readonly home: string;
  };
  /** Asks whether to sign out, for an app that asks for it. */
  endSession: WithForm & {
    readonly query: string;
    readonly app: string | undefined;
    /** Signing out leads to no app: the address that was asked for is not the app's. */
    readonly staysHere: boolean;
  };
  /** Goes on to a provider. */
  leave: { readonly to: string; readonly name: string };
  providers: WithForm & {
    readonly providers: ReadonlyArray<ProviderView & { readonly linkedAt: Date | undefined }>;
  };
  signUp: WithForm & {
    readonly passwordMin: number;
    readonly providers: readonly ProviderView[];
    readonly returnTo: string | undefined;
  };
  checkMail: {
    readonly purpose: "sign_up" | "reset" | undefined;
    readonly email: string | undefined;
    readonly returnTo: string | undefined;
  };
  challenge: WithForm & {
    /** What is asked for now. */
    readonly method: ChallengeMethod;
    /** What would do instead. */
    readonly others: readonly ChallengeMethod[];
    readonly returnTo: string | undefined;
    /** Whether the browser can be remembered: no second factor is asked for in it then, for some weeks. */
    readonly canRemember: boolean;
  };
  forgottenPassword: WithForm & { readonly returnTo: string | undefined };
  resetPassword: WithForm & { readonly token: string; readonly passwordMin: number };
  verifyEmail: WithForm & { readonly token: string };
  emailChange: WithForm & { readonly email: string };
  confirmEmail: WithForm & { readonly token: string };
  undoEmail: WithForm & { readonly token: string };
  /** Asks whether a sign-in is to be reported, for who followed the link of its mail. */
  reportSignIn: WithForm & { readonly token: string };
  /** For who has lost every second factor. */
  recover: WithForm;
  finishRecovery: WithForm & { readonly token: string };
  cancelRecovery: WithForm & { readonly token: string };
  signedIn: { readonly to: string };
  /** Whose sign-out a page asked for goes on from the sign-in to that page. */
  signOut: WithForm & { readonly returnTo: string | undefined };
  profile: WithForm & {
    readonly email: string;
    readonly emailVerified: boolean;
    readonly timezone: string;
    readonly language: string;
    /** Languages that the pages have, as BCP 47 tags. */
    readonly languages: readonly string[];
    readonly hasPassword: boolean;
  };
  password: WithForm & {
    readonly email: string;
    readonly passwordMin: number;
    /** False where it is the account's first. */
    readonly hasPassword: boolean;
  };
  confirm: WithForm & {
    readonly returnTo: string;
    readonly email: string;
    readonly needsCode: boolean;
    /** The session that is to be reported: a code of what it added is not asked for. */
    readonly reported: string | undefined;
    readonly passkeys: boolean;
    /** False where a sign-in with one of `providers` is the only proof. */
    readonly hasPassword: boolean;
    readonly providers: readonly ProviderView[];
  };
  security: WithForm & {
    readonly factors: {
      readonly totpSince: Date | undefined;
      readonly recoveryCodes: number;
      /** Whether an app can be set up. */
      readonly apps: boolean;
    };
    /** Undefined where there are no passkeys. */
    readonly passkeys: readonly PasskeyView[] | undefined;
    readonly rememberedDevices: readonly RememberedDeviceView[];
    /** When the second factors can be removed by somebody who says that all are lost. */
    readonly recoveryAt: Date | undefined;
    /** Whether there are providers to link. */
    readonly canLink: boolean;
    readonly sessions: readonly SessionView[];
    /** The newest. */
    readonly reports: readonly ReportView[];
    readonly alerts: { readonly newDevice: boolean; readonly newLocation: boolean };
    readonly allowlist: readonly string[];
  };
  allowlist: WithForm & { readonly allowlist: readonly string[]; readonly address: string | undefined };
  authenticator: WithForm & {
    /** Whether an app can be set up. */
    readonly apps: boolean;
    /** Whether a passkey can be added here, as the first second factor of an account. */
    readonly passkeys: boolean;
    /** The app that is being set up; `qrCode` has a row of `0` and `1` for each row of the code. */
    readonly setup:
      | { readonly secret: string; readonly uri: string; readonly qrCode: readonly string[] }
      | undefined;
    /** Where to go on afterwards; the forms repeat it. */
    readonly returnTo: string | undefined;
  };
  removeAuthenticator: WithForm;
  recoveryCodes: WithForm & {
    readonly left: number;
    readonly codes: readonly string[] | undefined;
    /** Where to go on afterwards; the form repeats it. */
    readonly returnTo: string | undefined;
    /** The address to go on to. */
    readonly next: string;
  };
  /** What apps may do. */
  apps: WithForm & {
    readonly apps: readonly AppView[];
    /** Whether apps are registered for the person, too. */
    readonly ownsApps: boolean;
    /** How long an app may have access while the user is away, with the scope `offline_access`. */
    readonly days: number;
    readonly next: string | undefined;
    readonly isFirst: boolean;
  };
  ownApps: {
    readonly apps: ReadonlyArray<{
      readonly clientId: string;
      readonly name: string;
      readonly isActive: boolean;
      readonly createdAt: Date;
    }>;
    readonly next: string | undefined;
    readonly isFirst: boolean;
  };
  appUsage: {
    readonly name: string;
    readonly clientId: string;
    /** Days with requests, UTC, the newest first. */
    readonly days: readonly AppUsageDay[];
    readonly now: Date;
  };
  apiKeys: WithForm & { readonly keys: readonly ApiKeyView[]; readonly next: string | undefined };
  apiKeyShown: { readonly name: string; readonly key: string; readonly formerExpiresAt: Date | undefined };
  activity: {
    readonly events: readonly ActivityView[];
    readonly next: string | undefined;
    readonly isFirst: boolean;
  };
  usage: {
    readonly days: number;
    readonly requests: number;
    readonly failures: number;
    readonly signIns: number;
    /** The oldest first, days without requests included. */
    readonly byDay: ReadonlyArray<{
      readonly day: Date;
      readonly requests: number;
      readonly failures: number;
    }>;
    readonly endpoints: UserAnalyticsReport["usage"]["byEndpoint"];
    readonly devices: ReadonlyArray<{ readonly label: string; readonly lastSeenAt: Date }>;
  };
  data: WithForm & { readonly email: string; readonly hasPassword: boolean };
  demo: DemoView;
  error: { readonly title: Text; readonly text: Text; readonly reference: string | undefined };
}

export type PageName = keyof PageViews;
