import { setTimeout as wait } from "node:timers/promises";
import { randomOf } from "@org/dev-kit/children";
import type { Instance, InstanceState } from "./instances.js";
import { type Broken, LoadMember, type MemberStart } from "./member.js";
import type { Operation, Product } from "./products.js";
import { type Failures, type OperationFigures, Tally } from "./tally.js";
import { Target } from "./target.js";

export interface LoadRun {
  readonly product: Product;
  readonly instances: readonly Instance[];
  readonly starts: readonly MemberStart[];
  readonly seconds: number;
  readonly seed: number;
  /** No check accepts a session whose end was acknowledged so long ago, milliseconds. */
  readonly boundMs: number;
  /** What happens meanwhile. It ends before the load does. */
  readonly meanwhile?: (target: Target) => Promise<void>;
  /** The instances of the end, where another has taken the place of one. */
  readonly instancesNow?: () => readonly Instance[];
}

export interface LoadFigures {
  readonly seconds: number;
  /** Requests that succeeded, a second. */
  readonly perSecond: number;
  readonly operations: Readonly<Record<Operation, OperationFigures>>;
  readonly failures: Failures;
  readonly broken: Broken;
  /** Of the instances, in the first tenth of the time and at the end. */
  readonly early: readonly InstanceState[];
  readonly late: readonly InstanceState[];
}

/** Keeps every member busy for so long, and compares then what is there with what was acknowledged. */
export async function runLoad(run: LoadRun): Promise<LoadFigures> {
  const { product, instances, starts, seconds, seed, boundMs } = run;
  const target = new Target(
    instances.map(({ address }) => address),
    starts.length,
  );
  const tally = new Tally();
  const members = starts.map((start, index) => {
    const random = randomOf(seed + index);
    return new LoadMember(start, { product, target, tally, random, boundMs });
  });
  try {
    const until = performance.now() + seconds * 1_000;
    let isDisturbed = run.meanwhile !== undefined;
    const disturbed = run.meanwhile?.(target).finally(() => {
      isDisturbed = false;
    });
    const early = wait(seconds * 100).then(() => statesOf(instances));
    const began = performance.now();
    const busy = members.map(async (member) => {
      while (performance.now() < until || isDisturbed) await member.act();
    });
    await Promise.all([...busy, disturbed]);
    const took = (performance.now() - began) / 1_000;
    const late = await statesOf(run.instancesNow?.() ?? instances);
    await wait(boundMs);
    await Promise.all(members.map((member) => member.verify()));
    return {
      seconds: took,
      perSecond: tally.succeededInAll / took,
      operations: tally.figures(),
      failures: tally.failures,
      broken: {
        acceptedAfterBound: sum(members.map(({ broken }) => broken.acceptedAfterBound)),
        lost: sum(members.map(({ broken }) => broken.lost)),
      },
      early: await early,
      late,
    };
  } finally {
    target.close();
  }
}

function statesOf(instances: readonly Instance[]): Promise<InstanceState[]> {
  return Promise.all(instances.map((instance) => instance.state()));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
