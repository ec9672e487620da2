import type { Types } from "mongoose";

/** A session as the old layout has it: an element of its user's array. */
export interface LegacySession {
  _id: Types.ObjectId;
  /** The bearer token as it was handed out, 64 hexadecimal characters. Absent in one that came from `user_sessions`. */
  token?: string;
  /** Of one that came from `user_sessions`: its hashes there. */
  handleHash?: Buffer;
  tokenHash?: Buffer;
  userAgent?: string;
  ip?: string;
  createdAt: Date;
  lastActivity: Date;
  expiresAt: Date;
  absoluteExpiresAt?: Date;
  active: boolean;
  revokedAt?: Date;
}

/** A user as the old layout has it. Collection `legacy_users`. */
export interface LegacyUser {
  _id: Types.ObjectId;
  email: string;
  name?: string;
  createdAt: Date;
  updatedAt: Date;
  sessions: LegacySession[];
}

/** A document of the new layout as a migration writes it: what is stored and newer stays. */
export interface MigratedDocument {
  collection: string;
  document: Record<string, unknown>;
  supersedes: Record<string, unknown>;
  raise?: readonly string[];
  lower?: readonly string[];
  onInsert?: Record<string, unknown>;
  claim?: Record<string, unknown>;
  unset?: readonly string[];
}

/** A process's reads and writes in a phase: `read` answers, `write` is written in its order. */
export interface SessionRoute {
  readonly read: "source" | "target";
  readonly write: readonly ("source" | "target")[];
}

/** Source of the phase: a `MigrationGate` of `@org/db-optimizer`, or any object of its shape. */
export interface SessionGate {
  read<T>(act: (route: SessionRoute) => Promise<T>): Promise<T>;
  write<T>(act: (route: SessionRoute) => Promise<T>): Promise<T>;
  put(documents: readonly MigratedDocument[]): Promise<void>;
}
