// Records that are gone through one by one: one that fails is named, and the others have their turn.

const namedFailures = 100;

/** What failed among records that were gone through one by one. */
export interface Failures<Id> {
  /** How many failed. They are left as they are. */
  failed: number;
  /** The first 100 of them, and why. */
  failures: { id: Id; error: unknown }[];
}

export const noFailures = <Id>(): Failures<Id> => ({ failed: 0, failures: [] });

export function noteFailure<Id>(report: Failures<Id>, id: Id, error: unknown): void {
  report.failed += 1;
  if (report.failures.length < namedFailures) report.failures.push({ id, error });
}
