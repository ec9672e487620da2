import { mongo } from "mongoose";
import { Random } from "./random.js";
import { type Habits, habitsOf } from "./world.js";

const { ObjectId } = mongo;
export type Id = mongo.ObjectId;

export const day = 86_400_000;
export const hour = 3_600_000;

/** Parameters that all documents of one run share. */
export interface Generation {
  readonly users: number;
  readonly sessions: number;
  readonly seed: number;
  /** The moment that the data is as of. */
  readonly now: Date;
  /** Days that sessions have piled up for; `undefined` for the usual mix. */
  readonly uncleanedDays?: number | undefined;
}

/** Everything about one generated person that more than one document tells. */
export interface Person {
  readonly index: number;
  readonly id: Id;
  readonly random: Random;
  readonly habits: Habits;
  readonly createdAt: Date;
  readonly lastActiveAt: Date;
  readonly firstName: string;
  readonly lastName: string;
  readonly sessionCount: number;
  /** The user's own cap, so large that the live sessions fit. */
  readonly cap: number;
}

/** Kinds of documents, each with identifiers of its own. */
export const kind = {
  user: 1,
  session: 2,
  app: 3,
  token: 4,
  permission: 5,
  key: 6,
  event: 7,
  bucket: 8,
  profile: 9,
  checkpoint: 10,
  erasure: 11,
  waiting: 12,
} as const;

const firstNames = [
  "Ada",
  "Bjarne",
  "Chen",
  "Dilip",
  "Edsger",
  "Fatima",
  "Grace",
  "Hanna",
  "Ines",
  "Jamal",
  "Kenji",
  "Linus",
  "Maria",
  "Noor",
  "Olga",
  "Priya",
  "Quentin",
  "Rosa",
  "Sven",
  "Tariq",
  "Uma",
  "Viktor",
  "Wanjiru",
  "Ximena",
  "Yusuf",
  "Zofia",
];
const lastNames = [
  "Almeida",
  "Berg",
  "Costa",
  "Dubois",
  "Eriksen",
  "Fischer",
  "Garcia",
  "Hopper",
  "Ito",
  "Jensen",
  "Kumar",
  "Larsen",
  "Meyer",
  "Nguyen",
  "Okafor",
  "Patel",
  "Quist",
  "Rossi",
  "Sato",
  "Turing",
  "Ueda",
  "Vogel",
  "Wirth",
  "Xu",
  "Yilmaz",
  "Zhang",
];

/** A person is a function of seed and index alone, so that data can be generated again from any point. */
export function personAt(generation: Generation, index: number, sessionCount: number): Person {
  const random = new Random(generation.seed, index);
  const now = generation.now.getTime();
  const createdAt = new Date(now - random.integer(1, 1_000 * 24) * hour);
  const silence = random.chance(0.7)
    ? random.integer(0, 14 * 24 * 60) * 60_000
    : random.integer(0, 400 * 24) * hour;
  const lastActiveAt = new Date(Math.max(now - silence, createdAt.getTime()));
  return {
    index,
    id: identifier(createdAt, index, kind.user, 0),
    random,
    habits: habitsOf(random),
    createdAt,
    lastActiveAt,
    firstName: random.pick(firstNames),
    lastName: random.pick(lastNames),
    sessionCount,
    cap: sessionCount > 28 ? 50 : sessionCount > 10 ? 25 : 10,
  };
}

/** An ObjectId from a date, the owner's index, the kind and a number: unique, and the same in every run. */
export function identifier(at: Date, owner: number, documentKind: number, sequence: number): Id {
  const bytes = Buffer.allocUnsafe(12);
  bytes.writeUInt32BE(Math.floor(at.getTime() / 1_000), 0);
  bytes.writeUInt32BE(owner, 4);
  bytes.writeUInt8(documentKind, 8);
  bytes.writeUIntBE(sequence, 9, 3);
  return new ObjectId(bytes);
}
