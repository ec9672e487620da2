import type { Connection } from "mongoose";
import { parseInput } from "../core/input.js";
import {
  defaultRetention,
  type Retention,
  type RetentionInput,
  retentionSchema,
} from "../core/policies/retention.js";
import type { IdentityModels } from "../schemas/models.js";

const retentions = new WeakMap<Connection, Retention>();

/** @throws IdentityError `INVALID_INPUT`. */
export function bindRetention(connection: Connection, input: RetentionInput): void {
  retentions.set(connection, parseInput(retentionSchema, input));
}

/** The retention that the models' connection was opened with. */
export function retentionOf(models: IdentityModels): Retention {
  return retentions.get(models.User.db) ?? defaultRetention;
}
