import type { Collection } from "mongoose";
import type { Subject } from "./invalidations.js";
import { subjectsOfFilter, watchedCollection } from "./subjects.js";
import { areHarmless, type WatchedCollection } from "./watched.js";

/** What a write invalidates: subjects, or everything where its filter names none. */
export type Reach = readonly Subject[] | "everything";

/** Methods that change no document that is there. Any other is taken for a write, so that a new one can't be forgotten. */
const reading = new Set([
  "find",
  "findOne",
  "aggregate",
  "countDocuments",
  "estimatedDocumentCount",
  "distinct",
  "watch",
  "listIndexes",
  "indexes",
  "indexExists",
  "indexInformation",
  "insertOne",
  "insertMany",
  "createIndex",
  "createIndexes",
  "ensureIndex",
  "dropIndex",
  "dropIndexes",
  "getIndexes",
  "onOpen",
  "onClose",
  "addQueue",
  "doQueue",
]);

/** Operators that move a harmless field forward, if the field's writers do; with another one a write invalidates. */
const harmlessOperators = new Set(["$set", "$inc", "$max"]);

/**
 * A collection whose writes invalidate what they reach, before they are sent and when they are settled, also with an error:
 * then nobody knows whether they were made. Every writer of an identity object gets this one.
 */
export function invalidating(collection: Collection, invalidate: (reach: Reach) => void): Collection {
  const { name } = collection;
  return new Proxy(collection, {
    get(target, property) {
      const member: unknown = Reflect.get(target, property, target);
      if (typeof member !== "function") return member;
      if (typeof property !== "string" || reading.has(property)) return member.bind(target);
      return async (...input: unknown[]) => {
        const reach = reachOf(name, property, input);
        if (reach === undefined) return member.apply(target, input);
        invalidate(reach);
        try {
          return await member.apply(target, input);
        } finally {
          invalidate(reach);
        }
      };
    },
  });
}

/** What a call of a method that writes reaches; `undefined` for one that matters to no entry. */
export function reachOf(collection: string, method: string, input: readonly unknown[]): Reach | undefined {
  if (method === "bulkWrite") return reachOfBulk(collection, input[0]);
  const [filter, update] = input;
  const isUpdate = ["updateOne", "updateMany", "findOneAndUpdate"].includes(method);
  if (isUpdate && isHarmlessUpdate(collection, update)) return undefined;
  const selects = isUpdate || /^(delete(One|Many)|replaceOne|findOneAnd(Delete|Replace))$/.test(method);
  return (selects ? subjectsOfFilter(collection, filter) : undefined) ?? "everything";
}

function reachOfBulk(collection: string, operations: unknown): Reach | undefined {
  if (!Array.isArray(operations)) return "everything";
  const reached: Subject[] = [];
  for (const operation of operations as Record<string, { filter?: unknown; update?: unknown }>[]) {
    const [[method, { filter, update }] = ["", {}]] = Object.entries(operation);
    if (method === "insertOne") continue;
    const reach = reachOf(collection, method, [filter, update]);
    if (reach === "everything") return reach;
    reached.push(...(reach ?? []));
  }
  return reached.length > 0 ? reached : undefined;
}

function isHarmlessUpdate(collection: string, update: unknown): boolean {
  if (typeof update !== "object" || update === null) return false;
  const watched = watchedCollection(collection);
  // A pipeline may move a harmless field back; what is not read it may change as it likes.
  if (Array.isArray(update))
    return watched.read !== undefined && update.every((stage) => isHarmlessStage(watched, stage));
  return Object.entries(update).every(
    ([operator, fields]) =>
      (watched.read !== undefined || harmlessOperators.has(operator)) &&
      areHarmless(watched, Object.keys((fields as object | null) ?? {})),
  );
}

const settingStages = new Set(["$set", "$addFields"]);

/** Whether a stage of an update sets or removes nothing that is read. */
function isHarmlessStage(watched: WatchedCollection, stage: object): boolean {
  return Object.entries(stage).every(([name, fields]) => {
    if (name === "$unset") return areHarmless(watched, [fields].flat() as string[]);
    return settingStages.has(name) && areHarmless(watched, Object.keys(fields as object));
  });
}
