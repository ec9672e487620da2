// Every part that an application can give, misbehaving in every way: what the client gets, and that nothing is left behind.
// A decision fails closed, a fact is unknown, and neither is the client's fault.
import { type AuditInput, IdentityError } from "@org/db-models";
import { queries, runQuery } from "@org/db-models/queries";
import type { FastifyInstance } from "fastify";
import type { Types } from "mongoose";
import { expect, test } from "vitest";
import { boundedTrail } from "../src/flows/audit.js";
import { toProblem } from "../src/flows/problems.js";
import type { IdentityPluginOptions } from "../src/index.js";
import { Visitor } from "./pages/visitor.js";
import { password, someone, useIdentity } from "./support.js";

const fail = (): never => {
  throw new Error("the part's own");
};

const misbehaviours: Readonly<Record<string, () => unknown>> = {
  throws: fail,
  "throws nothing": () => {
    throw undefined;
  },
  "throws with a status": () => {
    throw Object.assign(new Error("the part's own"), { statusCode: 200 });
  },
  rejects: async () => fail(),
  "never answers": () => new Promise(() => {}),
  "answers null": () => null,
  "answers a number": () => 5,
  "answers a text": () => "no",
  "answers a huge text": () => "x".repeat(1_000_000),
  "answers true": () => true,
  "answers a list": () => [],
  "answers an empty object": () => ({}),
  "answers with a trap": () => new Proxy({}, { get: fail, has: fail, ownKeys: fail }),
};

/** The misbehaviour of the moment. */
let act: (() => unknown) | undefined;
const misbehave = () => act?.() as never;

/** The identity object is the same for all parts. */
let part = "";
const setting = useIdentity({
  isBreached: async () => (part === "isBreached" && act ? (misbehave() as boolean) : false),
  passwords: { breachedTimeoutMs: 10 },
});

/** What the client gets: the code of the problem, or none. */
interface Outcome {
  readonly register?: string;
  readonly signIn?: string;
  /** An account that is there in spite of an error: its owner is sent the mail, as without one. */
  readonly keepsAccount?: true;
}

interface Part {
  readonly options: Partial<IdentityPluginOptions>;
  /** Besides those of every part. */
  readonly also?: Readonly<Record<string, () => unknown>>;
  readonly outcome?: ((how: string) => Outcome) | undefined;
}

class Store {
  incr(_client: string, counted: (error: Error | null, result: never) => void): void {
    const answer: unknown = misbehave();
    if (answer instanceof Promise) answer.catch((error) => counted(error, undefined as never));
    else counted(null, answer as never);
  }

  child(): Store {
    return this;
  }
}

const text = "x".repeat(513);
const answers: Part["also"] = {
  "refuses for a number": () => ({ refuse: 5 }),
  "refuses for nothing": () => ({ refuse: "" }),
  "refuses for undefined": () => ({ refuse: undefined }),
  "refuses for an object": () => ({ refuse: { a: 1 } }),
  "refuses at length": () => ({ refuse: text }),
  "refuses in a lone surrogate": () => ({ refuse: "\ud800" }),
  "refuses and adds": () => ({ refuse: 5, details: {} }),
  "adds a number": () => ({ details: { score: 7 } }),
  "adds a long text": () => ({ details: { score: text } }),
  "adds an empty text": () => ({ details: { score: "" } }),
  "adds an object": () => ({ details: { a: { $b: 1 } } }),
  "adds a list": () => ({ details: ["a"] }),
  "adds null": () => ({ details: null }),
  "adds too much": () => ({
    details: Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`n${n}`, "x"])),
  }),
  "adds a long name": () => ({ details: { [text]: "x" } }),
  "adds a lone surrogate": () => ({ details: { a: "\ud800" } }),
  "adds what grows when it is stored": () => ({ details: { a: "\ufb2c".repeat(200) } }),
};

const hook =
  (outcome: Outcome): Part["outcome"] =>
  (how) =>
    how === "answers null" ? {} : outcome;

