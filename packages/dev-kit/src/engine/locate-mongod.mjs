// Finds a mongod in the library's cache, or downloads one. Run as a program of its own by mongod.ts.
import { MongoBinary } from "mongodb-memory-server-core";

try {
  console.log(`mongod at ${await MongoBinary.getPath()}`);
} catch (error) {
  console.log(`no mongod: ${error.message.replace(/\s+/g, " ")}`);
}
