import type { Connection } from "mongoose";

import { OptimizerError, toOptimizerError } from "../../core/errors.js";
import { withRetries } from "../../core/server/transient.js";
import { type ActualCollection, type ActualIndex, inspectIndexes } from "../inspect.js";
import type { Observation } from "../observe/observation.js";
import { observationOf } from "../observe/observe.js";
import { diffIndexes } from "../plan/diff.js";
import { deletesNow } from "../plan/expiry.js";
import { planIndexes } from "../plan/plan.js";
import type { PlanStep } from "../plan/plan-step.js";
import type { BuildProgress } from "./build.js";
import type { JournalWriter, StepOutcome } from "./journal.js";
import { sameIndex, specToText } from "./journal-text.js";
import type { ApplyOptions, StepResult } from "./run.js";
import type { StepContext } from "./step-context.js";
import { statesOf } from "./step-states.js";
import { runStep } from "./steps.js";

const dayMs = 86_400_000;
const observeDays = 7;

/** Carries steps out one by one: re-checked, journalled, timed. */
export class StepRunner {
  readonly #connection: Connection;
  readonly #journal: JournalWriter;
  readonly #options: ApplyOptions;
  readonly #moment: () => Date;

  constructor(connection: Connection, journal: JournalWriter, options: ApplyOptions, moment: () => Date) {
    this.#connection = connection;
    this.#journal = journal;
    this.#options = options;
    this.#moment = moment;
  }

  async run(
    step: PlanStep,
    position: number,
    onBuild: (progress: BuildProgress) => void,
  ): Promise<StepResult> {
    const begin = this.#moment().getTime();
    const finish = (end: Omit<StepResult, "step" | "elapsedMs">): StepResult => ({
      step,
      elapsedMs: this.#moment().getTime() - begin,
      ...end,
    });
    if (!isAllowed(step, this.#options)) return finish({ outcome: "skipped" });
    try {
      const collection = await this.#retrying(() => this.#inspect(step.collection));
      const current = await this.#stillNeeded(step, collection);
      if (!current) return finish({ outcome: "unneeded" });
      return finish(await this.#journalled(current, collection, position, onBuild));
    } catch (error) {
      return finish({
        outcome: "failed",
        error: toOptimizerError(error, `${step.collection}.${step.index}`),
      });
    }
  }

  async #journalled(
    step: PlanStep,
    before: ActualCollection | undefined,
    position: number,
    onBuild: (progress: BuildProgress) => void,
  ): Promise<Pick<StepResult, "outcome" | "error" | "reasons">> {
    const { kind, collection, index } = step;
    const was = named(before, index);
    const context = await this.#contextOf(step, was, onBuild);
    const wanted = specToText(wantedOf(step));
    const entry = { kind, collection, index, before: specToText(was), wanted, startedAt: this.#moment() };
    await this.#retrying(async () => {
      await context.confirm();
      await this.#journal.begin(position, entry);
    });
    try {
      const end = await runStep(context, step);
      // What has been done is written down, stop or no stop.
      await withRetries(() => this.#end(step, position, end.outcome));
      return end;
    } catch (error) {
      const known = toOptimizerError(error, `${collection}.${index}`);
      // The journal of a run that lost its lease belongs to its successor.
      if (known.code !== "LEASE_LOST")
        await this.#end(step, position, "failed", known).catch(() => undefined);
      throw known;
    }
  }

  async #end(step: PlanStep, position: number, state: StepOutcome, error?: OptimizerError): Promise<void> {
    const after = ownIndex(step, await this.#inspect(step.collection));
    await this.#journal.end(position, {
      state,
      after: specToText(after),
      endedAt: this.#moment(),
      ...(error && { error: { code: error.code, message: error.message } }),
    });
  }

  #retrying<T>(run: () => Promise<T>): Promise<T> {
    return withRetries(run, this.#options.signal);
  }