const located =
  (place: object): (() => unknown) =>
  () => ({ location: place });

const parts: Readonly<Record<string, Part>> = {
  "hooks.onRegister": {
    options: { hooks: { onRegister: misbehave } },
    also: answers,
    outcome: hook({ register: "HOOK_FAILED" }),
  },
  "hooks.onSignIn": {
    options: { hooks: { onSignIn: ({ userId }) => signInHook(userId.toHexString()) as never } },
    also: {
      ...answers,
      "adds the user's id": () => ({ details: { a: subject.toUpperCase() } }),
      "refuses with the user's id": () => ({ refuse: subject }),
    },
    outcome: hook({ signIn: "HOOK_FAILED" }),
  },
  "hooks.onSessionOpened": { options: { hooks: { onSessionOpened: misbehave } } },
  notifier: { options: { notifier: { send: misbehave } } },
  auditTrail: {
    options: { auditTrail: misbehave },
    // Whatever it answers, it has the event.
    outcome: (how) =>
      how.startsWith("answers") && how !== "answers with a trap"
        ? {}
        : { register: "AUDIT_NOT_WRITTEN", signIn: "AUDIT_NOT_WRITTEN", keepsAccount: true },
  },
  "rateLimit.store": {
    options: { rateLimit: { requests: 1_000_000, passwords: 1_000_000, store: Store } },
    also: {
      "answers with texts": () => ({ current: "x", ttl: "y" }),
      "answers with NaN": () => ({ current: Number.NaN, ttl: 1 }),
    },
  },
  "networks.flagsOf": {
    options: { riskPolicy: "relaxed", networks: { flagsOf: misbehave, isSuspect: () => false } },
    also: { "answers with odd flags": () => [null, 5, { kind: "nope" }] },
  },
  "networks.isSuspect": { options: { networks: { flagsOf: () => [], isSuspect: misbehave } } },
  locate: {
    options: { riskPolicy: "relaxed", locate: misbehave },
    also: {
      "has a country that is a number": located({ country: 5 }),
      "has a country by its name": located({ country: "Norway" }),
      "has a city that is huge": located({ country: "NO", city: "x".repeat(100_000) }),
      "has a city of separators": located({ city: ";".repeat(128) }),
      "has impossible degrees": located({ latitude: 999, longitude: Number.NaN }),
      "has an operator that is a text": () => ({ location: {}, asn: "64500" }),
    },
  },
  solvesChallenge: { options: { solvesChallenge: misbehave } },
  isBreached: {
    options: {},
    outcome: (how) => (how === "answers true" ? { register: "PASSWORD_TOO_COMMON" } : {}),
  },
  "pages.mails": { options: { pages: { mails: { email_verification: misbehave } } } },
  "pages.replace": { options: { pages: { replace: { signIn: misbehave } } } },
  "pages.footer": { options: { pages: { footer: misbehave } } },
};

/** The id of who signs in. */
let subject = "";

function signInHook(id: string): unknown {
  subject = id;
  return act?.();
}

let people = 0;
const register = async (app: FastifyInstance) => {
  people += 1;
  const email = `given${people}@example.com`;
  const answer = await app.inject({ method: "POST", url: "/v1/users", payload: { email, password } });
  return { email, answer };
};

const signIn = (app: FastifyInstance, identifier: string) =>
  app.inject({ method: "POST", url: "/v1/sessions", payload: { identifier, password } });

const accountsOf = async (email: string) =>
  (await runQuery(setting.identity.models, queries.userByEmail(email), { _id: 1 })).length;

const codeOf = ({ body }: { body: string }) => (JSON.parse(body) as { code?: string }).code;

const mailsTo = (address: string) => setting.notices.filter(({ to }) => to === address).length;

