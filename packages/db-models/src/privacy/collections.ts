import type { Types } from "mongoose";
import type { IdentityModels } from "../schemas/models.js";
import { readSession } from "../stored/session.js";

/** How a collection speaks of a person. */
interface PersonalData {
  /** Its documents about a user; `undefined` when it has none that name one. */
  of(userId: Types.ObjectId): Record<string, unknown> | undefined;
  /** Fields that an export leaves out, besides every field that is a hash, a key or sealed. */
  withheld?: readonly string[];
  /** What a document says, where it is stored otherwise. */
  read?(document: Record<string, unknown>): Record<string, unknown>;
}

const byUserId = (userId: Types.ObjectId) => ({ userId });
const ofBoth = (userId: Types.ObjectId) =>
  (["user", "factor"] as const).map((subject) => ({ subject, key: userId.toHexString() }));
const asStored = (document: Record<string, unknown>) => document;
const nobody = () => undefined;

/**
 * Every collection, in the order in which an erasure goes through them: what gives access first, the account itself,
 * and with it the key that links audit events to the person, last. A model without an entry does not compile.
 */
export const personalData = {
  // An administrator is in the sessions in which they acted for others, too.
  UserSession: {
    of: (userId) => ({ $or: [{ userId }, { "impersonation.actor": userId }] }),
    withheld: ["actor", "actorSession", "sweepAt"],
    read: (session) => ({ ...readSession(session as never) }),
  },
  ApiKey: { of: byUserId },
  AppToken: { of: (ownerId) => ({ ownerId }), withheld: ["codeChallenge", "markKey", "dpopKey"] },
  AppPermission: { of: byUserId },
  UserFactors: {
    of: byUserId,
    withheld: ["keyId", "pendingTotp", "passkeyHandle", "credentialId", "publicKey"],
  },
  SignInReport: { of: byUserId, withheld: ["credentialId", "publicKey", "key"] },
  PasskeyChallenge: { of: byUserId },
  DeviceAuthorization: { of: byUserId, withheld: ["dpopKey"] },
  // Requests know no user before they are answered, and are gone within the hour.
  AuthorizationRequest: { of: nobody },
  UsedAssertion: { of: nobody },
  SigningKey: { of: nobody },
  App: { of: (ownerId) => ({ ownerId }) },
  SecurityEvent: { of: byUserId, withheld: ["actorRef"] },
  UsageBucket: { of: byUserId },
  LoginProfile: { of: (userId) => ({ $or: [{ userId }, ...ofBoth(userId)] }) },
  LoginChallenge: { of: byUserId },
  // The use of an app says nothing of who used it.
  AppUsage: { of: nobody },
  // Counters know values, hashed, and nobody who showed them.
  RiskCounter: { of: nobody },
  // Clients are networks, hashed, for two windows at most.
  RequestLimit: { of: nobody },
  // The register loses a person when their account is closed, as a member and as a giver; their roles stand in the account too.
  AdministratorRegister: { of: nobody },
  AdminApproval: {
    of: (people) => ({ people }),
    withheld: ["requestedBy", "decidedBy", "people"],
  },
  // Who chose the users; the users are in the items.
  BulkJob: { of: (createdBy) => ({ createdBy }) },
  BulkJobItem: { of: byUserId },
  // Audit events know people by references that only their own key can make; checkpoints know nobody.
  AuditEvent: { of: nobody },
  AuditCheckpoint: { of: nobody },
  // Heartbeats know instances, and nobody.
  CacheHeartbeat: { of: nobody },
  // Kept: it is the proof that the rest is gone, and it forgets the user by itself.
  Erasure: { of: nobody },
  User: { of: (_id) => ({ _id }), withheld: ["tokenHashes"] },
} as const satisfies { [Name in keyof IdentityModels]: PersonalData };

type ModelName = keyof typeof personalData;

export interface PersonalCollection {
  model: ModelName;
  filter: Record<string, unknown>;
  withheld: readonly string[];
  read(document: Record<string, unknown>): Record<string, unknown>;
}

/** The collections with documents about a user, and how to find them. */
export function collectionsAbout(userId: Types.ObjectId): PersonalCollection[] {
  const entries = Object.entries(personalData) as Array<[ModelName, PersonalData]>;
  return entries.flatMap(([model, { of, withheld = [], read = asStored }]) => {
    const filter = of(userId);
    return filter ? { model, filter, withheld, read } : [];
  });
}
