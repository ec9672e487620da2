import { day, type Generation, identifier, kind, type Person } from "./people.js";

/** A document of `sign_in_reports`: one of forty people has reported a sign-in, and one of thirty got a button by mail. */
export function* signInReportDocuments(
  { now }: Generation,
  { random, id, index }: Person,
): Generator<Record<string, unknown>> {
  const createdAt = new Date(now.getTime() - random.integer(1, 60 * 24) * 3_600_000);
  const common = {
    userId: id,
    sessionId: identifier(createdAt, index, kind.session, 0),
    signIn: {
      at: createdAt,
      device: "Firefox on Linux",
      risk: { level: "medium", reasons: ["new_country"] },
    },
    createdAt,
    schemaVersion: 1,
  };
  if (index % 40 === 11) {
    const reportedAt = new Date(createdAt.getTime() + 3_600_000);
    const taken = { passkeys: [], externalIdentities: [], apiKeys: [], apps: [] };
    yield {
      ...common,
      _id: identifier(createdAt, index, kind.waiting, 6),
      state: "done",
      reportedAt,
      userGeneration: 0,
      takenOff: { ...taken, totp: false, recoveryCodes: false, password: true },
      toldAt: reportedAt,
      undoUntil: new Date(reportedAt.getTime() + 7 * day),
      ...(index % 80 === 11 && { sweepAt: new Date(reportedAt.getTime() + 600_000) }),
      purgeAt: new Date(reportedAt.getTime() + 365 * day),
    };
  }
  if (index % 30 === 13) {
    const tokenExpiresAt = new Date(now.getTime() + 7 * day);
    yield {
      ...common,
      _id: identifier(createdAt, index, kind.waiting, 7),
      sessionId: identifier(createdAt, index, kind.session, 1),
      state: "offered",
      tokenHash: random.bytes(32),
      tokenExpiresAt,
      purgeAt: tokenExpiresAt,
    };
  }
}
