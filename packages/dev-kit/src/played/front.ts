import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { mongo } from "mongoose";

type Document = mongo.Document;

/** A played server's behaviour for one command. */
export interface PlayedCommand {
  /** Its own answer; undefined leaves the command to the engine. */
  answer?(command: Document): Document | undefined;
  /** Changes the engine's answer. */
  change?(reply: Document, command: Document): Document;
  /** Changes the bytes of the engine's answer where they are, to what no library would write. */
  bytes?(message: Buffer): void;
}

/** A server that is played in front of an engine: by the name of each command that differs. */
export type Play = Readonly<Record<string, PlayedCommand>>;

/** A played server that listens on loopback. */
export interface Front {
  readonly uri: string;
  /** Cuts every connection; new ones are taken. */
  drop(): void;
  stop(): Promise<void>;
}

const REPLY = 1;
const QUERY = 2004;
const MESSAGE = 2013;
const HEAD = 16;
const moreToCome = 2;

/**
 * Plays a server in front of the engine at `uri`, whose connection string has one host, no credentials, and
 * `directConnection=true`, as a driver would go round to a member by its own name.
 *
 * @see https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/
 */
export async function playInFront(uri: string, play: Play): Promise<Front> {
  const { hostname, port, search } = new URL(uri);
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const engine = connect(Number(port), hostname);
    for (const socket of [client, engine]) {
      open.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        open.delete(socket);
        client.destroy();
        engine.destroy();
      });
    }
    relay(client, engine, play);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const drop = () => {
    for (const socket of open) socket.destroy();
  };
  return {
    uri: `mongodb://127.0.0.1:${(server.address() as AddressInfo).port}/${search}`,
    drop,
    stop: async () => {
      drop();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function relay(client: Socket, engine: Socket, play: Play): void {
  const asked = new Map<number, { played: PlayedCommand; command: Document }>();
  onMessages(client, (message) => {
    const body = bodyOf(message);
    const played = body && Object.hasOwn(play, nameOf(body)) ? play[nameOf(body)] : undefined;
    if (!body || !played) return void engine.write(message);
    const command = read(body);
    const id = message.readInt32LE(4);
    const answer = played.answer?.(command);
    if (answer) return void client.write(messageOf(answer, id, message.readInt32LE(12) === QUERY));
    if (played.change ?? played.bytes) asked.set(id, { played, command });
    engine.write(message);
  });
  onMessages(engine, (message) => {
    const id = message.readInt32LE(8);
    const waiting = asked.get(id);
    asked.delete(id);
    waiting?.played.bytes?.(message);
    const body = waiting && bodyOf(message);
    const changed = body && waiting.played.change?.(read(body), waiting.command);
    client.write(changed ? messageOf(changed, id, message.readInt32LE(12) === REPLY) : message);
  });
}

function onMessages(socket: Socket, take: (message: Buffer) => void): void {
  let pending: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    while (pending.length >= HEAD && pending.length >= pending.readInt32LE(0)) {
      const length = pending.readInt32LE(0);
      take(pending.subarray(0, length));
      pending = pending.subarray(length);
    }
  });
}

/** The document of a command or its answer; undefined for a message that has none, or expects no answer. */
function bodyOf(message: Buffer): Buffer | undefined {
  const code = message.readInt32LE(12);
  if (code === REPLY) return message.subarray(HEAD + 20);
  if (code === QUERY) return message.subarray(message.indexOf(0, HEAD + 4) + 9);
  if (code !== MESSAGE || message.readUInt32LE(HEAD) & moreToCome) return undefined;
  let at = HEAD + 4;
  while (message[at] === 1) at += 1 + message.readInt32LE(at + 1);
  return message.subarray(at + 1);
}

/** The name of a command: its first key. */
function nameOf(body: Buffer): string {
  return body.toString("latin1", 5, body.indexOf(0, 5));
}

// Values keep their BSON types on the way through.
function read(body: Buffer): Document {
  const document = body.subarray(0, body.readInt32LE(0));
  return mongo.BSON.deserialize(document, { promoteValues: false, bsonRegExp: true });
}

function messageOf(document: Document, inAnswerTo: number, legacy: boolean): Buffer {
  const body = mongo.BSON.serialize(document);
  const head = Buffer.alloc(HEAD + (legacy ? 20 : 5));
  head.writeInt32LE(head.length + body.length, 0);
  head.writeInt32LE(inAnswerTo, 8);
  head.writeInt32LE(legacy ? REPLY : MESSAGE, 12);
  if (legacy) head.writeInt32LE(1, HEAD + 16);
  return Buffer.concat([head, body]);
}
