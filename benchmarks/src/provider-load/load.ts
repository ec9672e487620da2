// Clients of all kinds at two instances of the service, while a signing key takes over from the one before: is any answer
// wrong, and does an instance grow?
import { randomBytes } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { createIdentity } from "@org/db-models";
import { duration } from "@org/db-models/core";
import type { Connection } from "mongoose";
import { type ActorKind, actors, makeActor, type Round } from "./actors.js";
import { type InstanceSample, type ServiceInstance, startService } from "./instances.js";
import { Balancer, type World } from "./world.js";

interface InstanceFigures {
  /** In the first tenth of the time, once each client has begun. */
  readonly early: InstanceSample;
  readonly late: InstanceSample;
}

export interface ProviderLoadFigures {
  readonly seconds: number;
  readonly answers: number;
  readonly rounds: Readonly<Record<ActorKind, number>>;
  /** Answers that were not the right ones; of many, the first. */
  readonly wrong: readonly string[];
  readonly wrongInAll: number;
  readonly instances: readonly InstanceFigures[];
}

export interface ProviderLoadOptions {
  readonly uri: string;
  readonly seconds: number;
  readonly clients: number;
}

const issuer = "http://id.localhost:3000";
/** Between the rounds of a client, which may ask the token endpoint 600 times a minute. */
const pauseMs = 200;
const toldWrong = 20;

export async function benchmarkProviderLoad(
  connection: Connection,
  { uri, seconds, clients }: ProviderLoadOptions,
  say: (line: string) => void,
): Promise<ProviderLoadFigures> {
  const sealKey = { id: "load", key: randomBytes(32).toString("base64url") };
  const identity = createIdentity({ connection, sealKeys: [sealKey] });
  const settings = serviceSettings(uri, sealKey);
  const instances: ServiceInstance[] = [];
  try {
    await scheduleKey(connection, [sealKey], new Date(Date.now() + seconds * 500));
    for (let started = 0; started < 2; started++) instances.push(await startService(settings));
    const balancer = new Balancer(instances.map(({ address }) => address));
    return await run({ identity, issuer, balancer }, instances, { seconds, clients, say });
  } finally {
    await Promise.all(instances.map((instance) => instance.stop()));
    await identity.close();
  }
}

function serviceSettings(uri: string, { id, key }: { id: string; key: string }): Record<string, string> {
  return {
    MONGODB_URI: uri,
    ORG_API_ISSUER: issuer,
    ORG_API_INSECURE_COOKIES: "true",
    ORG_API_SEAL_KEYS: `${id}=${key}`,
    ORG_API_RATE_LIMIT: "1000000",
    ORG_API_SIGN_IN_RATE_LIMIT: "1000000",
    // The load is more than two cores take.
    ORG_API_MAX_EVENT_LOOP_DELAY_MS: "0",
    ORG_API_LOG_LEVEL: "fatal",
  };
}

/** Has a key that is published already sign from a moment on: it is made as long ago as a key waits. */
async function scheduleKey(
  connection: Connection,
  sealKeys: readonly { id: string; key: string }[],
  signsFrom: Date,
): Promise<void> {
  let now = new Date(signsFrom.getTime() - 2 * duration.day);
  const past = createIdentity({ connection, sealKeys: [...sealKeys], clock: { now: () => now } });
  await past.oauth.rotateSigningKey({ algorithm: "RS256" });
  now = new Date(signsFrom.getTime() - past.policies.oauth.signingKeyLeadMs);
  await past.oauth.rotateSigningKey({ algorithm: "RS256" });
  await past.close();
}

interface RunOptions {
  readonly seconds: number;
  readonly clients: number;
  readonly say: (line: string) => void;
}

async function run(
  world: World,
  instances: readonly ServiceInstance[],
  { seconds, clients, say }: RunOptions,
): Promise<ProviderLoadFigures> {
  const kinds = Object.keys(actors) as ActorKind[];
  const rounds = Object.fromEntries(kinds.map((kind) => [kind, 0])) as Record<ActorKind, number>;
  const members: Array<{ kind: ActorKind; round: Round }> = [];
  for (let made = 0; made < clients; made++) {
    const kind = kinds[made % kinds.length] as ActorKind;
    members.push({ kind, round: await makeActor(world, kind) });
  }
  const wrong: string[] = [];
  const began = performance.now();
  const until = began + seconds * 1_000;
  const samples = sampled(instances, until, say);
  await Promise.all(
    members.map(async ({ kind, round }) => {
      while (performance.now() < until) {
        await round().then(
          () => {
            rounds[kind] += 1;
          },
          (error: Error) => wrong.push(`${kind}: ${error.name}: ${error.message}`),
        );
        await wait(pauseMs);
      }
    }),
  );
  const took = (performance.now() - began) / 1_000;
  const found = await samples;
  return {
    seconds: took,
    answers: world.balancer.answered,
    rounds,
    wrong: wrong.slice(0, toldWrong),
    wrongInAll: wrong.length,
    instances: found.map((ofOne) => ({
      early: leastOf(ofOne.slice(0, Math.ceil(ofOne.length / 5))),
      late: leastOf(ofOne.slice(-Math.ceil(ofOne.length / 5))),
    })),
  };
}

/** Samples of each instance, one a second. */
async function sampled(
  instances: readonly ServiceInstance[],
  until: number,
  say: (line: string) => void,
): Promise<InstanceSample[][]> {
  const found: InstanceSample[][] = instances.map(() => []);
  while (performance.now() < until) {
    await wait(1_000);
    const now = await Promise.all(instances.map((instance) => instance.sample()));
    for (const [at, sample] of now.entries()) found[at]?.push(sample);
    if (found[0] && found[0].length % 30 === 0) say(`provider-load: ${now.map(textOf).join("; ")}`);
  }
  return found;
}

/** Memory as it is between two collections at the least: what stays. The delay is the median. */
function leastOf(samples: readonly InstanceSample[]): InstanceSample {
  const delays = samples.map(({ delayP99Ms }) => delayP99Ms).sort((one, other) => one - other);
  return {
    rssMb: Math.min(...samples.map(({ rssMb }) => rssMb)),
    heapMb: Math.min(...samples.map(({ heapMb }) => heapMb)),
    delayP99Ms: delays[Math.floor(delays.length / 2)] ?? Number.NaN,
  };
}

const textOf = ({ rssMb, heapMb, delayP99Ms }: InstanceSample): string =>
  `${rssMb.toFixed(0)} MB, heap ${heapMb.toFixed(0)} MB, delay p99 ${delayP99Ms.toFixed(0)} ms`;

export function readableProviderLoad(found: ProviderLoadFigures): string[] {
  const { seconds, answers, rounds, wrong, wrongInAll, instances } = found;
  return [
    `provider under load: ${answers} answers in ${seconds.toFixed(0)} s, ${wrongInAll} wrong`,
    ...Object.entries(rounds).map(([kind, count]) => `  ${kind}: ${count} rounds`),
    ...instances.map(
      ({ early, late }, at) =>
        `  instance ${at + 1}: ${textOf(early)} in the first fifth; ${textOf(late)} in the last`,
    ),
    ...wrong.map((one) => `  wrong: ${one}`),
  ];
}
