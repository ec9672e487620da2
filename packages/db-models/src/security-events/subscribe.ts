import { setTimeout } from "node:timers/promises";
import type { mongo } from "mongoose";
import type { Context } from "../context/context.js";
import { IdentityError } from "../core/errors.js";
import type { IdentityModels } from "../schemas/models.js";
import {
  type SecurityEventDocument,
  type SecurityEventKind,
  type Severity,
  severities,
} from "../schemas/security-event.js";
import { maxSeenInPosition, type Position, readPosition, writePosition } from "./position.js";

export interface SecurityEventSubscription {
  /** Where to begin: events from this moment on, or the position of the last event that was handled. */
  from: Date | string;
  /** Default: every kind. */
  kinds?: readonly SecurityEventKind[];
  /** Default `info`: every severity. */
  minSeverity?: Severity;
  /** Ends the subscription; without it, leaving the loop does. */
  signal?: AbortSignal;
  /** `auto` takes change streams where the server has them. `polling` needs nothing but reads. Default `auto`. */
  transport?: "auto" | "polling";
  /** Milliseconds between two reads. Default 1,000. */
  pollMs?: number;
  /** Events whose moment is this much older than what was already seen are still found. Default one minute. */
  overlapMs?: number;
}

export interface SubscribedSecurityEvent {
  event: SecurityEventDocument;
  /** Where a later subscription goes on after this event. Opaque. */
  position: string;
}

interface Reader {
  models: IdentityModels;
  filter: Record<string, unknown>;
  pollMs: number;
  overlapMs: number;
  signal: AbortSignal | undefined;
  seen: SeenEvents;
  /** The newest moment of an event so far. */
  newest: Date;
}

/** Ids that are remembered to hand out nothing twice; when more come within the overlap, it gets shorter. */
const maxSeen = 10_000;
/** Events that are read at once. */
const pageLength = 500;

export function subscribeSecurityEvents(
  context: Context,
  input: SecurityEventSubscription,
): AsyncGenerator<SubscribedSecurityEvent, void, void> {
  const { from } = input;
  const start = typeof from === "string" ? readPosition(from) : { at: from };
  if (Number.isNaN(start.at.getTime())) throw new IdentityError("INVALID_INPUT", "from is no moment");
  return subscribed(context, input, start);
}

async function* subscribed(
  { models }: Context,
  input: SecurityEventSubscription,
  start: Position,
): AsyncGenerator<SubscribedSecurityEvent, void, void> {
  const { from, signal, pollMs = 1_000, overlapMs = 60_000 } = input;
  const since = new Date(start.at.getTime() - (typeof from === "string" ? overlapMs : 0));
  const filter = filterOf(input);
  const seen = new SeenEvents(start);
  const reader: Reader = { models, filter, pollMs, overlapMs, signal, seen, newest: start.at };
  if (signal?.aborted) return;
  if (input.transport !== "polling") {
    const stream = await openStream(reader, start.token);
    if (stream && (yield* streamed(reader, stream, since))) return;
  }
  yield* polled(reader, overlapFrom(reader, since));
}

function filterOf({ kinds, minSeverity = "info" }: SecurityEventSubscription): Record<string, unknown> {
  const severe = severities.slice(severities.indexOf(minSeverity));
  return {
    ...(kinds && { kind: { $in: [...kinds] } }),
    ...(minSeverity !== "info" && { severity: { $in: severe } }),
  };
}

async function* polled(reader: Reader, since: Date): AsyncGenerator<SubscribedSecurityEvent, void, void> {
  let from = since;
  while (!reader.signal?.aborted) {
    yield* readSince(reader, from);
    from = overlapFrom(reader, from);
    await pause(reader);
  }
}

/** Where the next read begins: what is recorded late, with an older moment than what was seen, is in the overlap. */
function overlapFrom({ newest, overlapMs, seen }: Reader, from: Date): Date {
  return new Date(Math.max(from.getTime(), newest.getTime() - overlapMs, seen.forgottenUntil + 1));
}

async function pause({ pollMs, signal }: Reader): Promise<void> {
  await setTimeout(pollMs, undefined, { ...(signal && { signal }) }).catch(() => undefined);
}

/**
 * The events from a moment on, by pages: a subscriber may take longer over one event than the server keeps an idle cursor
 * (ten minutes), so each page has its own read, from the key of the last event on.
 */
async function* readSince(reader: Reader, since: Date): AsyncGenerator<SubscribedSecurityEvent, void, void> {
  const { collection } = reader.models.SecurityEvent;
  const options = { sort: { at: 1, _id: 1 }, limit: pageLength, batchSize: pageLength + 1 } as const;
  let from: Record<string, unknown> = { at: { $gte: since } };
  for (;;) {
    const page = await collection
      .find<SecurityEventDocument>({ ...from, ...reader.filter }, options)
      .toArray();
    for (const event of page) {
      if (reader.signal?.aborted) return;
      if (reader.seen.isNew(event)) yield note(reader, event);
    }
    const last = page.at(-1);
    if (!last || page.length < pageLength) return;
    from = after(last);
  }
}

