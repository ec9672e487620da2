import { setTimeout } from "node:timers/promises";
import { type mongo, Types } from "mongoose";
import type { z } from "zod";
import { clockToleranceMs } from "../core/clock.js";
import { IdentityError } from "../core/errors.js";
import { parseInput } from "../core/input.js";
import { duration } from "../core/limits.js";
import { randomKey, seal } from "../core/secrets.js";
import { queries } from "../queries/queries.js";
import { runQuery } from "../queries/run-query.js";
import type { AuditEventDocument } from "../schemas/audit-event.js";
import type { IdentityModels } from "../schemas/models.js";
import { currentSchemaVersion } from "../schemas/parts/version.js";
import { auditEventHash, auditRefOf, firstHash } from "./canonical.js";
import { type AuditInput, auditInputSchema } from "./input.js";

type AuditFacts = z.output<typeof auditInputSchema>;

/** Where an event has its place. */
export interface AppendedAudit {
  chainId: string;
  sequence: number;
  eventHash: string;
}

interface WaitingAppend {
  facts: AuditFacts;
  at: Date;
  resolve(appended: AppendedAudit): void;
  reject(error: unknown): void;
}

interface ChainHead {
  chainId: string;
  /** Of the next event. */
  sequence: number;
  hash: string;
  lastAt: Date;
}

const maxBatch = 500;
const maxAttempts = 4;
/**
 * How long a majority may take. Without a bound an append waits for good where a majority is away and the primary is not
 * (a primary, a secondary and an arbiter). Source: MongoDB's manual, "Write Concern", `wtimeout`.
 */
const majorityTimeoutMs = 10 * duration.second;
const durable: mongo.BulkWriteOptions = {
  writeConcern: { w: "majority", journal: true, wtimeoutMS: majorityTimeoutMs },
};
/** Shorter than any retention, so that retention can take away a whole chain and nothing is added to it any more. */
const maxChainIdleMs = duration.day;

/** Appends to one chain, in the order of arrival and in groups. One for each identity object. */
export class AuditWriter {
  readonly #models: IdentityModels;
  #head: ChainHead | undefined;
  #waiting: WaitingAppend[] = [];
  #draining = false;
  #drained: Promise<void> = Promise.resolve();

  constructor(models: IdentityModels) {
    this.#models = models;
  }

  /** @throws IdentityError `INVALID_INPUT`, `AUDIT_NOT_WRITTEN`. */
  async append(input: AuditInput, at: Date): Promise<AppendedAudit> {
    const facts = parseInput(auditInputSchema, input);
    if (Number.isNaN(at.getTime())) throw new IdentityError("INVALID_INPUT", "the moment is no date");
    return this.#enqueue(facts, new Date(at));
  }

