import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEngine } from "@org/dev-kit";
import { type Connection, createConnection } from "mongoose";

/** A way to the server that can be cut, and led elsewhere. */
export class Way {
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  #port: number;

  /** @param uri of the server that it leads to, and of the database in which it ends */
  constructor(uri: string) {
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
    const uri = `mongodb://127.0.0.1:${port}/${database}?directConnection=true`;
    return createConnection(uri, { autoIndex: false, autoCreate: false }).asPromise();
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

const portOf = (uri: string) => Number(/:(\d+)/.exec(uri.replace("mongodb://", ""))?.[1]);

/** A server of a test's own, whose data outlive it. */
export interface MortalServer {
  readonly connection: Connection;
  /** SIGKILL, and another one on the same data. */
  killAndRestart(): Promise<void>;
  stop(): Promise<void>;
}

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
