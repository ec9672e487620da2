// Carries steps out one by one: re-checked against the server, journalled, timed.
import { OptimizerError, toOptimizerError } from "../../core/errors.js";
import { withRetries } from "../../core/server/transient.js";
import { type ActualCollection, inspectIndexes } from "../inspect.js";
import type { Observation } from "../observe/observation.js";
import { observationOf } from "../observe/observe.js";
import { diffIndexes } from "../plan/diff.js";
import { planIndexes } from "../plan/plan.js";
import type { BuildProgress } from "../steps/build.js";
import type { StepContext } from "../steps/context.js";
import type { StepOutcome } from "../steps/outcome.js";
import { type IndexStep, indexKindOf, isAllowed, isOnIndex, kindOf, type PlanStep } from "../steps/steps.js";
import type { OpenRun, StepResult } from "./run.js";
import { isUnchanged, recordBefore, stateAfter } from "./step-record.js";

const dayMs = 86_400_000;
const observeDays = 7;

type OnBuild = (progress: BuildProgress) => void;

/** Carries out the steps of one run. */
export class StepRunner {
  readonly #open: OpenRun;

  constructor(open: OpenRun) {
    this.#open = open;
  }

  /**
   * Carries one step out, unless it waits for consent or is done already. A failure is in the result.
   *
   * @param position of the step in the run
   */
  async run<S extends PlanStep>(
    step: S,
    position: number,
    onBuild: OnBuild = () => undefined,
  ): Promise<StepResult<S>> {
    const { moment, options } = this.#open;
    const begin = moment().getTime();
    const finish = (end: Omit<StepResult<S>, "step" | "elapsedMs">): StepResult<S> => ({
      step,
      elapsedMs: moment().getTime() - begin,
      ...end,
    });
    if (!isAllowed(step, options)) return finish({ outcome: "skipped" });
    try {
      const found = await this.#retrying(() => this.#inspect(step.collection));
      const current = kindOf(step).needed(step, found, () => plannedNow(step, found));
      if (!current) return finish({ outcome: "unneeded" });
      return finish(await this.#journalled(current, found, position, onBuild));
    } catch (error) {
      return finish({ outcome: "failed", error: toOptimizerError(error, nameOf(step)) });
    }
  }

  async #journalled(
    step: PlanStep,
    found: ActualCollection | undefined,
    position: number,
    onBuild: OnBuild,
  ): Promise<Pick<StepResult, "outcome" | "error" | "reasons">> {
    const { journal, moment } = this.#open;
    const { run } = kindOf(step);
    const context = await this.#contextOf(step, found, onBuild);
    const record = recordBefore(step, found);
    if (!record) return run(context, step);
    await this.#retrying(async () => {
      await context.confirm();
      await journal.begin(position, { ...record, startedAt: moment() });
    });
    try {
      const end = await run(context, step);
      // A finished step is journalled even if the run has been stopped meanwhile.
      await withRetries(() => this.#end(step, position, end.outcome));
      return end;
    } catch (error) {
      const known = toOptimizerError(error, nameOf(step));
      // The journal of a run that lost its lease belongs to its successor.
      if (known.code !== "LEASE_LOST")
        await this.#end(step, position, "failed", known).catch(() => undefined);
      throw known;
    }
  }

  async #end(step: PlanStep, position: number, state: StepOutcome, error?: OptimizerError): Promise<void> {
    const { journal, moment } = this.#open;
    await journal.end(position, {
      state,
      after: stateAfter(step, await this.#inspect(step.collection)),
      endedAt: moment(),
      ...(error && { error: { code: error.code, message: error.message } }),
    });
  }

  #retrying<T>(run: () => Promise<T>): Promise<T> {
    return withRetries(run, this.#open.options.signal);
  }

  async #contextOf(
    step: PlanStep,
    found: ActualCollection | undefined,
    onBuild: OnBuild,
  ): Promise<StepContext> {
    const { connection, journal, moment, options } = this.#open;
    const { lease, signal, queries = [], slowOperationMs = 100, drop = false, observeSeconds } = options;
    return {
      connection,
      confirm: () => lease?.confirm() ?? Promise.resolve(),
      assertOurs: () => this.#assertOurs(step, found),
      signal,
      onBuild,
      moment,
      runId: journal.runId,
      watch: { queries, slowOperationMs },
      observeMs: observeSeconds === undefined ? observeDays * dayMs : observeSeconds * 1_000,
      mayDrop: drop,
      observation: isOnIndex(step) ? await this.#retrying(() => this.#openObservation(step)) : undefined,
    };
  }

  async #assertOurs(step: PlanStep, before: ActualCollection | undefined): Promise<void> {
    if (!isOnIndex(step) || isUnchanged(step, before, await this.#inspect(step.collection))) return;
    throw new OptimizerError(
      "INDEX_CONFLICT",
      `${step.index} was changed by another client meanwhile, and stays`,
    );
  }

  async #openObservation(step: IndexStep): Promise<Observation | undefined> {
    if (!indexKindOf(step).observed) return undefined;
    const found = await observationOf(this.#open.connection, step.collection, step.index);
    return found?.state === "hiding" || found?.state === "observing" ? found : undefined;
  }

  async #inspect(name: string): Promise<ActualCollection | undefined> {
    return (await inspectIndexes(this.#open.connection, [name]))[0];
  }
}

/** The step of this kind that a plan of this moment would have for its index. */
function plannedNow<S extends PlanStep>(step: S, found: ActualCollection | undefined): S | undefined {
  const actual = found ? [found] : [];
  const expected = "expected" in step ? [step.expected] : [];
  const { steps } = planIndexes(diffIndexes(expected, actual), actual);
  return steps.find(({ kind }) => kind === step.kind) as S | undefined;
}

function nameOf(step: PlanStep): string {
  return isOnIndex(step) ? `${step.collection}.${step.index}` : step.collection;
}
