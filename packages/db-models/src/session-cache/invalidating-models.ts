import type { Collection, Model } from "mongoose";
import type { IdentityModels } from "../schemas/models.js";
import { invalidating, type Reach } from "./own-writes.js";
import { watchedCollections } from "./watched.js";

/**
 * The models of an identity object with a cache: what its operations write to a watched collection is invalidated, whichever
 * of them writes it.
 */
export function invalidatingModels(
  models: IdentityModels,
  invalidate: (reach: Reach) => void,
): IdentityModels {
  const entries = Object.entries(models as unknown as Record<string, Model<object>>);
  const bound = entries.map(([name, model]) => [
    name,
    watchedCollections[model.collection.name]
      ? withCollection(model, invalidating(model.collection, invalidate))
      : model,
  ]);
  return Object.fromEntries(bound) as IdentityModels;
}

type AnyModel = new (...values: never[]) => object;

/** A subclass, so that the model of the connection, which others use too, stays as it is. */
function withCollection(model: Model<object>, collection: Collection): Model<object> {
  const Extended = class extends (model as unknown as AnyModel) {};
  Object.defineProperty(Extended, "name", { value: model.modelName });
  Object.defineProperty(Extended, "collection", { value: collection });
  return Extended as unknown as Model<object>;
}
