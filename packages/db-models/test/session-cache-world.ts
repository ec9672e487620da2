import { setImmediate } from "node:timers/promises";
import { type Collection, mongo } from "mongoose";
import { applyChange } from "../src/session-cache/apply-change.js";
import { type LogPosition, TrustedCache } from "../src/session-cache/cache.js";
import type { Change, HeartbeatOrigin } from "../src/session-cache/changes.js";
import { Heartbeats } from "../src/session-cache/heartbeats.js";
import { invalidating } from "../src/session-cache/own-writes.js";
import { subjectsOfDocument } from "../src/session-cache/subjects.js";
import { Table } from "../src/session-cache/table.js";
import type { TrustProof } from "../src/session-cache/trust.js";

/** A step of the model; numbers choose among what there is. */
export type Step =
  | { readonly kind: "pass" | "suspend" | "jump"; readonly ms: number }
  | { readonly kind: "check" | "change" | "ownChange" | "fill"; readonly session: number }
  | { readonly kind: "land" | "commitOwn" | "settleOwn"; readonly which: number; readonly seen: number }
  | { readonly kind: "lookUp"; readonly session: number; readonly seen: number }
  | { readonly kind: "beat" | "commitBeat" | "pulse" | "gap" }
  | { readonly kind: "deliver"; readonly events: number };

export const boundMs = 1_000;
const sessions = 2;

interface Logged {
  readonly change: Change;
  readonly session?: number;
}

interface Landing {
  readonly session: number;
  /** The read has to have seen the log up to here. */
  readonly least: number;
  land(value: { version: number }): void;
}

interface OwnWrite {
  readonly session: number;
  readonly commit: () => void;
  readonly settle: () => void;
  version: number;
}

/**
 * A database with a log, seen by one instance: true time, its two clocks, its stream somewhere in the log, reads under way.
 * The cache is the real one. Sessions have versions: any change of one is a revocation of what was before.
 */
export class World {
  readonly #cache: TrustedCache;
  readonly #table: Table<{ version: number }>;
  readonly #heartbeats: Heartbeats;
  readonly #origin: HeartbeatOrigin = { collection: "cache_heartbeats", instance: new mongo.ObjectId() };
  readonly #proof: TrustProof;
  readonly #ids = Array.from({ length: sessions }, () => new mongo.ObjectId());
  readonly #log: Logged[] = [];
  readonly #landings: Landing[] = [];
  readonly #beats: number[] = [];
  readonly #own: OwnWrite[] = [];
  readonly #collection: Collection;
  /** What others acknowledged, and what this process did, by session. */
  readonly #acknowledged = this.#ids.map(() => [] as { at: number; version: number }[]);
  readonly #ownVersion = this.#ids.map(() => 0);
  #delivered = 0;
  /** The log's length when this process last wrote. */
  #ownWritten = 0;
  #time = 0;
  #suspendedMs = 0;
  #jumpMs = 0;
  hits = 0;
  /** A check that memory answered with what was no longer so. */
  violation: string | undefined;

