import type { Readable } from "node:stream";
import type { Types } from "mongoose";
import { IdentityProblem } from "../flows/problems.js";
import { EventStream, type EventStreamOptions, type StreamMessage } from "../http/event-stream.js";
import type { AdminSettings } from "./options.js";

/** Whose stream it is, and how it goes on. */
export interface StreamOwner extends Pick<EventStreamOptions, "mayGoOn" | "onError"> {
  readonly userId: Types.ObjectId;
}

/** The open streams of an instance. */
export class LiveStreams {
  readonly #settings: AdminSettings["streams"];
  readonly #open = new Map<EventStream, string>();
  #isClosing = false;

  constructor({ streams }: AdminSettings) {
    this.#settings = streams;
  }

  /** @throws IdentityProblem `STREAM_LIMIT`; `NOT_READY` when the instance is closing; what `source` throws. */
  open(
    { userId, mayGoOn, onError }: StreamOwner,
    source: (signal: AbortSignal) => AsyncIterable<StreamMessage>,
  ): Readable {
    if (this.#isClosing) throw new IdentityProblem("NOT_READY");
    const owner = userId.toHexString();
    const { perAdministrator, perInstance, heartbeatMs } = this.#settings;
    const own = [...this.#open.values()].filter((one) => one === owner).length;
    if (own >= perAdministrator || this.#open.size >= perInstance) {
      throw new IdentityProblem("STREAM_LIMIT", { retryAfterMs: heartbeatMs });
    }
    const over = new AbortController();
    const onClose = () => void this.#open.delete(stream);
    const stream = new EventStream(source(over.signal), over, { heartbeatMs, mayGoOn, onError, onClose });
    this.#open.set(stream, owner);
    return stream.body;
  }

  /** Ends every stream: their clients come back, to another instance. */
  close(): void {
    this.#isClosing = true;
    for (const stream of this.#open.keys()) stream.end("closing");
  }
}
