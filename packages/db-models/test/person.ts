import { mongo, Types } from "mongoose";
import { requestApproval } from "../src/administrators/approvals.js";
import { recordLogin } from "../src/analytics/logins.js";
import { prepareBulkJob } from "../src/bulk-jobs/prepare.js";
import { addressBytes, networkOf } from "../src/core/network.js";
import { hashPassword } from "../src/core/passwords.js";
import { lookupHash, randomKey, sha256 } from "../src/core/secrets.js";
import { beginPasskeyAuthentication } from "../src/factors/passkey-authentication.js";
import { requestRecovery } from "../src/factors/recovery.js";
import { rememberDevice } from "../src/factors/remembered-devices.js";
import { verifyTotp } from "../src/factors/totp-codes.js";
import type { IdentityModels, UserDocument } from "../src/index.js";
import { recordSecurityEvent } from "../src/security-events/events.js";
import { openSession } from "../src/sessions/open.js";
import { offerReport } from "../src/sign-in-reports/begin.js";
import { UsageRecorder } from "../src/usage/recorder.js";
import { contextAt } from "./context.js";
import { makeUser } from "./database.js";
import { enrolled } from "./factors-world.js";
import { passkeyContext, withPasskey } from "./passkeys-world.js";
import { appendAudit } from "./recorders.js";

/** A user with documents in every collection, and the values that only this user has. */
export interface KnownPerson {
  ip: string;
  /** As a dump in Extended JSON has it. */
  storedIp: string;
  user: UserDocument;
  /** Texts that are found in the database as long as anything tells of the person. */
  traces: string[];
  /** Values that nobody may ever see. */
  secrets: string[];
}

let people = 0;

/** Stores somebody with something in every collection that can tell of a person. */
export async function makeKnownPerson(models: IdentityModels, now: Date): Promise<KnownPerson> {
  people += 1;
  const name = `Zebulon Quux-${people}-${randomKey().slice(0, 6)}`;
  const ip = `100.${people}.7.9`;
  const passwordHash = await hashPassword(`correct horse ${people}`);
  const user = await makeUser(models, {
    username: `zebulon.${people}.quux`,
    email: `zebulon.${people}.quux@example.org`,
    passwordHash,
    profile: { displayName: name, bio: `I am ${name}` },
    externalIdentities: [{ key: sha256(`github:${people}-zebulon`), provider: "github", linkedAt: now }],
    passwordReset: {
      tokenHash: sha256(`reset ${people}`),
      email: `zebulon.${people}.quux@example.org`,
      expiresAt: now,
    },
    messagesAt: { passwordReset: [now] },
  });
  const { _id: userId, auditKey } = user;
  const network = networkOf(ip) as string;
  const { id: sessionId, token } = await openSession(contextAt(models, now), {
    userId,
    ip,
    userAgent: "curl/8.5.0",
  });
  await recordLogin(contextAt(models, now), {
    userId,
    deviceHash: lookupHash("device"),
    deviceLabel: "curl",
  });
  await recordSecurityEvent(contextAt(models, now), {
    userId,
    kind: "new_device",
    severity: "info",
    network,
  });
  await appendAudit(
    models,
    { action: "session.opened", outcome: "success", actorId: userId, subjectId: userId, network },
    now,
  );
  await appendAudit(models, { action: "user.suspended", outcome: "success", subjectId: userId }, now);
  const usage = new UsageRecorder(models);
  usage.record({ userId, sessionId, endpoint: "GET /v1/profile" }, now);
  await usage.flush();
  const factor = await enrolled(models, userId, now);
  const { session } = await withPasskey(models, userId, now);
  await models.DeviceAuthorization.create({
    deviceHash: sha256(randomKey()),
    userCodeHash: sha256(randomKey()),
    appId: new Types.ObjectId(),
    scopes: ["repo:read"],
    status: "denied",
    userId,
    intervalMs: 5_000,
    createdAt: now,
    expiresAt: now,
    purgeAt: now,
    schemaVersion: 1,
  });
  await beginPasskeyAuthentication(passkeyContext(models, now), { userId });
  const deviceCookie = randomKey();
  const remembered = { session, deviceCookie, label: "Firefox on Windows" };
  await rememberDevice(contextAt(models, now), remembered);
  const waiting = await requestRecovery(contextAt(models, now), { userId });
  // A wrong code leaves a counter.
  await verifyTotp(contextAt(models, now), { userId, code: "000000" });
  const reason = "They have asked for it";
  await requestApproval(contextAt(models, now), {
    action: "user.erase",
    subjectId: userId,
    requestedBy: new Types.ObjectId(),
    reason,
  });
  await prepareBulkJob(contextAt(models, now), {
    act: "lock",
    reason,
    createdBy: userId,
    users: [userId],
    excluded: [{ userId, code: "own_account" }],
  });
  const button = await offerReport(contextAt(models, now), { userId, sessionId });
  const hashes = await makeGrants(models, userId, now);
  const storedIp = addressBytes(ip)!.toString("base64");
  const traces = [
    user.email,
    `zebulon.${people}.quux`,
    name,
    storedIp,
    network,
    auditKey,
    sha256(`github:${people}-zebulon`).toString("base64"),
  ];
  return {
    user,
    ip,
    storedIp,
    traces,
    secrets: [
      passwordHash,
      auditKey,
      token,
      button.token,
      sha256(`reset ${people}`).toString("base64"),
      factor.secret,
      ...factor.codes,
      deviceCookie,
      waiting.ok ? waiting.cancelToken : "",
      ...hashes,
    ],
  };
}

