import { randomBytes } from "node:crypto";
import type { IdentityModels, MigratingSessions } from "@org/db-models";
import { type Connection, type HydratedDocument, Schema, type Types } from "mongoose";

/** An application's session operations, each from the content of a request: a cookie, or at sign-in an address. */
export interface SessionService {
  /** From when the password was right. Ends the oldest sessions above the cap. Returns the cookie. */
  open(email: string, now: Date): Promise<string>;
  validate(token: string, now: Date): Promise<boolean>;
  /** Returns how many live sessions the user was shown. */
  list(token: string, now: Date): Promise<number>;
  revoke(token: string, now: Date): Promise<void>;
}

const cap = 10;
const client = {
  userAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
  ip: "203.0.113.7",
};

/** Sessions of their own collection, through `MigratingSessions`, or the `sessions` of the identity object after contract. */
export function separateSessions(
  { User }: IdentityModels,
  sessions: Pick<MigratingSessions, "open" | "validate" | "list"> & {
    revoke(input: { userId: Types.ObjectId; sessionId: Types.ObjectId }): Promise<unknown>;
  },
): SessionService {
  const authenticated = async (token: string) => {
    const check = await sessions.validate(token);
    return check.ok ? check.session : undefined;
  };
  return {
    open: async (email) => {
      const user = await User.collection.findOne({ email }, { projection: { _id: 1 } });
      if (!user) throw new Error(`there is no user ${email}`);
      return (await sessions.open({ userId: user._id as Types.ObjectId, ...client })).token;
    },
    validate: async (token) => (await authenticated(token)) !== undefined,
    list: async (token) => {
      const session = await authenticated(token);
      return session ? (await sessions.list({ userId: session.userId })).length : 0;
    },
    revoke: async (token) => {
      const session = await authenticated(token);
      if (session) await sessions.revoke({ userId: session.userId, sessionId: session.id });
    },
  };
}

interface EmbeddedSession {
  token: string;
  userAgent?: string;
  ip?: string;
  createdAt: Date;
  lastActivity: Date;
  expiresAt: Date;
  active: boolean;
}

interface EmbeddedUser {
  email: string;
  name?: string;
  createdAt: Date;
  updatedAt: Date;
  sessions: EmbeddedSession[];
}

const sessionSchema = new Schema<EmbeddedSession>({
  token: String,
  userAgent: String,
  ip: String,
  createdAt: Date,
  lastActivity: Date,
  expiresAt: Date,
  active: Boolean,
});

const userSchema = new Schema<EmbeddedUser>(
  { email: String, name: String, createdAt: Date, updatedAt: Date, sessions: [sessionSchema] },
  { collection: "legacy_users", versionKey: false, autoIndex: false, autoCreate: false },
);

const idleMs = 12 * 3_600_000;
const touchIntervalMs = 60_000;

/** The application before the migration, written the way Mongoose's guides go: it loads the user, changes it, saves it. */
export function embeddedSessions(connection: Connection): SessionService {
  const User = connection.model<EmbeddedUser>("EmbeddedUser", userSchema);
  const isLive = (session: EmbeddedSession, now: Date) => session.active && session.expiresAt > now;
  const liveOf = (user: HydratedDocument<EmbeddedUser>, now: Date) =>
    user.sessions.filter((session) => isLive(session, now));
  const authenticated = async (token: string, now: Date) => {
    const user = await User.findOne({ "sessions.token": token });
    const session = user?.sessions.find((one) => one.token === token);
    if (!user || !session || !isLive(session, now)) return undefined;
    if (now.getTime() - session.lastActivity.getTime() >= touchIntervalMs) {
      Object.assign(session, { lastActivity: now, expiresAt: new Date(now.getTime() + idleMs) });
      await user.save();
    }
    return user;
  };
  return {
    open: async (email, now) => {
      const user = await User.findOne({ email });
      if (!user) throw new Error(`there is no user ${email}`);
      const live = liveOf(user, now).sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime());
      for (const oldest of live.slice(0, Math.max(live.length - cap + 1, 0))) oldest.active = false;
      const token = randomBytes(32).toString("hex");
      const expiresAt = new Date(now.getTime() + idleMs);
      user.sessions.push({ token, ...client, createdAt: now, lastActivity: now, expiresAt, active: true });
      await user.save();
      return token;
    },
    validate: async (token, now) => (await authenticated(token, now)) !== undefined,
    list: async (token, now) => {
      const user = await authenticated(token, now);
      if (!user) return 0;
      return liveOf(user, now)
        .sort((a, b) => b.expiresAt.getTime() - a.expiresAt.getTime())
        .map(({ userAgent, ip, lastActivity }) => ({ userAgent, ip, lastActivity })).length;
    },
    revoke: async (token) => {
      await User.updateOne({ "sessions.token": token }, { $pull: { sessions: { token } } });
    },
  };
}

export const operations = ["validate", "list", "open", "revoke"] as const;

/** Median milliseconds of each operation. */
export type OperationTimes = Record<(typeof operations)[number], number>;

/** Signs a user in and out again and again, and times what is done in between. */
export async function timeSessions(
  service: SessionService,
  email: string,
  now: Date,
  rounds: number,
): Promise<OperationTimes> {
  const times: Record<keyof OperationTimes, number[]> = { validate: [], list: [], open: [], revoke: [] };
  const time = async <T>(operation: keyof OperationTimes, act: () => Promise<T>): Promise<T> => {
    const started = performance.now();
    const result = await act();
    times[operation].push(performance.now() - started);
    return result;
  };
  // The first round, which is not counted, ends what is above the cap.
  await service.revoke(await service.open(email, now), now);
  for (let round = 0; round < rounds; round++) {
    const token = await time("open", () => service.open(email, now));
    if (!(await time("validate", () => service.validate(token, now))))
      throw new Error("a new session is refused");
    if ((await time("list", () => service.list(token, now))) === 0)
      throw new Error("a user who is signed in is shown no session");
    await time("revoke", () => service.revoke(token, now));
  }
  return {
    validate: median(times.validate),
    list: median(times.list),
    open: median(times.open),
    revoke: median(times.revoke),
  };
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
