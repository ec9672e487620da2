import type { EndpointCount } from "../schemas/usage-bucket.js";

/**
 * The Space-Saving algorithm: a list of bounded size, in which a newcomer takes the place of the least used and inherits
 * its count as its error. A count is never too low and too high by at most its `error`; whatever has more than one in
 * `size` of all requests is in the list, in whatever order they come. `failures` are counted from when an endpoint is listed.
 *
 * Source: Metwally, Agrawal and El Abbadi, "Efficient Computation of Frequent and Top-k Elements in Data Streams", 2005.
 */
export class HeavyHitters {
  readonly #counts = new Map<string, EndpointCount>();
  readonly #size: number;
  #isFull = false;

  constructor(size: number) {
    this.#size = size;
  }

  add(endpoint: string, failed: boolean): void {
    const counted = this.#counts.get(endpoint) ?? this.#newcomer(endpoint);
    counted.requests += 1;
    if (failed) counted.failures += 1;
  }

  get counts(): EndpointCount[] {
    return [...this.#counts.values()];
  }

  /** How often at most something was used that is not in the list. */
  get missed(): number {
    return this.#isFull ? Math.min(...this.counts.map(({ requests }) => requests)) : 0;
  }

  #newcomer(endpoint: string): EndpointCount {
    const fresh = { endpoint, requests: 0, failures: 0, error: 0 };
    if (this.#counts.size >= this.#size) {
      this.#isFull = true;
      const least = this.counts.reduce((one, other) => (other.requests < one.requests ? other : one));
      this.#counts.delete(least.endpoint);
      fresh.requests = least.requests;
      fresh.error = least.requests;
    }
    this.#counts.set(endpoint, fresh);
    return fresh;
  }
}

type CountField = Exclude<keyof EndpointCount, "endpoint">;

/**
 * An aggregation expression: the stored list merged with what was counted since, the most used first. What only one of
 * the two has, the other may have dropped: it gets as much as that one can have missed, as count and as error. So the
 * bound of {@link HeavyHitters} holds for both together.
 *
 * Source: Cafaro, Pulimeno and Tempesta, "A parallel space saving algorithm for frequent items", 2016, section 4.
 *
 * @param field - of the stored list, such as `$endpoints`; its items have `endpoint` and the `counted` fields.
 */
export function mergedHitters(
  field: string,
  added: HeavyHitters,
  size: number,
  counted: readonly CountField[],
): Record<string, unknown> {
  const missedByAdded = { requests: added.missed, failures: 0, error: added.missed };
  const missedByStored = { requests: "$$missed", failures: 0, error: "$$missed" };
  const fresh = added.counts.map(({ endpoint, ...counts }) => ({
    endpoint: { $literal: endpoint },
    ...fieldsOf(counted, (name) => counts[name]),
  }));
  const match = { $filter: { input: fresh, as: "new", cond: { $eq: ["$$new.endpoint", "$$old.endpoint"] } } };
  const known = {
    $map: {
      input: "$$stored",
      as: "old",
      in: {
        $let: {
          vars: { same: { $arrayElemAt: [match, 0] } },
          in: {
            endpoint: "$$old.endpoint",
            ...fieldsOf(counted, (name) => ({
              $add: [{ $ifNull: [`$$old.${name}`, 0] }, { $ifNull: [`$$same.${name}`, missedByAdded[name]] }],
            })),
          },
        },
      },
    },
  };
  const names = { $map: { input: "$$stored", as: "old", in: "$$old.endpoint" } };
  const newcomers = {
    $map: {
      input: { $filter: { input: fresh, as: "new", cond: { $not: [{ $in: ["$$new.endpoint", names] }] } } },
      as: "new",
      in: {
        endpoint: "$$new.endpoint",
        ...fieldsOf(counted, (name) => ({ $add: [`$$new.${name}`, missedByStored[name]] })),
      },
    },
  };
  const sorted = {
    $sortArray: { input: { $concatArrays: [known, newcomers] }, sortBy: { requests: -1, endpoint: 1 } },
  };
  return {
    $let: {
      vars: { stored: { $ifNull: [field, []] } },
      in: {
        $let: { vars: { missed: leastOfFull("$$stored", size) }, in: { $slice: [sorted, size] } },
      },
    },
  };
}

function leastOfFull(stored: string, size: number): Record<string, unknown> {
  const requests = { $map: { input: stored, as: "old", in: "$$old.requests" } };
  return { $cond: [{ $lt: [{ $size: stored }, size] }, 0, { $min: requests }] };
}

function fieldsOf<T>(names: readonly CountField[], of: (name: CountField) => T): Record<string, T> {
  return Object.fromEntries(names.map((name) => [name, of(name)]));
}
