import type { SessionSummary } from "@org/db-models";

/** A session as its user sees it. */
export type ToldSession = Omit<SessionSummary, "impersonation"> & {
  /** An administrator's, who acts for the user; the reason where users are told it. */
  readonly impersonation?: { readonly reason?: string };
};

export function toldSession(
  { impersonation, ...session }: SessionSummary,
  { reasons }: { readonly reasons: boolean },
): ToldSession {
  return { ...session, ...(impersonation && { impersonation: reasons ? impersonation : {} }) };
}
