import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/**
 * How a proxy treats the bytes of a connection: it may pass them, lose them without a word, or pass them later. `refused`
 * cuts every connection and takes no new one.
 */
export type Line = "open" | "silent" | "refused" | { readonly delayMs: number };

/** A proxy on loopback, whose connections can be disturbed as a network would. */
export interface FlakyProxy {
  /** Connection string of the server behind it, with the same database and options. */
  readonly uri: string;
  /**
   * Disturbs connections from now on, new ones included.
   *
   * @param of - a text that the first bytes of a connection contain, such as the `appName` of a client; the others are left
   *   as they are. Default: every connection.
   */
  set(line: Line, of?: string): void;
  /** Leads new connections to another server, such as the same one after its restart. */
  lead(uri: string): void;
  /** Cuts every connection; new ones are taken. */
  cut(): void;
  stop(): Promise<void>;
}

/** @param uri - with one host, no credentials, and `directConnection=true`. */
export async function flakyProxy(uri: string): Promise<FlakyProxy> {
  const { pathname, search } = new URL(uri);
  let { hostname, port } = new URL(uri);
  const sockets = new Set<Socket>();
  let rule: { line: Line; of: string } = { line: "open", of: "" };
  const server = createServer((client) => {
    if (rule.line === "refused") {
      client.destroy();
      return;
    }
    const behind = connect(Number(port), hostname);
    let greeting = "";
    const lineNow = () => (greeting.includes(rule.of) ? rule.line : "open");
    client.once("data", (first) => {
      greeting = first.toString("latin1");
    });
    for (const [from, to] of [
      [client, behind],
      [behind, client],
    ] as const) {
      const pass = passTo(to);
      sockets.add(from);
      from.on("error", () => undefined);
      from.on("data", (bytes) => pass(bytes, lineNow()));
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    uri: `mongodb://127.0.0.1:${(server.address() as AddressInfo).port}${pathname || "/"}${search}`,
    set: (line, of = "") => {
      rule = { line, of };
      if (line === "refused") cut();
    },
    lead: (to) => {
      ({ hostname, port } = new URL(to));
    },
    cut,
    stop: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Bytes stay in their order when the line changes while some are still held. */
function passTo(to: Socket): (bytes: Buffer, line: Line) => void {
  const held: Buffer[] = [];
  const letGo = () => {
    const next = held.shift();
    if (next && to.writable) to.write(next);
  };
  return (bytes, line) => {
    if (line === "silent" || line === "refused") return;
    held.push(bytes);
    if (line !== "open") setTimeout(letGo, line.delayMs).unref();
    else if (held.length === 1) letGo();
    else setTimeout(letGo).unref();
  };
}
