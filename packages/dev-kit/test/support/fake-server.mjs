// Speaks just enough of MongoDB's wire protocol to pass for an engine: it lets the tests decide how an engine
// starts, fails and ends, without one being installed. First argument: JSON { flavor, version, behaviour }.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { join } from "node:path";

const require = createRequire(import.meta.url);
const mongodb = createRequire(require.resolve("mongoose")).resolve("mongodb");
const BSON = createRequire(mongodb)("bson");

const { flavor, version, behaviour = "serve" } = JSON.parse(process.argv[2]);
const args = process.argv.slice(3);
const optionOf = (name) => args[args.indexOf(name) + 1];

const buildInfo = {
  mongod: { version },
  "secantus-rs": { version: "8.2.0", secantusVersion: version, buildEnvironment: { cc: "rustc" } },
  "secantus-py": { version: "8.2.0", secantusVersion: version },
}[flavor];
const hello = {
  helloOk: true,
  isWritablePrimary: true,
  ismaster: true,
  setName: "fake",
  hosts: ["127.0.0.1:1"],
  minWireVersion: 0,
  maxWireVersion: 27,
  maxBsonObjectSize: 16777216,
  maxMessageSizeBytes: 48000000,
  maxWriteBatchSize: 100000,
  localTime: new Date(0),
};

function answer(command) {
  const name = Object.keys(command)[0].toLowerCase();
  if (name === "hello" || name === "ismaster") return { ...hello, ok: 1 };
  if (name === "buildinfo") return { ...buildInfo, ok: 1 };
  return { ok: 1 };
}

function reply(socket, message) {
  const requestId = message.readInt32LE(4);
  const legacy = message.readInt32LE(12) === 2004;
  const nameEnd = message.indexOf(0, 20) + 1;
  const document = legacy ? message.subarray(nameEnd + 8) : message.subarray(21);
  const body = BSON.serialize(answer(BSON.deserialize(document.subarray(0, document.readInt32LE(0)))));
  const head = Buffer.alloc(legacy ? 36 : 21);
  head.writeInt32LE(head.length + body.length, 0);
  head.writeInt32LE(requestId, 8);
  head.writeInt32LE(legacy ? 1 : 2013, 12);
  if (legacy) head.writeInt32LE(1, 32);
  socket.write(Buffer.concat([head, body]));
}

function serve() {
  const server = createServer((socket) => {
    let pending = Buffer.alloc(0);
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= 4 && pending.length >= pending.readInt32LE(0)) {
        const length = pending.readInt32LE(0);
        reply(socket, pending.subarray(0, length));
        pending = pending.subarray(length);
      }
    });
  });
  server.listen(Number(optionOf("--port")), "127.0.0.1", () => {
    console.log(`fake listening on 127.0.0.1:${server.address().port}`);
  });
}

if (behaviour === "crash" || existsSync(join(optionOf("--storage-path") ?? "", "poison"))) {
  console.log("fatal: this engine does not start");
  process.exitCode = 14;
} else if (behaviour === "hang") setInterval(() => {}, 1_000);
else serve();