  #enqueue(facts: AuditFacts, at: Date): Promise<AppendedAudit> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ facts, at, resolve, reject });
      if (!this.#draining) this.#drained = this.#drain();
    });
  }

  /** Resolves when whatever was appended so far is written, or has failed. */
  flush(): Promise<void> {
    return this.#drained;
  }

  async #drain(): Promise<void> {
    this.#draining = true;
    while (this.#waiting.length > 0) await this.#write(this.#waiting.splice(0, maxBatch));
    this.#draining = false;
  }

  async #write(batch: WaitingAppend[]): Promise<void> {
    try {
      const keys = await this.#readAuditKeys(batch);
      const events = this.#link(batch, keys);
      await this.#store(events);
      this.#advance(events);
      for (const [index, { resolve }] of batch.entries())
        resolve(placeOf(events[index] as AuditEventDocument));
    } catch (error) {
      // Some of it may still arrive: whatever comes next begins a chain in which nothing is in doubt.
      this.#head = undefined;
      const failure = notWritten(error);
      for (const { reject } of batch) reject(failure);
    }
  }

  async #readAuditKeys(batch: readonly WaitingAppend[]): Promise<ReadonlyMap<string, string>> {
    const people = batch.flatMap(({ facts }) => [facts.actorId ?? [], facts.subjectId ?? []].flat());
    // Asked for nobody as well: the time of a failed sign-in must not tell whether it named somebody's account.
    const found = this.#models.User.collection.find(
      { _id: { $in: people } },
      { projection: { auditKey: 1 } },
    );
    const users = await found.toArray();
    return new Map(users.map(({ _id, auditKey }) => [String(_id), String(auditKey)]));
  }

  #link(batch: readonly WaitingAppend[], keys: ReadonlyMap<string, string>): AuditEventDocument[] {
    const { chainId, sequence, hash } = this.#headFor(batch[0]?.at as Date);
    let previousHash = hash;
    return batch.map(({ facts, at }, index) => {
      const content = { ...describe(facts, keys), chainId, sequence: sequence + index, at };
      const eventHash = auditEventHash(previousHash, content);
      const event: AuditEventDocument = { ...content, previousHash, eventHash };
      previousHash = eventHash;
      return event;
    });
  }

  #headFor(at: Date): ChainHead {
    const known = this.#head;
    const idleMs = known ? at.getTime() - known.lastAt.getTime() : Number.NaN;
    // Retention could not remove events behind one whose clock ran ahead: correctly dated events start a new chain.
    if (known && idleMs < maxChainIdleMs && idleMs > -clockToleranceMs) return known;
    return { chainId: randomKey(), sequence: 0, hash: firstHash, lastAt: at };
  }

  #advance(events: readonly AuditEventDocument[]): void {
    const last = events.at(-1) as AuditEventDocument;
    const { chainId, sequence, eventHash: hash, at: lastAt } = last;
    this.#head = { chainId, sequence: sequence + 1, hash, lastAt };
  }

  /**
   * Inserts in order. After a failure nobody knows how far it got, so what is there is read and only the rest sent
   * again; the documents stay the same, and a late arrival of the first attempt is the very event that the second sends.
   */
  async #store(events: AuditEventDocument[]): Promise<void> {
    let left = events;
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#models.AuditEvent.collection.insertMany([...left], { ...durable, ordered: true });
        return;
      } catch (error) {
        if (attempt === maxAttempts || isMajorityTimeout(error)) throw error;
        await setTimeout(attempt * 20);
        left = await this.#notStored(left).catch(() => left);
        if (left.length === 0) return;
      }
    }
  }

  async #notStored(events: AuditEventDocument[]): Promise<AuditEventDocument[]> {
    const { chainId, sequence } = events[0] as AuditEventDocument;
    const query = queries.auditChain(chainId, sequence, events.length);
    const stored = await runQuery(this.#models, query, { eventHash: 1 }, { level: "majority" });
    const hashes = new Set(stored.map(({ eventHash }) => eventHash));
    return events.filter(({ eventHash }) => !hashes.has(eventHash));
  }
}

/** The primary has it, and no majority confirmed it in time: WriteConcernTimeout (64), UnsatisfiableWriteConcern (100). */
function isMajorityTimeout(error: unknown): boolean {
  const { code, result } = error as { code?: unknown; result?: { writeConcernError?: { code?: unknown } } };
  return [code, result?.writeConcernError?.code].some((one) => one === 64 || one === 100);
}

function notWritten(cause: unknown): IdentityError {
  if (!isMajorityTimeout(cause)) {
    return new IdentityError("AUDIT_NOT_WRITTEN", "the audit event was not confirmed", { cause });
  }
  const message = `no majority of the replica set confirmed the audit event within ${majorityTimeoutMs} ms; check its members with rs.status()`;
  const details = { reason: "majority_timeout", timeoutMs: majorityTimeoutMs };
  return new IdentityError("AUDIT_NOT_WRITTEN", message, { cause, details });
}

function placeOf({ chainId, sequence, eventHash }: AuditEventDocument): AppendedAudit {
  return { chainId, sequence, eventHash };
}

/** The event in the form in which it is kept: with references instead of people, and where they were sealed. */
function describe(facts: AuditFacts, keys: ReadonlyMap<string, string>) {
  const { actorId, subjectId, network, details = {}, action, outcome, targetType, targetId } = facts;
  const actorKey = actorId && keys.get(actorId.toHexString());
  const subjectKey = subjectId && keys.get(subjectId.toHexString());
  const networkKey = actorId ? actorKey : subjectKey;
  const hasPerson = actorId !== undefined || subjectId !== undefined;
  return {
    _id: new Types.ObjectId(),
    action,
    outcome,
    ...(actorKey && { actorRef: auditRefOf(actorKey) }),
    ...(subjectKey && { subjectRef: auditRefOf(subjectKey) }),
    ...(targetType && { targetType }),
    ...(targetId && { targetId }),
    ...(network && !hasPerson && { network }),
    ...(network && networkKey && { sealedNetwork: seal(networkKey, network) }),
    details: Object.entries(details).map(([key, value]) => ({ key, value })),
    schemaVersion: currentSchemaVersion,
  };
}
