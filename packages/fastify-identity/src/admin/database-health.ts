/** The state of the database, as a health check of the application's finds it: `health` of @org/db-optimizer has this shape. */
export interface DatabaseHealth {
  /** 0 to 100. */
  readonly score: number;
  readonly parts: ReadonlyArray<{
    readonly part: string;
    /** 0 to 100; null where nothing was checked. */
    readonly points: number | null;
  }>;
  readonly findings: readonly DatabaseFinding[];
  /** Whether something stayed unknown that more privileges or time would have told. */
  readonly undecided: boolean;
}

/** One thing that is not as it should be. */
export interface DatabaseFinding {
  /** Stable name of its kind. */
  readonly code: string;
  readonly part: string;
  readonly severity: "info" | "warning" | "critical";
  /** A collection, an index, a query, a member. */
  readonly subject: string;
  /** What is wrong. */
  readonly message: string;
  /** What was seen. */
  readonly evidence: string;
  /** Command that fixes it, or tells more. */
  readonly command?: string;
}

/** A report, and when it was made. */
export interface CheckedHealth {
  readonly at: Date;
  readonly health: DatabaseHealth;
}

/** A check takes server time, so everybody who asks within this time gets the same answer. */
const goodForMs = 60_000;

/** Checks the health of the database, once for everybody who asks at the same time. */
export class HealthChecks {
  readonly #check: () => Promise<DatabaseHealth>;
  readonly #now: () => Date;
  #last: CheckedHealth | undefined;
  #running: Promise<CheckedHealth> | undefined;

  constructor(check: () => Promise<DatabaseHealth>, now: () => Date) {
    this.#check = check;
    this.#now = now;
  }

  /** @throws what the check throws, to everybody who waits for it; the next call checks again. */
  read(): Promise<CheckedHealth> {
    const last = this.#last;
    if (last && this.#now().getTime() - last.at.getTime() < goodForMs) return Promise.resolve(last);
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #run(): Promise<CheckedHealth> {
    const health = await this.#check();
    this.#last = { at: this.#now(), health };
    return this.#last;
  }
}
