import type { Types } from "mongoose";
import { z } from "zod";
import type { Context } from "../context/context.js";
import { type AdministratorRole, administratorRoles } from "../core/administrator-roles.js";
import { IdentityError, isDuplicateKey } from "../core/errors.js";
import { parseInput } from "../core/input.js";
import { limits } from "../core/limits.js";
import { administratorsOf } from "../queries/administrators.js";
import type { Administrator } from "../schemas/administrator-register.js";
import { currentSchemaVersion } from "../schemas/parts/version.js";
import { endForbiddenImpersonations } from "../sessions/impersonations.js";

const rolesSchema = z
  .array(z.enum(administratorRoles))
  .transform((roles) => administratorRoles.filter((role) => roles.includes(role)));

export function listAdministrators({ models }: Context): Promise<Administrator[]> {
  return administratorsOf(models);
}

export async function readAdministrator(
  context: Context,
  { userId }: { userId: Types.ObjectId },
): Promise<Administrator | undefined> {
  const members = await listAdministrators(context);
  return members.find((member) => member.userId.equals(userId));
}

export interface RolesInput {
  userId: Types.ObjectId;
  roles: readonly AdministratorRole[];
  /** The administrator who gives them. Default: nobody, which is the operator of the service. */
  by?: Types.ObjectId | undefined;
}

/** The register decides, in one write; the roles in the account and its sessions follow it. */
export async function setAdministratorRoles(
  context: Context,
  { userId, roles, by }: RolesInput,
): Promise<void> {
  const given = parseInput(rolesSchema, roles);
  if (given.length === 0) {
    await assertKnown(context, userId);
    await dismissAdministrator(context, userId);
    // Also when an earlier call has stopped half way.
    return follow(context, userId, given);
  }
  await assertActive(context, userId);
  await appoint(context, { userId, roles: given, by });
  try {
    // An account that was closed meanwhile has perhaps looked for its roles before they were there.
    await assertActive(context, userId);
  } catch (error) {
    await dismissAdministrator(context, userId);
    throw error;
  }
  await follow(context, userId, given);
}

/**
 * Takes every role of the admin area from a user who has some.
 *
 * @returns true when this call took them.
 * @throws IdentityError `LAST_ADMINISTRATOR`.
 */
export async function dismissAdministrator(context: Context, userId: Types.ObjectId): Promise<boolean> {
  const { models, now } = context;
  if (!(await readAdministrator(context, { userId }))) return false;
  const { matchedCount } = await models.AdministratorRegister.collection.updateOne(
    { name: "administrators", "members.userId": userId, ...anotherIsLeft(userId) },
    { $pull: { members: { userId } }, $set: { updatedAt: now } } as Record<string, object>,
  );
  if (matchedCount === 0) {
    if (await readAdministrator(context, { userId })) throw lastAdministrator();
    return false;
  }
  await follow(context, userId, []);
  return true;
}

async function appoint(context: Context, { userId, roles, by }: RolesInput): Promise<void> {
  const { models, now } = context;
  await makeRegister(context);
  const others = { $filter: { input: "$members", cond: { $ne: ["$$this.userId", userId] } } };
  const member = { userId, roles: [...roles], since: now, ...(by && { givenBy: giversOf(userId, by) }) };
  const isFull = `members.${limits.administrators - 1}`;
  const condition = {
    name: "administrators",
    ...(!roles.includes("identity:admin") && anotherIsLeft(userId)),
    $and: [{ $or: [{ "members.userId": userId }, { [isFull]: { $exists: false } }] }],
  };
  const { matchedCount } = await models.AdministratorRegister.collection.updateOne(condition, [
    { $set: { members: { $concatArrays: [others, [member]] }, updatedAt: now } },
  ]);
  if (matchedCount > 0) return;
  if (await readAdministrator(context, { userId })) throw lastAdministrator();
  const message = `there are at most ${limits.administrators} administrators`;
  throw new IdentityError("INVALID_INPUT", message);
}

/**
 * An aggregation expression: everybody from whom roles come that one user gives another. Who dismisses and appoints again, or
 * has it done by somebody whom they have appointed, stays among them.
 */
