// The mixed load over HTTP on two instances: ours and better-auth's, and ours while parts of it fail.
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withDatabase } from "@org/dev-kit";
import { flakyProxy } from "@org/dev-kit/flaky-proxy";
import { MongoClient, MongoServerError } from "mongodb";
import { type Disturbed, disturb, type FaultTimes, faultTimes, startStored } from "./faults.js";
import { type Instance, type ProductName, startInstance } from "./instances.js";
import { prepareBetterAuth, prepareOurs } from "./prepare.js";
import { betterAuth, ours, type Product } from "./products.js";
import { type LoadFigures, type LoadRun, runLoad } from "./run.js";

/** How large the load is. */
export interface LoadSize {
  readonly seconds: number;
  /** Clients, each of which sends one request after the other. */
  readonly members: number;
  /** Sessions that they use. */
  readonly active: number;
}

type CountedFigures = LoadFigures & { readonly writesPerRequest?: number };

export interface LoadBenchmarks {
  readonly ours: CountedFigures;
  readonly betterAuth: CountedFigures;
}

const products: Readonly<Record<ProductName, Product>> = { ours, betterAuth };
const instanceCount = 2;
const boundMs = 1_000;
const seed = 18;
const selectionMs = 30_000;
/** Within the outage, so that the service says that it can't while it can't. */
const faultySelectionMs = 1_000;

/** The same mix on ours and on better-auth, one after the other. */
export async function benchmarkLoad(
  uri: string,
  size: LoadSize,
  say: (line: string) => void,
): Promise<LoadBenchmarks> {
  const found: Partial<Record<ProductName, LoadBenchmarks["ours"]>> = {};
  const client = await MongoClient.connect(uri);
  try {
    for (const product of ["ours", "betterAuth"] as const) {
      say(`load: ${size.members} clients of ${product} for ${size.seconds} s`);
      found[product] = await loadOne(client, uri, product, size);
    }
  } finally {
    await client.close();
  }
  return found as LoadBenchmarks;
}

async function loadOne(client: MongoClient, uri: string, product: ProductName, size: LoadSize) {
  const secret = randomBytes(32).toString("hex");
  const { members, active, seconds } = size;
  const starts =
    product === "ours"
      ? await prepareOurs(uri, members, active)
      : await prepareBetterAuth(uri, secret, members);
  const instances: Instance[] = [];
  try {
    while (instances.length < instanceCount)
      instances.push(await startInstance({ product, uri, secret, selectionMs }));
    const before = await writesOf(client);
    const run: LoadRun = { product: products[product], instances, starts, seconds, seed, boundMs };
    const figures = await runLoad(run);
    const requests = figures.perSecond * figures.seconds;
    const after = await writesOf(client);
    if (before === undefined || after === undefined) return figures;
    return { ...figures, writesPerRequest: (after - before) / requests };
  } finally {
    for (const instance of instances) await instance.stop();
  }
}

/** Writes that the server has made for anybody; `undefined` for a user who may not ask. */
async function writesOf(client: MongoClient): Promise<number | undefined> {
  try {
    const { opcounters } = await client.db("admin").command({ serverStatus: 1 });
    return Number(opcounters.insert) + Number(opcounters.update) + Number(opcounters.delete);
  } catch (error) {
    if (error instanceof MongoServerError) return undefined;
    throw error;
  }
}

/** Ours on a server of its own, which is killed, cut off, and loses an instance meanwhile. */
export async function benchmarkFaults(size: LoadSize, times: FaultTimes = faultTimes): Promise<LoadFigures> {
  const storagePath = await mkdtemp(join(tmpdir(), "org-load-"));
  const engine = await startStored(storagePath);
  const proxy = await flakyProxy(engine.uri);
  const instances: Instance[] = [];
  const uri = withDatabase(proxy.uri, "load");
  const start = () => startInstance({ product: "ours", uri, secret: "", selectionMs: faultySelectionMs });
  const on: Disturbed = { proxy, engine, storagePath, instances, start };
  try {
    const starts = await prepareOurs(withDatabase(engine.uri, "load"), size.members, size.active);
    while (instances.length < instanceCount) instances.push(await start());
    return await runLoad({
      product: ours,
      instances: [...instances],
      instancesNow: () => instances,
      starts,
      seconds: size.seconds,
      seed,
      boundMs,
      meanwhile: (target) => disturb(on, target, times),
    });
  } finally {
    for (const instance of instances) await instance.stop();
    await proxy.stop();
    await on.engine.stop();
    await rm(storagePath, { recursive: true, force: true });
  }
}

/** For people. */
export function readableLoad(found: LoadBenchmarks): string[] {
  const writes = ({ writesPerRequest }: CountedFigures) =>
    writesPerRequest === undefined
      ? "writes not counted, as serverStatus is refused"
      : `${writesPerRequest.toFixed(3)} writes a request, of everybody on the server`;
  return [
    ...readableFigures("load, ours", found.ours),
    `load, ours: ${writes(found.ours)}`,
    ...readableFigures("load, better-auth", found.betterAuth),
    `load, better-auth: ${writes(found.betterAuth)}`,
  ];
}

export function readableFigures(what: string, figures: LoadFigures): string[] {
  const { perSecond, seconds, operations, failures, broken, early, late } = figures;
  const listed = Object.entries(operations).filter(([, { requests }]) => requests > 0);
  const other = Object.entries(failures.other).map(([status, count]) => `${count} with ${status}`);
  const states = (of: LoadFigures["early"]) =>
    of
      .map(
        ({ rssMb, delayP99Ms, delayMaxMs }) =>
          `${rssMb.toFixed(0)} MB, delay p99 ${delayP99Ms.toFixed(0)} ms, most ${delayMaxMs.toFixed(0)} ms`,
      )
      .join("; ");
  return [
    `${what}: ${perSecond.toFixed(0)} a second for ${seconds.toFixed(0)} s`,
    ...listed.map(
      ([name, { requests, p50, p99 }]) =>
        `${what}, ${name}: ${requests}, p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(0)} ms`,
    ),
    `${what}, failures: ${failures.unavailable} with 503 and Retry-After, ${failures.withoutRetryAfter} without it, ` +
      `${failures.unanswered} unanswered${other.map((one) => `, ${one}`).join("")}`,
    `${what}: ${broken.acceptedAfterBound} accepted past the bound, ${broken.lost} acknowledged and lost`,
    `${what}, instances in the first tenth: ${states(early)}; in the end: ${states(late)}`,
  ];
}
