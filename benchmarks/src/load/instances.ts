import { once } from "node:events";
import { startScript } from "../script.js";

export type ProductName = "ours" | "betterAuth";

/** What an instance says of itself. */
export interface InstanceState {
  readonly rssMb: number;
  /** Of the event loop, milliseconds, since the last time. */
  readonly delayP99Ms: number;
  readonly delayMaxMs: number;
}

/** An instance in a process of its own. */
export interface Instance {
  readonly address: string;
  state(): Promise<InstanceState>;
  /** SIGKILL: nothing is written, no answer is finished. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

export interface InstanceOptions {
  readonly product: ProductName;
  readonly uri: string;
  readonly secret: string;
  /** How long it looks for a database server before a request fails, milliseconds. */
  readonly selectionMs: number;
}

export async function startInstance(options: InstanceOptions): Promise<Instance> {
  const { product, uri, secret, selectionMs } = options;
  const args = [product, uri, secret, String(selectionMs)];
  const child = startScript(new URL("./server.ts", import.meta.url), args);
  const exited = once(child, "exit");
  const [printed] = (await Promise.race([
    once(child.stdout, "data"),
    exited.then(() => {
      throw new Error(`an instance of ${product} ended before it listened`);
    }),
  ])) as [Buffer];
  const address = printed.toString().trim();
  const end = async (signal: "SIGTERM" | "SIGKILL") => {
    child.kill(signal);
    await exited;
  };
  return {
    address,
    state: async () => (await fetch(`${address}/state`)).json() as Promise<InstanceState>,
    kill: () => end("SIGKILL"),
    stop: () => end("SIGTERM"),
  };
}
