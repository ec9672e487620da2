import { Types } from "mongoose";
import { z } from "zod";
import { secretOf } from "../api-keys/check.js";
import type { Context } from "../context/context.js";
import { normaliseIdentifier } from "../core/email.js";
import { IdentityError } from "../core/errors.js";
import { externalKeyOf } from "../core/external-key.js";
import { parseInput, printable } from "../core/input.js";
import { addressBytes, canonicalRange, networkBytes } from "../core/network.js";
import { type LocatedToken, parseToken, sha256, tokenPrefixes } from "../core/secrets.js";
import { placeOf } from "../queries/place.js";
import { queries, readPagePosition, writePagePosition } from "../queries/queries.js";
import { findByQuery, runQuery } from "../queries/run-query.js";
import type { IdentityModels } from "../schemas/models.js";
import { type PublicFields, type PublicUser, publicProjection, publicUser } from "./accounts.js";

const userSearchKinds = ["id", "email", "username", "external", "api_key", "address"] as const;
/** What a text that people are searched by is. */
export type UserSearchKind = (typeof userSearchKinds)[number];

/** A search for users. */
export interface UserSearch {
  /** At most 512 characters. */
  text: string;
  /** Default: what the text looks like. */
  by?: UserSearchKind | undefined;
  /** Users per page, 1 to 200. Default 50. */
  limit?: number | undefined;
  /** `next` of the page before. */
  after?: string | undefined;
}

export interface FoundUsers {
  /** What the text was taken for. */
  by: UserSearchKind;
  users: PublicUser[];
  /** `after` of the next page, which takes the same `by`; absent at the end. */
  next?: string;
}

const searchSchema = z.object({
  text: printable(512),
  by: z.enum(userSearchKinds).optional(),
  limit: z.int().min(1).max(200).default(50),
  after: z.string().max(64).optional(),
});
type Search = z.output<typeof searchSchema>;

export async function searchUsers(context: Context, input: UserSearch): Promise<FoundUsers> {
  const search = parseInput(searchSchema, input);
  const by = search.by ?? kindOf(search.text);
  const found = await ways[by](context, search);
  const mayBeBoth = by === "username" && search.by === undefined && search.after === undefined;
  if (found.users.length > 0 || !mayBeBoth) return { by, ...found };
  return { by: "email", ...(await ways.email(context, search)) };
}

function kindOf(text: string): UserSearchKind {
  if (/^[0-9a-f]{24}$/i.test(text)) return "id";
  if (text.startsWith(`${tokenPrefixes.apiKey}_`)) return "api_key";
  if (/^https?:\/\/\S+\s+\S/.test(text)) return "external";
  if (text.includes("@")) return "email";
  return canonicalRange(text) ? "address" : "username";
}

type Found = Omit<FoundUsers, "by">;

const ways: Record<UserSearchKind, (context: Context, search: Search) => Promise<Found>> = {
  id: byId,
  email: (context, search) => byPrefix(context, search, "email"),
  username: (context, search) => byPrefix(context, search, "username"),
  external: byExternalIdentity,
  api_key: byApiKey,
  address: byAddress,
};

async function byId(context: Context, { text }: Search): Promise<Found> {
  if (!/^[0-9a-f]{24}$/i.test(text)) throw invalid("an id has 24 hexadecimal digits");
  const { models } = context;
  const id = new Types.ObjectId(text);
  const projection = { userId: 1 } as const;
  const [session, apiKey] = await Promise.all([
    models.UserSession.collection.findOne({ _id: id }, { projection }),
    models.ApiKey.collection.findOne({ _id: id }, { projection }),
  ]);
  const owners = [session, apiKey].flatMap((found) => (found ? [found.userId as Types.ObjectId] : []));
  return { users: await usersOf(context, [id, ...owners]) };
}

async function byPrefix(
  context: Context,
  { text, limit, after }: Search,
  field: "email" | "username",
): Promise<Found> {
  const { models } = context;
  const prefix = normaliseIdentifier(text);
  const from = after === undefined ? undefined : await fieldOf(context, after, field);
  const query =
    field === "email"
      ? queries.usersByEmailPrefix(prefix, from, limit)
      : queries.usersByUsernamePrefix(prefix, from, limit);
  const users = (await runQuery(models, query, publicProjection)).map(publicUser);
  const last = users.length === limit ? users.at(-1) : undefined;
  return { users, ...(last && { next: last._id.toHexString() }) };
}

/** What a page ended with. It stands for itself by an id, for an address in a link would stay in logs. */
async function fieldOf(context: Context, after: string, field: "email" | "username"): Promise<string> {
  const [last] = /^[0-9a-f]{24}$/.test(after) ? await usersOf(context, [new Types.ObjectId(after)]) : [];
  const value = last?.[field];
  if (value === undefined) throw invalid("this is no position of a page, or its user is gone");
  return value;
}

async function byExternalIdentity({ models }: Context, { text }: Search): Promise<Found> {
  const [issuer = "", ...rest] = text.split(/\s+/);
  const key = externalKeyOf({ issuer, subject: rest.join(" ") });
  const user = await findByQuery(models, queries.userByExternalIdentity(key), publicProjection);
  return { users: user ? [publicUser(user)] : [] };
}

async function byApiKey(context: Context, { text, limit }: Search): Promise<Found> {
  const { models } = context;
  const presented = parseToken("apiKey", text);
  const start = text.replace(/(…|\.\.\.)$/u, "");
  const projection = { userId: 1 } as const;
  const found = presented
    ? await byPresented(models, presented)
    : await runQuery(models, queries.apiKeysByStart(start, limit), projection);
  return {
    users: await usersOf(
      context,
      found.map(({ userId }) => userId),
    ),
  };
}

async function byPresented(models: IdentityModels, presented: LocatedToken) {
  const apiKey = await findByQuery(models, queries.apiKeyById(placeOf(presented)));
  return apiKey && secretOf(apiKey, sha256(presented.raw)) ? [apiKey] : [];
}

async function byAddress(context: Context, { text, limit, after }: Search): Promise<Found> {
  const { models } = context;
  const range = canonicalRange(text);
  const address = addressBytes(range?.split("/")[0]);
  if (!address) throw invalid("this is no address");
  const before = after === undefined ? undefined : readPagePosition(after);
  const page = { limit, ...(before && { before }) };
  const sessions = await runQuery(models, queries.sessionsFromNetwork(networkBytes(address), page), {
    userId: 1,
    createdAt: 1,
  });
  const last = sessions.length === limit ? sessions.at(-1) : undefined;
  const users = await usersOf(
    context,
    sessions.map(({ userId }) => userId),
  );
  return { users, ...(last && { next: writePagePosition({ at: last.createdAt, id: last._id }) }) };
}

/** The users with these ids, in their order, each once; without those who are gone. */
async function usersOf({ models }: Context, ids: readonly Types.ObjectId[]): Promise<PublicUser[]> {
  const keys = [...new Set(ids.map((id) => id.toHexString()))];
  const found = await models.User.collection
    .find<PublicFields>(
      { _id: { $in: keys.map((key) => new Types.ObjectId(key)) } },
      { projection: publicProjection },
    )
    .toArray();
  const byKey = new Map(found.map((user) => [user._id.toHexString(), publicUser(user)]));
  return keys.flatMap((key) => byKey.get(key) ?? []);
}

const invalid = (message: string) => new IdentityError("INVALID_INPUT", message);
