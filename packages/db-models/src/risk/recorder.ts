import type { Types } from "mongoose";
import { forgottenAt } from "../core/profile-retention.js";
import { WriteBehind } from "../core/write-behind.js";
import { remainingUsers } from "../queries/remaining-users.js";
import { type EntryWrite, type Unwritten, writeEach } from "../queries/write-each.js";
import type { IdentityModels } from "../schemas/models.js";
import { currentSchemaVersion } from "../schemas/parts/version.js";
import { counterHashOf, type RiskCounterKey, totalsHash } from "./knowledge.js";

/** A sign-in that was learnt. */
export interface LearntLogin {
  userId: Types.ObjectId;
  /** The engine's profile after this sign-in. */
  profile: object;
  keys: readonly RiskCounterKey[];
  /** True for the first sign-in of this user that was learnt. */
  newUser: boolean;
}

export interface RiskRecorderOptions {
  /** Milliseconds after the first unwritten sign-in at which the recorder writes by itself. Default 2,000. */
  flushIntervalMs?: number;
  /** Users with unwritten sign-ins at which it writes at once. Default 500. */
  maxUsers?: number;
  /** Told when a flush failed, with how many users' sign-ins are lost by it. */
  onError?: (error: unknown, lostUsers: number) => void;
}

interface Pending {
  userId: Types.ObjectId;
  profile: object;
  counts: Map<string, number>;
  logins: number;
  users: number;
  at: Date;
}

/**
 * Writes what a risk engine learns behind the sign-ins, in groups: no sign-in waits for it, and a crash loses what was
 * not written yet, which makes the engine less sure, not wrong. Of two sign-ins of one user that two processes learn at
 * the same time, the later profile stays. Its timer keeps no process alive.
 */
export class RiskRecorder {
  readonly #pending: WriteBehind<Pending>;
  readonly #unwritten = new Map<string, object>();

  constructor(models: IdentityModels, options: RiskRecorderOptions = {}) {
    const onError = options.onError ?? (() => undefined);
    this.#pending = new WriteBehind(
      (group) => this.#write(models, group),
      (error, group) => {
        this.#forget(group);
        onError(error, group.length);
      },
      { maxEntries: options.maxUsers ?? 500, intervalMs: options.flushIntervalMs ?? 2_000 },
    );
  }

  /** A profile that this process has learnt and not written yet: newer than what the database has. */
  unwrittenProfileOf(userId: Types.ObjectId): object | undefined {
    return this.#unwritten.get(userId.toHexString());
  }

  /** Takes a sign-in up; never waits and never throws. */
  record(login: LearntLogin, now: Date): void {
    const key = login.userId.toHexString();
    const pending = this.#pending.entryOf(key, () => ({
      userId: login.userId,
      profile: login.profile,
      counts: new Map(),
      logins: 0,
      users: 0,
      at: now,
    }));
    pending.profile = login.profile;
    pending.at = now;
    pending.logins += 1;
    pending.users += login.newUser ? 1 : 0;
    for (const counter of login.keys) {
      const hash = counterHashOf(counter).toString("hex");
      pending.counts.set(hash, (pending.counts.get(hash) ?? 0) + 1);
    }
    this.#unwritten.set(key, login.profile);
    this.#pending.changed();
  }

  /** Writes everything learnt so far; resolves when it is done. */
  flush(): Promise<void> {
    return this.#pending.flush();
  }

  async #write(models: IdentityModels, group: Pending[]): Promise<Unwritten<Pending>> {
    const { LoginProfile, RiskCounter } = models;
    const unwritten: Unwritten<Pending> = new Map();
    const remaining = await remainingUsers(models, group);
    const profiles = group.filter(({ userId }) => remaining.has(userId.toHexString())).map(profileUpdate);
    await writeEach(LoginProfile.collection, profiles, unwritten);
    await writeEach(RiskCounter.collection, counterUpdates(group), unwritten);
    this.#forget(group);
    return unwritten;
  }

  #forget(group: readonly Pending[]): void {
    for (const { userId, profile } of group) {
      const key = userId.toHexString();
      // A profile that changed while the group was written must be written again.
      if (this.#unwritten.get(key) === profile) this.#unwritten.delete(key);
    }
  }
}

function profileUpdate(pending: Pending): EntryWrite<Pending> {
  const { userId, profile, at } = pending;
  const set = { profile, updatedAt: at, purgeAt: forgottenAt(at), schemaVersion: currentSchemaVersion };
  const fresh = { counter: { failures: 0 }, devices: [] };
  const filter = { subject: "user", key: userId.toHexString() };
  const updateOne = { filter, update: { $set: set, $setOnInsert: fresh }, upsert: true };
  return { operation: { updateOne }, entries: [pending] };
}

function counterUpdates(group: readonly Pending[]): EntryWrite<Pending>[] {
  const sums = new Map<string, { logins: number; users: number; entries: Pending[] }>();
  const add = (key: string, entry: Pending, logins: number, users: number) => {
    const sum = sums.get(key) ?? { logins: 0, users: 0, entries: [] };
    sum.logins += logins;
    sum.users += users;
    sum.entries.push(entry);
    sums.set(key, sum);
  };
  for (const pending of group) {
    add(totalsHash.toString("hex"), pending, pending.logins, pending.users);
    for (const [key, count] of pending.counts) add(key, pending, count, 0);
  }
  const at = new Date(Math.max(...group.map((pending) => pending.at.getTime())));
  const set = { updatedAt: at, purgeAt: forgottenAt(at), schemaVersion: currentSchemaVersion };
  return [...sums].map(([key, { logins, users, entries }]) => {
    const filter = { key: Buffer.from(key, "hex") };
    const updateOne = { filter, update: { $inc: { logins, users }, $set: set }, upsert: true };
    return { operation: { updateOne }, entries };
  });
}