/** An app of the person's own with somebody's token, and a consent, tokens and an API key of the person. */
async function makeGrants(models: IdentityModels, userId: Types.ObjectId, now: Date): Promise<string[]> {
  const appId = new Types.ObjectId();
  const purgeAt = new Date(now.getTime() + 1_000_000);
  const hash = () => sha256(randomKey());
  const hashes = [hash(), hash(), hash(), hash(), hash(), hash()] as const;
  const textOf = (one: Buffer) => one.toString("base64url");
  const dated = { createdAt: now, expiresAt: purgeAt, purgeAt, schemaVersion: 1 };
  await models.App.create({
    _id: appId,
    clientId: `app-${appId.toHexString()}`,
    ownerId: userId,
    name: "An app",
    type: "public",
    clientSecrets: [{ secretHash: hashes[0], createdAt: now }],
    createdAt: now,
    updatedAt: now,
  });
  const token = {
    appId,
    permissionId: new Types.ObjectId(),
    redirectUri: "https://app.example.com/callback",
    absoluteExpiresAt: purgeAt,
    ...dated,
  };
  const somebody = new Types.ObjectId();
  await models.AppToken.create([
    {
      ...token,
      ownerId: userId,
      codeHash: hashes[1],
      codeChallenge: textOf(hashes[2]),
      markKey: textOf(hashes[5]),
    },
    { ...token, ownerId: somebody, codeHash: hashes[3], markKey: textOf(hashes[3]) },
  ]);
  const consent = { appId, scopes: ["profile"], grantedAt: now };
  await models.AppPermission.create([
    { ...consent, userId },
    { ...consent, userId: somebody },
  ]);
  const secrets = [{ keyHash: hashes[4], createdAt: now }];
  await models.ApiKey.create({ userId, name: "A key", secrets, start: "idk_abc", createdAt: now });
  await models.LoginChallenge.create({
    userId,
    tokenHash: sha256(randomKey()),
    codeHash: "$argon2id$not-a-hash",
    risk: { level: "medium", reasons: ["new_country"] },
    createdAt: now,
    expiresAt: purgeAt,
    purgeAt,
  });
  await models.LoginProfile.create({ subject: "user", key: userId.toHexString(), updatedAt: now, purgeAt });
  // As a dump in Extended JSON has them.
  return hashes.flatMap((one) => [one.toString("base64"), textOf(one)]);
}

/** Every document of the database, as one text. */
export async function dumpOf(models: IdentityModels): Promise<string> {
  const db = models.User.db.db!;
  const documents: unknown[] = [];
  for (const { name } of await db.listCollections().toArray()) {
    documents.push(...(await db.collection(name).find().toArray()));
  }
  return mongo.BSON.EJSON.stringify(documents);
}

/** Which of the texts are found. */
export function foundIn(dump: string, texts: readonly string[]): string[] {
  return texts.filter((text) => dump.includes(text));
}
