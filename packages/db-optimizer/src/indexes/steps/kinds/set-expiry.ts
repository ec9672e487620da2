// setExpiry: sets the expiry of a collection that expires as a whole, a time series or a clustered one.
import { onCollection, onFound, secondsOf, sendOnCollection } from "../collection-state.js";
import type { CollectionKind, OnCollection } from "../kind.js";

export type SetExpiryStep = OnCollection<"setExpiry">;

export const setExpiry: CollectionKind<SetExpiryStep> = {
  progress: "set expiry of collection",
  consent: "allowExpiry",
  undo: "restore",
  describe: (change) => onCollection("setExpiry", "collMod", change),
  expiry({ collection, options }, found) {
    const { expireAfterSeconds: seconds } = options;
    const { expireAfterSeconds: before, timeseries } = found?.options ?? {};
    const { timeField: field = "_id" } = (timeseries ?? {}) as { timeField?: string };
    const already = typeof before === "number" && typeof seconds === "number" && before <= seconds;
    return typeof seconds !== "number" || already ? undefined : { collection, field, seconds };
  },
  needed: onFound,
  run: (context, step) => sendOnCollection(context, step, "collMod", "set the expiry of"),
  stateOf: ({ expireAfterSeconds }) => ({ expireAfterSeconds: secondsOf(expireAfterSeconds) ?? "off" }),
};
