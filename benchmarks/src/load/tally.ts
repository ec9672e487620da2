import { quantile } from "../measure.js";
import { type Operation, operations } from "./products.js";

/** What came of the requests of one operation. */
export interface OperationFigures {
  readonly requests: number;
  /** Milliseconds, of those that succeeded. */
  readonly p50: number;
  readonly p99: number;
}

/** Answers that were no success, by what they were. */
export interface Failures {
  /** 503 with `Retry-After`: the service says that it can't at the moment. */
  unavailable: number;
  /** 503 without it. */
  withoutRetryAfter: number;
  /** No answer: the instance was gone. */
  unanswered: number;
  /** By status. */
  other: Record<number, number>;
}

/** Counts and times what the load does. */
export class Tally {
  readonly #times = new Map<Operation, number[]>(operations.map((name) => [name, []]));
  readonly failures: Failures = { unavailable: 0, withoutRetryAfter: 0, unanswered: 0, other: {} };

  succeeded(operation: Operation, ms: number): void {
    this.#times.get(operation)?.push(ms);
  }

  failed(answer: { status: number; headers: NodeJS.Dict<string | string[]> } | undefined): void {
    const { failures } = this;
    if (!answer) failures.unanswered += 1;
    else if (answer.status !== 503) {
      failures.other[answer.status] = (failures.other[answer.status] ?? 0) + 1;
    } else if (answer.headers["retry-after"] === undefined) failures.withoutRetryAfter += 1;
    else failures.unavailable += 1;
  }

  get succeededInAll(): number {
    return [...this.#times.values()].reduce((sum, times) => sum + times.length, 0);
  }

  figures(): Record<Operation, OperationFigures> {
    const entries = [...this.#times].map(([name, times]) => [
      name,
      { requests: times.length, p50: quantile(times, 0.5), p99: quantile(times, 0.99) },
    ]);
    return Object.fromEntries(entries) as Record<Operation, OperationFigures>;
  }
}