// The bound on `at` lets the index skip ahead; the rest tells events of one moment apart.
function after({ at, _id }: SecurityEventDocument): Record<string, unknown> {
  return { at: { $gte: at }, $nor: [{ at, _id: { $lte: _id } }] };
}

function note(reader: Reader, event: SecurityEventDocument, token?: unknown): SubscribedSecurityEvent {
  if (event.at > reader.newest) reader.newest = event.at;
  const place = token === undefined ? { seen: reader.seen.last } : { token };
  return { event, position: writePosition({ at: reader.newest, ...place }) };
}

type InsertedEvent = mongo.ChangeStreamInsertDocument<SecurityEventDocument>;
type Stream = mongo.ChangeStream<SecurityEventDocument, InsertedEvent>;
interface OpenStream {
  stream: Stream;
  /** It begins where the token stood, so there is nothing to catch up on. */
  isResumed: boolean;
  first: InsertedEvent | null;
}

/** Codes of a server that has no change streams: a standalone, an older engine, a user without the privilege. */
const withoutStreams: ReadonlySet<unknown> = new Set([40573, 40324, 59, 13]);

/** Opens a change stream; `undefined` where the server has none. */
async function openStream(reader: Reader, token: unknown): Promise<OpenStream | undefined> {
  const condition = Object.fromEntries(
    Object.entries(reader.filter).map(([field, value]) => [`fullDocument.${field}`, value]),
  );
  const pipeline = [{ $match: { operationType: "insert", ...condition } }];
  const options = { maxAwaitTimeMS: reader.pollMs, ...(token !== undefined && { resumeAfter: token }) };
  const stream = reader.models.SecurityEvent.collection.watch<SecurityEventDocument, InsertedEvent>(
    pipeline,
    options,
  );
  try {
    return { stream, isResumed: token !== undefined, first: await stream.tryNext() };
  } catch (error) {
    await stream.close();
    const code = (error as { code?: unknown }).code;
    // The server's log no longer reaches back to it, or it was never one of this server's.
    if (token !== undefined && code !== undefined) return openStream(reader, undefined);
    if (withoutStreams.has(code)) return undefined;
    throw error;
  }
}

/**
 * The stream is open before existing events are read, so no event is missed. A stream that the server ends, because the
 * collection was dropped or renamed, is reopened without its token, which would end it again.
 *
 * @returns false when there are no streams any more.
 */
async function* streamed(
  reader: Reader,
  opened: OpenStream,
  since: Date,
): AsyncGenerator<SubscribedSecurityEvent, boolean, void> {
  let from = since;
  for (let open: OpenStream | undefined = opened; open; open = await openStream(reader, undefined)) {
    yield* untilEnded(reader, open, from);
    if (reader.signal?.aborted) return true;
    from = overlapFrom(reader, from);
    await pause(reader);
  }
  return false;
}

/** The events of one stream, until it is closed: from then on the driver answers `null` at once, without waiting. */
async function* untilEnded(
  reader: Reader,
  { stream, first, isResumed }: OpenStream,
  since: Date,
): AsyncGenerator<SubscribedSecurityEvent, void, void> {
  try {
    if (!isResumed) yield* readSince(reader, since);
    for (let change = first; !reader.signal?.aborted; change = await stream.tryNext()) {
      if (!change) {
        if (stream.closed) return;
        continue;
      }
      const event = change.fullDocument;
      if ((isResumed || event.at >= since) && reader.seen.isNew(event)) yield note(reader, event, change._id);
    }
  } catch (error) {
    if (!endedStreams.has((error as { code?: unknown }).code)) throw error;
  } finally {
    await stream.close();
  }
}

/**
 * Codes of a stream that can't go on from where it was: ChangeStreamFatalError, and ChangeStreamHistoryLost after a
 * subscriber that took longer over an event than the oplog reaches back.
 */
const endedStreams: ReadonlySet<unknown> = new Set([280, 286]);

/** The last events that came by. */
class SeenEvents {
  readonly #moments: Map<string, number>;
  /** The ids of the newest of them. */
  readonly last: string[];
  /** The newest moment of an event that is no longer remembered. */
  forgottenUntil = Number.NEGATIVE_INFINITY;

  constructor({ at, seen = [] }: Position) {
    this.last = [...seen];
    this.#moments = new Map(seen.map((id) => [id, at.getTime()]));
  }

  isNew({ _id, at }: Pick<SecurityEventDocument, "_id" | "at">): boolean {
    const key = _id.toHexString();
    if (this.#moments.has(key)) return false;
    this.#moments.set(key, at.getTime());
    this.last.push(key);
    if (this.last.length > maxSeenInPosition) this.last.shift();
    if (this.#moments.size > maxSeen) this.#forgetOldest();
    return true;
  }

  #forgetOldest(): void {
    for (const [key, moment] of this.#moments) {
      this.#moments.delete(key);
      this.forgottenUntil = Math.max(this.forgottenUntil, moment);
      return;
    }
  }
}
