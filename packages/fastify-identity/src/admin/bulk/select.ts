import type { BulkFilter, PagePosition } from "@org/db-models";
import { normaliseIdentifier } from "@org/db-models";
import { limits } from "@org/db-models/core";
import { runQuery } from "@org/db-models/queries";
import { Types } from "mongoose";
import { IdentityProblem } from "../../flows/problems.js";
import type { Acting } from "../acting.js";
import { listOf } from "../acts/users.js";

/** Users for a job, and which entries of a list named nobody, counted from 1. */
export interface Selection {
  readonly users: readonly Types.ObjectId[];
  readonly unknownAt: readonly number[];
}

const pageSize = 200;

/**
 * The users of a filter, all of them.
 *
 * @throws IdentityProblem `JOB_TOO_LARGE`
 */
export async function selectByFilter({ service }: Acting, filter: BulkFilter): Promise<Selection> {
  const { status, role, by: sort, since, until } = filter;
  const users: Types.ObjectId[] = [];
  let before: PagePosition | Date | undefined = until;
  for (;;) {
    const page = { limit: pageSize, ...(before && { before }), ...(since && { since }) };
    const { query, by } = listOf({ status, role, sort }, page);
    const found = await runQuery(service.identity.models, query, { [by]: 1 });
    users.push(...found.map(({ _id }) => _id));
    if (users.length > limits.bulkUsers) throw tooLarge();
    const last = found.at(-1);
    const at = last?.[by];
    if (found.length < pageSize || !last || !at) return { users, unknownAt: [] };
    before = { at, id: last._id };
  }
}

const batchSize = 500;

/**
 * The users of a list of ids and addresses.
 *
 * @throws IdentityProblem `JOB_TOO_LARGE`
 */
export async function selectByList({ service }: Acting, entries: readonly string[]): Promise<Selection> {
  if (entries.length > limits.bulkUsers) throw tooLarge();
  const found: (Types.ObjectId | undefined)[] = [];
  const { collection } = service.identity.models.User;
  for (let from = 0; from < entries.length; from += batchSize) {
    const batch = entries.slice(from, from + batchSize).map(readEntry);
    const ids = batch.filter((entry) => entry instanceof Types.ObjectId);
    const emails = batch.filter((entry) => typeof entry === "string");
    const users = await collection
      .find<{ _id: Types.ObjectId; email: string }>(
        { $or: [{ _id: { $in: ids } }, { email: { $in: emails } }] },
        { projection: { email: 1 } },
      )
      .toArray();
    const byKey = new Map(
      users.flatMap(({ _id, email }) => [
        [_id.toHexString(), _id],
        [email, _id],
      ]),
    );
    found.push(...batch.map((entry) => byKey.get(String(entry))));
  }
  return {
    users: found.filter((user) => user !== undefined),
    unknownAt: found.flatMap((user, at) => (user ? [] : [at + 1])),
  };
}

/** An id, or an address as accounts have it. */
function readEntry(entry: string): Types.ObjectId | string {
  return /^[0-9a-f]{24}$/i.test(entry) ? new Types.ObjectId(entry) : normaliseIdentifier(entry);
}

const tooLarge = () => new IdentityProblem("JOB_TOO_LARGE", { limit: limits.bulkUsers });
