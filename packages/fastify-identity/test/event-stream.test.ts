import { once } from "node:events";
import type { Readable } from "node:stream";
import { expect, test } from "vitest";
import { EventStream, type StreamMessage } from "../src/http/event-stream.js";

const heartbeatMs = 10;

/** A stream over what a test puts in, and what became of it. */
function streamOf(source: (signal: AbortSignal) => AsyncIterable<StreamMessage>, mayGoOn = async () => true) {
  const errors: unknown[] = [];
  const over = new AbortController();
  let closed = 0;
  const options = {
    heartbeatMs,
    mayGoOn,
    onError: (error: unknown) => errors.push(error),
    onClose: () => {
      closed += 1;
    },
  };
  const stream = new EventStream(source(over.signal), over, options);
  return { stream, over, errors, closed: () => closed };
}

const message = (at: number, text = ""): StreamMessage => ({
  id: `${at}`,
  event: "counted",
  data: { at, text },
});

/** Waits as a source does that has nothing new. */
const quiet = (signal: AbortSignal): AsyncIterable<StreamMessage> => ({
  [Symbol.asyncIterator]: () => ({
    next: async () => {
      if (!signal.aborted) await once(signal, "abort");
      return { done: true, value: undefined };
    },
  }),
});

async function readAll(body: Readable): Promise<string> {
  let text = "";
  for await (const chunk of body) text += chunk;
  return text;
}

test("a message has its id, its kind and its data in one line each, and a comment keeps a quiet stream alive", async () => {
  const { stream } = streamOf(async function* (signal) {
    yield message(1, "two\nlines");
    yield* quiet(signal);
  });
  let text = "";
  for await (const chunk of stream.body) {
    text += chunk;
    if (text.includes("\n:\n\n")) stream.end("closing");
  }
  expect(text.replace(/(:\n\n)+/, ":\n\n")).toBe(
    'retry: 3000\n\nid: 1\nevent: counted\ndata: {"at":1,"text":"two\\nlines"}\n\n:\n\nevent: end\ndata: {"reason":"closing"}\n\n',
  );
});

test("who does not read is waited for with one message, let go after two heartbeats, and told so", async () => {
  let taken = 0;
  const { stream, over, closed } = streamOf(async function* () {
    for (;;) {
      taken += 1;
      yield message(taken, "x".repeat(1_000));
    }
  });
  await once(over.signal, "abort");
  expect(taken).toBeLessThan(100);
  expect(stream.body.readableLength).toBeLessThan(100_000);
  const text = await readAll(stream.body);
  expect(text.endsWith('event: end\ndata: {"reason":"too_slow"}\n\n')).toBe(true);
  expect(text.match(/^id:/gm)).toHaveLength(taken);
  expect(closed()).toBe(1);
});

test("who reads not even the end is given up", async () => {
  const { stream, closed } = streamOf(async function* () {
    for (let at = 0; ; at += 1) yield message(at, "x".repeat(1_000));
  });
  await once(stream.body, "close");
  expect([stream.body.destroyed, closed()]).toEqual([true, 1]);
});

test("a reader who comes back in time misses nothing", async () => {
  const { stream } = streamOf(async function* () {
    for (let at = 0; at < 500; at += 1) yield message(at, "x".repeat(1_000));
    yield message(500, "last");
  });
  let text = "";
  for await (const chunk of stream.body) {
    text += chunk;
    if (text.includes("last")) stream.end("closing");
  }
  expect([...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id))).toEqual(
    Array.from({ length: 501 }, (_, at) => at),
  );
});

test("a reader who may no longer read gets nothing more, with a message under way or without", async () => {
  let may = true;
  const busy = streamOf(
    async function* () {
      yield message(1);
      may = false;
      yield message(2);
    },
    async () => may,
  );
  const text = await readAll(busy.stream.body);
  expect(text).toContain("id: 1");
  expect(text).not.toContain("id: 2");
  expect(text).toContain('{"reason":"ended"}');
  const idle = streamOf(quiet, async () => false);
  expect(await readAll(idle.stream.body)).toContain('{"reason":"ended"}');
});

test("a source or a check that fails ends the stream, and is reported", async () => {
  const source = streamOf(async function* () {
    yield message(1);
    throw new Error("gone");
  });
  expect(await readAll(source.stream.body)).toContain('{"reason":"failed"}');
  const check = streamOf(quiet, async () => {
    throw new Error("unreachable");
  });
  expect(await readAll(check.stream.body)).toContain('{"reason":"failed"}');
  expect([...source.errors, ...check.errors]).toEqual([new Error("gone"), new Error("unreachable")]);
});

test("a client that hangs up ends the source", async () => {
  const { stream, over, closed } = streamOf(quiet);
  stream.body.destroy();
  await once(stream.body, "close");
  expect([over.signal.aborted, closed()]).toEqual([true, 1]);
});
