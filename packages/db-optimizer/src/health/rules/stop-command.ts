// The command that stops a long operation.
import { collectionText } from "../../indexes/command.js";
import type { LongOperation } from "../facts/facts.js";

/**
 * The command that stops an operation. Members number their operations; routers use text (`shard:number`). Dropping the
 * index aborts its build. https://www.mongodb.com/docs/manual/reference/command/killOp/. Pure.
 */
export function stopCommand({ opid, namespace, builds = [] }: LongOperation): string {
  const collection = namespace.slice(namespace.indexOf(".") + 1);
  if (builds.length > 0) return `${collectionText(collection)}.dropIndexes(${JSON.stringify(builds)})`;
  return `db.killOp(${/^-?\d+$/.test(opid) ? opid : JSON.stringify(opid)})`;
}
