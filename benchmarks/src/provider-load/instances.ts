import { once } from "node:events";
import { createInterface } from "node:readline";
import { freePort } from "@org/dev-kit/free-port";
import { startScript } from "../script.js";

/** What an instance says of its process. */
export interface InstanceSample {
  readonly rssMb: number;
  readonly heapMb: number;
  /** Of the event loop since the last time, milliseconds. */
  readonly delayP99Ms: number;
}

/** An instance of the service, in a process of its own. */
export interface ServiceInstance {
  readonly address: string;
  sample(): Promise<InstanceSample>;
  stop(): Promise<void>;
}

const names = {
  rssMb: "process_resident_memory_bytes",
  heapMb: "nodejs_heap_size_used_bytes",
  delayP99Ms: "nodejs_eventloop_lag_p99_seconds",
} as const;

/** Starts the service with settings as its environment has them, such as `ORG_API_ISSUER`. */
export async function startService(settings: Readonly<Record<string, string>>): Promise<ServiceInstance> {
  const [port, metricsPort] = [await freePort(), await freePort()];
  const address = `http://127.0.0.1:${port}`;
  const env = { ...settings, ORG_API_PORT: String(port), ORG_API_METRICS_PORT: String(metricsPort) };
  const child = startScript(new URL("../../../apps/api/src/server.ts", import.meta.url), [], env);
  const exited = once(child, "exit");
  const listening = (async () => {
    for await (const line of createInterface({ input: child.stdout }))
      if (line.startsWith("listening on")) return;
    throw new Error("an instance ended before it listened");
  })();
  await listening;
  child.stdout.resume();
  return {
    address,
    sample: async () => {
      const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
      const read = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
      const { rssMb, heapMb, delayP99Ms } = names;
      return {
        rssMb: read(rssMb) / 1_048_576,
        heapMb: read(heapMb) / 1_048_576,
        delayP99Ms: read(delayP99Ms) * 1_000,
      };
    },
    stop: async () => {
      child.kill("SIGTERM");
      await exited;
    },
  };
}
