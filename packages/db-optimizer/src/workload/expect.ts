// `expectQueryPlan`: a query's plan as an assertion of your own tests.
import type { Connection } from "mongoose";
import { OptimizerError } from "../core/errors.js";
import { countText } from "../core/figure-text.js";
import type { NamedQuery } from "../core/named-query.js";
import { parseThresholds } from "../core/thresholds.js";
import type { QueryPlan } from "../queries/explain.js";
import { explainQuery } from "../queries/run-explain.js";
import { judgePlan, type QueryProblem } from "./judge.js";

/** Expectation of a query's plan. */
export interface PlanExpectation {
  /** Name of the index that must serve it. Default: `query.index`, if it has one. */
  readonly index?: string;
  /** Documents examined for each one returned, at most; for a query that returns nothing, in all. Default 2. */
  readonly maxExaminedPerReturned?: number;
  /** Index keys examined for each document returned, at most; for a query that returns nothing, in all. Default 100. */
  readonly maxKeysPerReturned?: number;
  /** Problems to tolerate. Default none. */
  readonly allow?: readonly QueryProblem[];
}

const unmeasured = { p50: null, p95: null, samples: 0 };

/**
 * For your own tests: fails unless an index serves the query, nothing is sorted in memory, and hardly more is read than
 * returned. Run it against data that looks like production's, at least in its proportions: on ten documents every plan
 * is a good one.
 *
 * @returns the plan, for further assertions
 * @throws {OptimizerError} `QUERY_PLAN_UNFIT` naming the query, what is wrong, and the plan; `INVALID_QUERY`
 * @example
 * await expectQueryPlan(connection, { name: "openOrders", collection: "orders", filter: { status: "open" } });
 */
export async function expectQueryPlan(
  connection: Connection,
  query: NamedQuery,
  expectation: PlanExpectation = {},
): Promise<QueryPlan> {
  const { index = query.index, allow = [] } = expectation;
  const { examinedPerReturned: documents, keysPerReturned: keys } = parseThresholds(undefined);
  const { maxExaminedPerReturned = documents, maxKeysPerReturned = keys } = expectation;
  const tolerable = { examinedPerReturned: maxExaminedPerReturned, keysPerReturned: maxKeysPerReturned };
  const plan = await explainQuery(connection, query);
  const meant = { ...query, ...(index !== undefined && { index }) };
  const { problems, examinedPerReturned } = judgePlan(meant, plan, unmeasured, tolerable);
  const found = problems.filter((problem) => !allow.includes(problem));
  if (found.length === 0) return plan;
  const summary = `${plan.stages.join(" < ") || "no stages"}, ${countText(plan.keysExamined)} keys and ${countText(plan.docsExamined)} documents examined for ${countText(plan.returned)} returned`;
  const indexes = plan.indexes.length > 0 ? ` by ${plan.indexes.join(", ")}` : "";
  throw new OptimizerError("QUERY_PLAN_UNFIT", `${query.name}: ${found.join(", ")} (${summary}${indexes})`, {
    details: { query: query.name, problems: found, examinedPerReturned, plan },
  });
}
