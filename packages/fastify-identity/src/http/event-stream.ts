import { Readable } from "node:stream";

/** A message of a stream (HTML Living Standard, server-sent events). */
export interface StreamMessage {
  /** What a client that comes back sends as `Last-Event-ID`. */
  readonly id: string;
  readonly event: string;
  readonly data: object;
}

/**
 * Why a stream ended, as its last message says: `closing`, the instance goes away, come back; `too_slow`, the client did
 * not read, come back; `ended`, the client may no longer read it; `failed`, the service could not go on, come back;
 * `complete`, there is nothing more to come.
 */
export type StreamEnd = "closing" | "too_slow" | "ended" | "failed" | "complete";

export interface EventStreamOptions {
  /** A comment is sent this often, so that no proxy takes the connection for dead, and `mayGoOn` is asked. */
  readonly heartbeatMs: number;
  /** Whether the client may still read; asked before messages too. */
  readonly mayGoOn: () => Promise<boolean>;
  readonly onError: (error: unknown) => void;
  readonly onClose: () => void;
}

/** Clients come back after this long. */
const retryMs = 3_000;
const maxBeatsWhileFull = 2;

/**
 * Server-sent events from a source. The next message is read when the client has room for it, so that one that does not read
 * holds no memory; after two heartbeats without room it is let go.
 */
export class EventStream {
  readonly body: Readable;
  readonly #options: EventStreamOptions;
  readonly #over: AbortController;
  readonly #heartbeat: NodeJS.Timeout;
  #givingUp: NodeJS.Timeout | undefined;
  #isFull = false;
  #beatsWhileFull = 0;
  #resume: (() => void) | undefined;

  /** @param over - aborted when the stream ends: the source then ends too. */
  constructor(source: AsyncIterable<StreamMessage>, over: AbortController, options: EventStreamOptions) {
    this.#options = options;
    this.#over = over;
    this.body = new Readable({ read: () => this.#hasRoom() });
    this.body.once("close", () => this.#closed());
    this.#write(`retry: ${retryMs}\n\n`);
    this.#heartbeat = setInterval(() => void this.#beat(), options.heartbeatMs);
    this.#heartbeat.unref();
    void this.#follow(source);
  }

  /** Says why, and ends; a client that does not read even that is given up. */
  end(reason: StreamEnd): void {
    if (this.#over.signal.aborted) return;
    this.#over.abort();
    clearInterval(this.#heartbeat);
    this.body.push(`event: end\ndata: ${JSON.stringify({ reason })}\n\n`);
    this.body.push(null);
    this.#resume?.();
    this.#givingUp = setTimeout(() => this.body.destroy(), this.#options.heartbeatMs * maxBeatsWhileFull);
    this.#givingUp.unref();
  }

  async #follow(source: AsyncIterable<StreamMessage>): Promise<void> {
    try {
      for await (const { id, event, data } of source) {
        if (!(await this.#options.mayGoOn())) return this.end("ended");
        if (this.#over.signal.aborted) return;
        this.#write(`id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
        if (this.#isFull) await this.#room();
        if (this.#over.signal.aborted) return;
      }
      this.end("complete");
    } catch (error) {
      this.#failed(error);
    }
  }

  async #beat(): Promise<void> {
    if (this.#isFull) {
      this.#beatsWhileFull += 1;
      if (this.#beatsWhileFull >= maxBeatsWhileFull) this.end("too_slow");
      return;
    }
    try {
      if (!(await this.#options.mayGoOn())) return this.end("ended");
      if (!this.#over.signal.aborted) this.#write(":\n\n");
    } catch (error) {
      this.#failed(error);
    }
  }

  #write(text: string): void {
    if (!this.body.push(text)) this.#isFull = true;
  }

  #room(): Promise<void> {
    return new Promise((resolve) => {
      this.#resume = resolve;
    });
  }

  #hasRoom(): void {
    this.#isFull = false;
    this.#beatsWhileFull = 0;
    this.#resume?.();
  }

  #failed(error: unknown): void {
    if (this.#over.signal.aborted) return;
    this.#options.onError(error);
    this.end("failed");
  }

  #closed(): void {
    clearInterval(this.#heartbeat);
    clearTimeout(this.#givingUp);
    this.#over.abort();
    this.#resume?.();
    this.#options.onClose();
  }
}
