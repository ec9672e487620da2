// Drops in a plan: what was asked for and may go, and what is being observed.
import { OptimizerError } from "../../core/errors.js";
import { dropIndexText } from "../command.js";
import type { ActualCollection, ActualIndex } from "../inspect.js";
import type { Observation } from "../observe/observation.js";
import { supportsShardKey } from "../shard-keys.js";
import type { IndexKey } from "../spec.js";
import { finishDrop } from "../steps/kinds/finish-drop.js";
import { startDrop } from "../steps/kinds/start-drop.js";
import type { IndexStep } from "../steps/steps.js";
import type { DriftReport } from "./diff.js";

/** Indexes to drop, and those that are being observed for it. */
export interface DropInput {
  /** `collection.index` of undeclared indexes that a person wants gone. */
  readonly drop?: readonly string[] | undefined;
  readonly observations?: readonly Observation[] | undefined;
  readonly shardKeys?: ReadonlyMap<string, readonly IndexKey[]> | undefined;
}

/**
 * Steps of dropping: hide what was asked for, and go on with what is hidden. Pure.
 *
 * @throws {OptimizerError} `INVALID_OPTIONS` for an index that is declared, absent, unfinished or the only one of the shard key
 */
export function dropSteps(
  drift: DriftReport,
  collections: readonly ActualCollection[],
  { drop = [], observations = [], shardKeys }: DropInput,
): IndexStep[] {
  const extra = new Map(drift.extra.map((index) => [placeOf(index), index]));
  for (const place of drop) assertUnambiguous(place, collections);
  const open = new Map(
    observations.map((observation) => [placeOf({ ...observation, name: observation.index }), observation]),
  );
  const going = [...open].flatMap(([place, observation]) => {
    const index = extra.get(place);
    return index ? [finishDrop.describe(index, observation)] : [];
  });
  const asked = [...new Set(drop)].filter((place) => !open.has(place) || !extra.has(place));
  return [
    ...asked.map((place) => startDrop.describe(droppable(place, extra, drift, { collections, shardKeys }))),
    ...going,
  ];
}

// Names of collections and of indexes may both hold dots.
function assertUnambiguous(place: string, collections: readonly ActualCollection[]): void {
  const meant = collections.flatMap(({ indexes }) => indexes).filter((index) => placeOf(index) === place);
  if (meant.length < 2) return;
  const named = meant.map(
    ({ collection, name }) => `${JSON.stringify(name)} of ${JSON.stringify(collection)}`,
  );
  const commands = meant.map(({ collection, name }) => dropIndexText(collection, name));
  throw refused(
    place,
    `it names ${meant.length} indexes, ${named.join(" and ")}; drop the one that is meant in mongosh: ${commands.join(" or ")}`,
  );
}

function droppable(
  place: string,
  extra: ReadonlyMap<string, ActualIndex>,
  drift: DriftReport,
  { collections, shardKeys }: { collections: readonly ActualCollection[]; shardKeys: DropInput["shardKeys"] },
): ActualIndex {
  const index = extra.get(place);
  if (!index) throw refused(place, whyNot(place, drift));
  if (index.building) throw refused(place, "it is being built");
  const shardKey = shardKeys?.get(index.collection);
  if (!shardKey || !supportsShardKey(index, shardKey)) return index;
  const others = collections.find(({ collection }) => collection === index.collection)?.indexes ?? [];
  const another = others.some(
    (other) =>
      other.name !== index.name && !other.hidden && !other.building && supportsShardKey(other, shardKey),
  );
  if (!another) throw refused(place, "no other index supports the shard key");
  return index;
}

function whyNot(place: string, { changed, renamed, missing, building }: DriftReport): string {
  const declared = [...missing, ...building, ...changed.map(({ expected }) => expected)].map(placeOf);
  const matched = [...changed, ...renamed].map(({ actual }) => placeOf(actual));
  if (declared.includes(place) || matched.includes(place))
    return "the models declare it: take it out of its schema first";
  if (!place.includes(".")) return "name its collection too, as in orders.old_customer";
  return "there is no undeclared index of this name; one that the models declare has to leave its schema first";
}

function refused(place: string, why: string): OptimizerError {
  return new OptimizerError("INVALID_OPTIONS", `${place} is not to be dropped: ${why}`, {
    details: { index: place },
  });
}

function placeOf({ collection, name }: { collection: string; name: string }): string {
  return `${collection}.${name}`;
}