function giversOf(userId: Types.ObjectId, by: Types.ObjectId): Record<string, unknown> {
  const known = { $filter: { input: "$members", cond: { $in: ["$$this.userId", [userId, by]] } } };
  const theirs = {
    $reduce: {
      input: known,
      initialValue: [by],
      in: { $setUnion: ["$$value", { $ifNull: ["$$this.givenBy", []] }] },
    },
  };
  return { $setDifference: [theirs, [userId]] };
}

/** Takes a user out of what the register knows of others, once the account is closed. */
export async function forgetGiver({ models }: Context, userId: Types.ObjectId): Promise<void> {
  await models.AdministratorRegister.collection.updateOne(
    { name: "administrators", "members.givenBy": userId },
    { $pull: { "members.$[].givenBy": userId } } as Record<string, object>,
  );
}

async function makeRegister({ models, now }: Context): Promise<void> {
  const empty = { members: [], updatedAt: now, schemaVersion: currentSchemaVersion };
  try {
    await models.AdministratorRegister.collection.updateOne(
      { name: "administrators" },
      { $setOnInsert: empty },
      { upsert: true },
    );
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
  }
}

/** A condition: this user is none of those who make administrators, or somebody else is one too. */
function anotherIsLeft(userId: Types.ObjectId): Record<string, unknown> {
  const roles = "identity:admin" satisfies AdministratorRole;
  return {
    $or: [
      { $nor: [{ members: { $elemMatch: { userId, roles } } }] },
      { members: { $elemMatch: { userId: { $ne: userId }, roles } } },
    ],
  };
}

/** Does what follows from the roles that a user has got in the register, or has lost. */
async function follow(
  context: Context,
  userId: Types.ObjectId,
  roles: readonly AdministratorRole[],
): Promise<void> {
  await endForbiddenImpersonations(context, { userId, roles });
  await copyRoles(context, userId);
}

const maxRounds = 10;

/** Brings the roles of the account and its live sessions in line with the register, however often that changes meanwhile. */
async function copyRoles(context: Context, userId: Types.ObjectId): Promise<void> {
  const { models, now } = context;
  for (let round = 0; round < maxRounds; round++) {
    const roles = (await readAdministrator(context, { userId }))?.roles ?? [];
    const set = { roles: withAdministratorRoles(roles) };
    await models.User.collection.updateOne({ _id: userId }, [{ $set: { ...set, updatedAt: now } }]);
    await models.UserSession.collection.updateMany({ userId, revokedAt: null }, [{ $set: set }]);
    const later = (await readAdministrator(context, { userId }))?.roles ?? [];
    if (later.join() === roles.join()) return;
  }
  throw new IdentityError("CONTENTION", "the roles are being changed over and over");
}

/** An aggregation expression: the roles of an account, with these of the admin area. */
function withAdministratorRoles(roles: readonly AdministratorRole[]): Record<string, unknown> {
  const others = {
    $filter: { input: "$roles", cond: { $not: [{ $in: ["$$this", [...administratorRoles]] }] } },
  };
  return { $concatArrays: [others, [...roles]] };
}

/** An aggregation expression: these roles of an application's own, with those of the admin area that the account has. */
export function keepingAdministratorRoles(roles: readonly string[]): Record<string, unknown> {
  const kept = { $filter: { input: "$roles", cond: { $in: ["$$this", [...administratorRoles]] } } };
  return { $concatArrays: [{ $literal: [...roles] }, kept] };
}

async function assertKnown(context: Context, userId: Types.ObjectId): Promise<string> {
  const projection = { status: 1 } as const;
  const user = await context.models.User.collection.findOne({ _id: userId }, { projection });
  if (!user) throw new IdentityError("USER_NOT_FOUND", "there is no such user");
  return String(user.status);
}

async function assertActive(context: Context, userId: Types.ObjectId): Promise<void> {
  const status = await assertKnown(context, userId);
  if (status === "active") return;
  throw new IdentityError("USER_NOT_ACTIVE", "the account is not active", { details: { status } });
}

function lastAdministrator(): IdentityError {
  const message = "the account is the last one with identity:admin; give that role to another one first";
  return new IdentityError("LAST_ADMINISTRATOR", message);
}
