// Whether two walks saw the same ids, in a memory that does not grow.
import { createHash } from "node:crypto";
import { idKey } from "../core/bson/id-key.js";

const bits = 20;

/**
 * Remembers which ids were seen, in 8 MB whatever their number: how many fell into each of a million places, and a sum
 * of their hashes. Two that saw the same ids agree in every place; where they do not, one has seen what the other has
 * not.
 */
export class SeenIds {
  readonly #counts = new Uint32Array(2 ** bits);
  readonly #sums = new Uint32Array(2 ** bits);

  add(id: unknown): void {
    const [place, hash] = hashOf(id);
    this.#counts[place] = (this.#counts[place] as number) + 1;
    this.#sums[place] = (this.#sums[place] as number) + hash;
  }

  /** The places in which the other has seen something else; nothing where there is none. */
  placesUnlike(other: SeenIds): Places | undefined {
    const unlike = new Set<number>();
    for (let place = 0; place < this.#counts.length; place++)
      if (this.#counts[place] !== other.#counts[place] || this.#sums[place] !== other.#sums[place])
        unlike.add(place);
    return unlike.size === 0 ? undefined : { include: (id) => unlike.has(hashOf(id)[0]) };
  }
}

/** Some of the places of {@link SeenIds}. */
export interface Places {
  include(id: unknown): boolean;
}

function hashOf(id: unknown): readonly [place: number, hash: number] {
  const digest = createHash("sha256").update(idKey(id)).digest();
  return [digest.readUInt32LE(0) >>> (32 - bits), digest.readUInt32LE(4)];
}
