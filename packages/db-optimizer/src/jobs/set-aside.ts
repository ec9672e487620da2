// Documents that a run leaves where they are, each with its reason.
import { idKey } from "../core/bson/id-key.js";

/** Documents that a rule names and cannot be carried out on. */
export interface SetAsideReport {
  readonly documents: number;
  /** The first ten of them. */
  readonly first: readonly { readonly id: unknown; readonly reason: string }[];
}

const listed = 10;

/** Remembers which documents were left where they are, and why. Each counts once, however often it is met. */
export class SetAside {
  readonly #reasons = new Map<string, { readonly id: unknown; readonly reason: string }>();

  note(id: unknown, reason: string): void {
    const key = idKey(id);
    if (!this.#reasons.has(key)) this.#reasons.set(key, { id, reason });
  }

  /** Nothing when there are none. */
  report(): SetAsideReport | undefined {
    if (this.#reasons.size === 0) return undefined;
    return { documents: this.#reasons.size, first: [...this.#reasons.values()].slice(0, listed) };
  }
}