  async #contextOf(
    step: PlanStep,
    before: ActualIndex | undefined,
    onBuild: (progress: BuildProgress) => void,
  ): Promise<StepContext> {
    const {
      lease,
      signal,
      queries = [],
      slowOperationMs = 100,
      drop = false,
      observeSeconds,
    } = this.#options;
    return {
      connection: this.#connection,
      confirm: () => lease?.confirm() ?? Promise.resolve(),
      assertOurs: () => this.#assertOurs(step, before),
      signal,
      onBuild,
      moment: this.#moment,
      runId: this.#journal.runId,
      watch: { queries, slowOperationMs },
      observeMs: observeSeconds === undefined ? observeDays * dayMs : observeSeconds * 1_000,
      mayDrop: drop,
      observation: await this.#retrying(() => this.#openObservation(step)),
    };
  }

  async #assertOurs(step: PlanStep, before: ActualIndex | undefined): Promise<void> {
    const present = ownIndex(step, await this.#inspect(step.collection));
    const passed = [before, ...statesOf(step.kind, before, wantedOf(step))];
    if (passed.some((state) => sameIndex(state, present))) return;
    throw new OptimizerError(
      "INDEX_CONFLICT",
      `${step.index} was changed by somebody else meanwhile, and stays`,
    );
  }

  // Other kinds of steps have nothing to do with one.
  async #openObservation({ kind, collection, index }: PlanStep): Promise<Observation | undefined> {
    if (kind !== "unhide" && kind !== "finishDrop") return undefined;
    const found = await observationOf(this.#connection, collection, index);
    return found?.state === "hiding" || found?.state === "observing" ? found : undefined;
  }

  async #inspect(name: string): Promise<ActualCollection | undefined> {
    return (await inspectIndexes(this.#connection, [name]))[0];
  }

  /** The step as it reads now, or nothing when another process has done it. */
  async #stillNeeded(
    step: PlanStep,
    collection: ActualCollection | undefined,
  ): Promise<PlanStep | undefined> {
    const { kind, expected } = step;
    const present = named(collection, step.index);
    if (kind === "removeTwin") return present && step;
    if (kind === "undoCreate") return undoable(step, present);
    if (kind === "startDrop" || kind === "finishDrop") {
      if (!present) return undefined;
      return kind === "startDrop" && present.hidden && !step.actual?.hidden
        ? undefined
        : { ...step, actual: present };
    }
    const actual = collection ? [collection] : [];
    const drift = diffIndexes(expected ? [expected] : [], actual);
    return planIndexes(drift, actual).steps.find((found) => found.kind === kind);
  }
}

/** Whether a step may run with what was consented to. */
export function isAllowed(
  { kind, destructive, expiring }: PlanStep,
  {
    rebuild = false,
    drop = false,
    allowExpiry = false,
  }: Pick<ApplyOptions, "rebuild" | "drop" | "allowExpiry">,
): boolean {
  if (expiring && deletesNow(expiring) && !allowExpiry) return false;
  // A step that finishes an observation may always unhide; whether it may drop it asks itself.
  if (!destructive || kind === "finishDrop") return true;
  if (kind === "create" || kind === "setTtl") return allowExpiry;
  return kind === "rebuild" ? rebuild : drop;
}

function undoable(step: PlanStep, present: ActualIndex | undefined): PlanStep | undefined {
  if (!present || sameIndex(present, step.actual)) return present && step;
  throw new OptimizerError("INDEX_CONFLICT", `${step.index} has been changed since, and stays`);
}

function named(collection: ActualCollection | undefined, name: string): ActualIndex | undefined {
  return collection?.indexes.find((index) => index.name === name);
}

// A rebuild may give it another name, and is between the two names for a while.
function ownIndex(step: PlanStep, collection: ActualCollection | undefined): ActualIndex | undefined {
  return named(collection, wantedOf(step)?.name ?? step.index) ?? named(collection, step.index);
}

function wantedOf({ kind, index, expected }: PlanStep): PlanStep["expected"] {
  // What changes in place keeps the name that it has.
  return expected && (kind === "create" || kind === "rebuild" ? expected : { ...expected, name: index });
}