  /** @param dropsWhenSettled - false leaves out the second invalidation of an own write. */
  constructor(proof: TrustProof, { dropsWhenSettled = true } = {}) {
    const clocks = {
      now: () => ({
        monotonic: this.#time - this.#suspendedMs,
        wall: 1_000_000 + this.#time + this.#jumpMs,
      }),
    };
    this.#proof = proof;
    const rules = { boundMs, proof, idleMs: 10_000, maxEntries: 100, maxBytes: 1_000_000 };
    this.#cache = new TrustedCache(rules, clocks);
    this.#cache.announced();
    this.#table = new Table(this.#cache);
    this.#heartbeats = new Heartbeats(clocks);
    let settled = false;
    this.#collection = invalidating(this.#raw(), (reach) => {
      // Of one write after the other every second call comes when it is settled.
      if (!settled || dropsWhenSettled) this.#cache.invalidate(reach);
      settled = !settled;
    });
  }

  async take(step: Step): Promise<void> {
    switch (step.kind) {
      case "pass":
        this.#time += step.ms;
        break;
      case "suspend":
        this.#time += step.ms;
        this.#suspendedMs += step.ms;
        break;
      case "jump":
        this.#jumpMs += step.ms;
        break;
      case "check":
        this.#check(step.session);
        break;
      case "change":
        this.#acknowledged[step.session]?.push({ at: this.#time, version: this.#append(step.session) });
        break;
      case "ownChange":
        if (this.#own.length === 0)
          void this.#collection.updateOne({ _id: this.#ids[step.session] as mongo.ObjectId }, []);
        break;
      case "commitOwn":
        this.#own[0]?.commit();
        break;
      case "settleOwn":
        this.#own.shift()?.settle();
        break;
      case "fill":
        this.#fill(step.session);
        break;
      case "land":
        this.#land(step.which, step.seen);
        break;
      case "lookUp":
        this.#fill(step.session);
        this.#land(this.#landings.length - 1, step.seen);
        break;
      case "pulse":
        this.#beats.push(this.#heartbeats.next());
        while (this.#beats.length > 0) this.#commitBeat();
        this.#deliver(this.#log.length);
        break;
      case "beat":
        this.#beats.push(this.#heartbeats.next());
        break;
      case "commitBeat":
        this.#commitBeat();
        break;
      case "deliver":
        this.#deliver(step.events);
        break;
      case "gap":
        this.#cache.reset();
        this.#delivered = this.#log.length;
        break;
    }
    await setImmediate();
  }

  #check(session: number): void {
    const entry = this.#table.recall(String(session), () => true);
    if (!entry) return;
    this.hits += 1;
    const due =
      this.#acknowledged[session]?.filter(({ at }) => at <= this.#time - boundMs).at(-1)?.version ?? 0;
    const least = Math.max(due, this.#ownVersion[session] ?? 0);
    if (entry.value.version < least)
      this.violation = `session ${session}: version ${entry.value.version} at ${this.#time}, after ${least}`;
  }

  /** A write to the log, which has a version for each session. */
  #append(session: number): number {
    const version = this.#versionAt(session, this.#log.length) + 1;
    this.#write(
      {
        operationType: "update",
        ns: { coll: "user_sessions" },
        documentKey: { _id: this.#ids[session] },
        updateDescription: { updatedFields: { roles: [String(version)] } },
      },
      session,
    );
    return version;
  }

  #write(change: Change, session?: number): void {
    const clusterTime = new mongo.Timestamp({ t: this.#log.length + 1, i: 0 });
    this.#log.push({ change: { ...change, clusterTime }, ...(session !== undefined && { session }) });
  }

  #versionAt(session: number, length: number): number {
    return this.#log.slice(0, length).filter((logged) => logged.session === session).length;
  }

  #fill(session: number): void {
    const _id = this.#ids[session];
    const subjects = subjectsOfDocument("user_sessions", { _id });
    void this.#table.fill(
      String(session),
      () => true,
      async (position) => {
        const value = await new Promise<{ version: number }>((land) => {
          this.#landings.push({ session, least: this.#leastSeen(position), land });
        });
        return { result: undefined, keep: { value, subjects, bytes: 100 } };
      },
    );
  }

  /**
   * Under the proof `read` reads are linearizable. Otherwise a former primary may answer, from as far back as it is let; but
   * not once this process has written elsewhere, for its driver then knows of the election.
   */
  #leastSeen(position: LogPosition | undefined): number {
    if (this.#proof === "read") return this.#log.length;
    return Math.max(position?.clusterTime.getHighBits() ?? 0, this.#ownWritten);
  }

  #land(which: number, seen: number): void {
    const [landing] = this.#landings.splice(which % Math.max(this.#landings.length, 1), 1);
    if (!landing) return;
    const { session, least, land } = landing;
    const length = least + Math.round(seen * (this.#log.length - least));
    land({ version: this.#versionAt(session, length) });
  }

  #commitBeat(): void {
    const beats = this.#beats.shift();
    if (beats === undefined) return;
    const { collection: coll, instance: _id } = this.#origin;
    this.#write({
      operationType: "update",
      ns: { coll },
      documentKey: { _id },
      updateDescription: { updatedFields: { beats } },
    });
  }

  #deliver(events: number): void {
    for (const { change } of this.#log.slice(this.#delivered, this.#delivered + events)) {
      this.#delivered += 1;
      applyChange(this.#cache, this.#heartbeats, this.#origin, change, undefined);
    }
  }

  /** A collection whose writes wait for the model to commit and to acknowledge them. */
  #raw(): Collection {
    const updateOne = ({ _id }: { _id: mongo.ObjectId }) =>
      new Promise<void>((settle) => {
        const session = this.#ids.findIndex((id) => id.equals(_id));
        const write: OwnWrite = {
          session,
          version: 0,
          commit: () => {
            write.version ||= this.#append(session);
          },
          settle: () => {
            write.commit();
            settle();
            this.#ownWritten = this.#log.length;
            this.#ownVersion[session] = Math.max(this.#ownVersion[session] ?? 0, write.version);
          },
        };
        this.#own.push(write);
      });
    return { name: "user_sessions", updateOne } as unknown as Collection;
  }
}
