// A sign-in over the HTTP route, in one process: beside argon2id and two inserts, and by part.
import { setTimeout } from "node:timers/promises";
import { hash, verify } from "@node-rs/argon2";
import { type Identity, openIdentity } from "@org/db-models";
import { randomKey } from "@org/db-models/core";
import { identityPlugin } from "@org/fastify-identity";
import { type FastifyInstance, fastify } from "fastify";
import type { mongo, Types } from "mongoose";
import { beside, type Comparison, compare, quantile } from "./measure.js";

/** Milliseconds in which at least one command of a kind was under way, and how many of them there were: medians. */
interface SignInPart {
  readonly ms: number;
  readonly commands: number;
}

export interface SignInBenchmark {
  /** The route against argon2id and two inserts, one after the other. */
  readonly signIn: Comparison;
  /** Milliseconds of argon2id alone: the median. */
  readonly argon2id: number;
  readonly reads: SignInPart;
  readonly writes: SignInPart;
  readonly audit: SignInPart;
  /** Commands until the answer, in their order, of the last sign-in: name, collection, begin and end in milliseconds. */
  readonly timeline: readonly string[];
}

const password = "correct horse battery staple";
const browser = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const people = 50;
/** As OWASP recommends and `users.register` hashes. */
const parameters = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** Sign-ins of accounts that have signed in before on the same device, each in turn. */
export async function benchmarkSignIn(uri: string): Promise<SignInBenchmark> {
  const identity = await openIdentity(uri, { database: { monitorCommands: true } });
  const app = fastify();
  try {
    await app.register(identityPlugin, {
      identity,
      issuer: "http://127.0.0.1",
      rateLimit: { requests: 1_000_000, passwords: 1_000_000, store: "memory" },
      notifier: { send: async () => undefined },
    });
    const accounts = await makeAccounts(identity, app);
    const sessions = identity.models.UserSession.collection as unknown as mongo.Collection;
    const stored = await hash(password, parameters);
    const commands = new CommandTimes(identity);
    const found: Measured[] = [];
    const signIn = await compare(
      async (index) => {
        found.push(await commands.during(() => signInAs(app, accounts[index % people])));
      },
      async () => {
        await verify(stored, password);
        for (let write = 0; write < 2; write++) await sessions.insertOne({ probe: randomKey() });
      },
      {
        rounds: 9,
        calls: 10,
        prepare: async (index) => {
          // Work after an answer is done a second later, and would be counted with the next one.
          await setTimeout(1_200);
          // Sessions that are there would have to make room.
          await sessions.deleteMany({ userId: accounts[index % people]?.userId as never });
        },
      },
    );
    await sessions.deleteMany({ probe: { $exists: true } });
    const hashing: number[] = [];
    for (let call = 0; call < 50; call++) {
      const started = performance.now();
      await verify(stored, password);
      hashing.push(performance.now() - started);
    }
    const part = (kind: Kind): SignInPart => ({
      ms: quantile(
        found.map(({ ms }) => ms[kind]),
        0.5,
      ),
      commands: quantile(
        found.map(({ counts }) => counts[kind]),
        0.5,
      ),
    });
    const timeline = found.at(-1)?.timeline ?? [];
    return {
      signIn,
      argon2id: quantile(hashing, 0.5),
      reads: part("reads"),
      writes: part("writes"),
      audit: part("audit"),
      timeline,
    };
  } finally {
    await app.close();
    await identity.close();
  }
}

interface Account {
  readonly userId: Types.ObjectId;
  readonly email: string;
  /** Cookies of the browser that signed in first. */
  cookie: string;
}

async function makeAccounts(identity: Identity, app: FastifyInstance): Promise<Account[]> {
  const accounts: Account[] = [];
  for (let at = 0; at < people; at++) {
    const email = `sign-in-${at}-${randomKey()}@example.com`;
    const { _id: userId } = await identity.users.register({ email, password });
    const account = { userId, email, cookie: "" };
    account.cookie = await signInAs(app, account);
    accounts.push(account);
  }
  return accounts;
}

/** Signs in, and returns the device's cookie. */
async function signInAs(app: FastifyInstance, account: Account | undefined): Promise<string> {
  const answer = await app.inject({
    method: "POST",
    url: "/v1/sessions",
    headers: { "user-agent": browser, ...(account?.cookie && { cookie: account.cookie }) },
    payload: { identifier: account?.email, password },
  });
  if (answer.statusCode !== 201) throw new Error(`a sign-in got ${answer.statusCode}: ${answer.body}`);
  const device = answer.cookies.find(({ name }) => name.includes("device"));
  return device ? `${device.name}=${device.value}` : (account?.cookie ?? "");
}

type Kind = "reads" | "writes" | "audit";

interface Measured {
  readonly ms: Record<Kind, number>;
  readonly counts: Record<Kind, number>;
  readonly timeline: readonly string[];
}

interface Timed {
  readonly name: string;
  readonly kind: Kind;
  readonly from: number;
  to: number;
}

/** The commands that an operation sends, and when. */
class CommandTimes {
  #running: { startedAt: number; commands: Map<number, Timed> } | undefined;

  constructor({ models }: Identity) {
    const client = models.User.db.getClient();
    client.on("commandStarted", ({ requestId, commandName, command }) => {
      const collection = String(command[commandName]);
      const from = performance.now();
      const kind = kindOf(commandName, collection);
      this.#running?.commands.set(requestId, { name: `${commandName} ${collection}`, kind, from, to: from });
    });
    client.on("commandSucceeded", ({ requestId }) => {
      const timed = this.#running?.commands.get(requestId);
      if (timed) timed.to = performance.now();
    });
  }

  async during(act: () => Promise<unknown>): Promise<Measured> {
    const startedAt = performance.now();
    const commands = new Map<number, Timed>();
    this.#running = { startedAt, commands };
    await act();
    const endedAt = performance.now();
    this.#running = undefined;
    // Commands after the answer do not count.
    const timed = [...commands.values()].filter(({ from, to }) => to > from && to <= endedAt);
    const of = (kind: Kind) => timed.filter((one) => one.kind === kind);
    const since = (at: number) => (at - startedAt).toFixed(1);
    return {
      ms: { reads: unionOf(of("reads")), writes: unionOf(of("writes")), audit: unionOf(of("audit")) },
      counts: { reads: of("reads").length, writes: of("writes").length, audit: of("audit").length },
      timeline: timed.map(({ name, from, to }) => `${name} ${since(from)} to ${since(to)}`),
    };
  }
}

function kindOf(command: string, collection: string): Kind {
  if (collection === "audit_events") return "audit";
  return ["find", "aggregate", "getMore", "count"].includes(command) ? "reads" : "writes";
}

/** Time in which at least one of them was under way. */
function unionOf(commands: readonly Timed[]): number {
  let total = 0;
  let until = 0;
  for (const { from, to } of [...commands].sort((a, b) => a.from - b.from)) {
    total += Math.max(0, to - Math.max(from, until));
    until = Math.max(until, to);
  }
  return total;
}

export function readableSignIn({ signIn, argon2id, timeline, ...parts }: SignInBenchmark): string[] {
  const part = (name: string, { ms, commands }: SignInPart) => `${name} ${ms.toFixed(1)} ms in ${commands}`;
  const { reads, writes, audit } = parts;
  return [
    `sign-in: ${beside(signIn, "argon2id and two inserts")}`,
    `sign-in by part: argon2id ${argon2id.toFixed(1)} ms; ${part("reads", reads)}; ${part("writes", writes)}; ${part("audit", audit)} commands`,
    ...timeline.map((line) => `  ${line} ms`),
  ];
}
