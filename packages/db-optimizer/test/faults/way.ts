import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEngine } from "@org/dev-kit";
import type { EngineTest } from "@org/dev-kit/vitest";
import { type Connection, createConnection } from "mongoose";
import { inject, test } from "vitest";

/** A way to the server that can be cut, and led elsewhere. */
export class Way {
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  readonly #uri: URL;
  #port: number;

  /** @param uri of the server that it leads to, on loopback, with the credentials and options for it */
  constructor(uri: string) {
    this.#uri = new URL(uri);
    this.#port = portOf(uri);
    this.#server = createServer((client) => {
      const server = connect(this.#port, "127.0.0.1");
      for (const [from, to] of [
        [client, server],
        [server, client],
      ] as const) {
        this.#sockets.add(from);
        from.pipe(to);
        from.on("error", () => to.destroy());
        from.on("close", () => {
          this.#sockets.delete(from);
          to.destroy();
        });
      }
    });
  }

  /** Connects by this way. */
  async connect(database: string): Promise<Connection> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    const { port } = this.#server.address() as AddressInfo;
    const uri = new URL(`/${database}${this.#uri.search}`, this.#uri);
    uri.hostname = "127.0.0.1";
    uri.port = String(port);
    uri.searchParams.set("directConnection", "true");
    return createConnection(uri.href, { autoIndex: false, autoCreate: false }).asPromise();
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  leadTo(uri: string): void {
    this.#port = portOf(uri);
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

const portOf = (uri: string) => Number(new URL(uri).port);

/** A server of a test's own, whose data outlive it. */
export interface MortalServer {
  readonly connection: Connection;
  /** SIGKILL, and another one on the same data. */
  killAndRestart(): Promise<void>;
  stop(): Promise<void>;
}

/** A test with a server of its own: of the kind that this run has, which an external one is not. */
export const withMortalServer: EngineTest = (name, body, timeoutMs) =>
  inject("engine").kind === "external"
    ? test.skip(`${name} [skipped: an external server is not for a test to kill]`, body, timeoutMs)
    : test(name, body, timeoutMs);

/** Starts a server that can be killed, and connects by a way that leads to whichever follows it. */
export async function mortalServer(database: string): Promise<MortalServer> {
  const storagePath = await mkdtemp(join(tmpdir(), "mortal-server-"));
  const start = () => startEngine({ storagePath, env: { ...process.env, MONGODB_URI: "" } });
  let engine = await start();
  const way = new Way(engine.uri);
  const connection = await way.connect(database);
  return {
    connection,
    killAndRestart: async () => {
      const { pid } = (await connection.db?.admin().command({ serverStatus: 1 })) ?? {};
      process.kill(Number(pid), "SIGKILL");
      await engine.stop();
      engine = await start();
      way.leadTo(engine.uri);
    },
    stop: async () => {
      await connection.close();
      await way.close();
      await engine.stop();
      await rm(storagePath, { recursive: true });
    },
  };
}