/** What there is to see of one misbehaviour, from outside and in the database. */
async function seen(app: FastifyInstance, { email, userId }: { email: string; userId: Types.ObjectId }) {
  const { sessions } = setting.identity;
  await sessions.revokeAll({ userId });
  const registered = await register(app);
  const signedIn = await signIn(app, email);
  const page = await new Visitor(app).get("/account/sign-in");
  return {
    registered: registered.email,
    register: codeOf(registered.answer),
    signIn: codeOf(signedIn),
    accounts: await accountsOf(registered.email),
    sessions: (await sessions.list({ userId })).length,
    page: page.statusCode,
  };
}

test.each(Object.entries(parts))("%s", async (name, { options, also, outcome = (): Outcome => ({}) }) => {
  act = undefined;
  part = name;
  const app = await setting.app({
    hookTimeoutMs: 10,
    auditTimeoutMs: 10,
    noticeTimeoutMs: 10,
    ...options,
  });
  const { email } = await someone(app);
  const [owner] = await runQuery(setting.identity.models, queries.userByEmail(email), { _id: 1 });
  const person = { email, userId: owner?._id as Types.ObjectId };
  const mails: { how: string; to: string; expected: number }[] = [];
  for (const [how, misbehaviour] of Object.entries({ ...misbehaviours, ...also })) {
    const { register, signIn, keepsAccount } = outcome(how);
    const isMade = !register || keepsAccount === true;
    act = misbehaviour;
    const { registered, ...found } = await seen(app, person);
    const expected = { register, signIn, accounts: isMade ? 1 : 0, sessions: signIn ? 0 : 1, page: 200 };
    expect([how, found]).toEqual([how, expected]);
    mails.push({ how, to: registered, expected: isMade && name !== "notifier" ? 1 : 0 });
  }
  // And then it is as if nothing had been.
  act = undefined;
  expect(await seen(app, person)).toMatchObject({ accounts: 1, sessions: 1, page: 200 });
  // Mails are sent after the answers; one wait for all of them.
  await setting.settle();
  expect(mails.map(({ how, to }) => [how, mailsTo(to)])).toEqual(
    mails.map(({ how, expected }) => [how, expected]),
  );
});

// A malformed event is the fault of the request; one that the trail refuses is the trail's: a 503 makes clients try again.
test("auditTrail gets no malformed event, which is refused as the database's trail refuses it", async () => {
  const taken: AuditInput[] = [];
  const trail = boundedTrail(async (event) => void taken.push(event), 1_000);
  const event = { action: "app.changed", outcome: "success", details: { changes: "" } } as const;
  const refusals = [trail, setting.identity.audit.append].map((append) => append(event).catch(toProblem));
  const [own, database] = (await Promise.all(refusals)) as ReturnType<typeof toProblem>[];
  expect([own?.code, own?.statusCode, own?.members]).toEqual(["INVALID_INPUT", 400, database?.members]);
  expect([database?.code, taken]).toEqual(["INVALID_INPUT", []]);
  const picky = boundedTrail(
    () => Promise.reject(new IdentityError("INVALID_INPUT", "unknown action")),
    1_000,
  );
  const wellFormed = { ...event, details: { changes: "name" } };
  await expect(picky(wellFormed)).rejects.toMatchObject({ code: "AUDIT_NOT_WRITTEN", statusCode: 503 });
});

// Of the parts that write answers, what they write is the answer unless it can be none.
test.each([
  ...Object.entries(misbehaviours),
  ["answers without a body", () => ({ contentType: "text/plain" })],
  ["answers with an object", () => ({ contentType: "text/plain", body: { a: 1 } })],
  ["answers with bytes", () => ({ contentType: "text/plain", body: Buffer.from("x") })],
  ["answers with a line break in the type", () => ({ contentType: "text/plain\r\nx: y", body: "x" })],
] as const)("errorFormat %s", async (_how, errorFormat) => {
  const app = await setting.app({ errorFormat: errorFormat as never });
  const answer = await app.inject({ url: "/v1/session" });
  expect([answer.statusCode, answer.headers["content-type"]]).toEqual([
    401,
    "application/problem+json; charset=utf-8",
  ]);
  expect(answer.json()).toMatchObject({ code: "SESSION_REQUIRED" });
});
