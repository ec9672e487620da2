// better-auth on its MongoDB adapter, with sessions of its own layout.
import { createHmac, randomBytes } from "node:crypto";
import { betterAuth } from "better-auth";
import { mongodbAdapter } from "better-auth/adapters/mongodb";
import { type Db, ObjectId } from "mongodb";

const users = 500;
const batchSize = 5_000;
const lifetimeMs = 7 * 86_400_000;

/** As its documents set it up for MongoDB; without rate limits and telemetry. */
export function authOn(db: Db, secret: string) {
  return betterAuth({
    secret,
    baseURL: "http://127.0.0.1",
    database: mongodbAdapter(db),
    emailAndPassword: { enabled: true },
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
  });
}

/** Stores so many sessions of 500 users; gives the cookie of one session of each. */
export async function loadAuthSessions(db: Db, secret: string, sessions: number): Promise<string[]> {
  // Its own sign-up makes its indexes, and a session to make the others like.
  await authOn(db, secret).api.signUpEmail({
    body: { email: "first@example.com", password: "correct horse", name: "First" },
  });
  const user = await db.collection("user").findOne();
  const session = await db.collection("session").findOne();
  if (!user || !session) throw new Error("better-auth stored no session");
  const userIds = Array.from({ length: users }, () => new ObjectId());
  await db
    .collection("user")
    .insertMany(userIds.map((_id, index) => ({ ...user, _id, email: `user-${index}@example.com` })));
  const tokens: string[] = [];
  const now = Date.now();
  await load(db.collection("session"), sessions, (index) => {
    const token = randomBytes(24).toString("base64url");
    if (tokens.length < users) tokens.push(token);
    const dates = {
      createdAt: new Date(now),
      updatedAt: new Date(now),
      expiresAt: new Date(now + lifetimeMs),
    };
    return { ...session, _id: new ObjectId(), token, userId: userIds[index % users], ...dates };
  });
  return tokens.map((token) => {
    const signature = createHmac("sha256", secret).update(token).digest("base64");
    return `better-auth.session_token=${encodeURIComponent(`${token}.${signature}`)}`;
  });
}

/** Inserts so many documents, by 5,000. */
export async function load(
  collection: { insertMany(documents: never[], options: { ordered: false }): Promise<unknown> },
  count: number,
  make: (index: number) => object,
): Promise<void> {
  for (let done = 0; done < count; done += batchSize) {
    const length = Math.min(batchSize, count - done);
    const batch = Array.from({ length }, (_, index) => make(done + index));
    await collection.insertMany(batch as never[], { ordered: false });
  }
}
