import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { bundleChild } from "@org/dev-kit/children";
import type { Setting } from "../support.js";

/** A provider in a process of its own. */
export interface Instance {
  readonly origin: string;
  /** Moves its clock ahead. */
  advance(ms: number): Promise<void>;
  /** Bytes of its heap that are in use after a collection. */
  heapUsed(): Promise<number>;
  /** SIGKILL. */
  kill(): void;
}

/** Starts an instance on the database of the suite, at the moment that the suite's clock shows. */
export async function startInstance({ identity, clock }: Setting): Promise<Instance> {
  const { host, port, name } = identity.models.User.db;
  const uri = `mongodb://${host}:${port}/${name}?directConnection=true`;
  const script = await bundleChild(new URL("../children/provider.ts", import.meta.url), {
    whole: true,
    quickPasswords: true,
  });
  const child = spawn(process.execPath, ["--expose-gc", script, uri, String(clock.now().getTime())], {
    cwd: fileURLToPath(new URL("../../", import.meta.url)),
    stdio: ["ignore", "pipe", "inherit"],
  });
  const origin = await addressOf(child);
  const tell = (path: string) => fetch(origin + path, { method: "POST" });
  return {
    origin,
    advance: async (ms) => void (await tell(`/clock?ms=${ms}`)),
    heapUsed: async () => Number(await (await tell("/heap")).text()),
    kill: () => void child.kill("SIGKILL"),
  };
}

async function addressOf(child: ChildProcess): Promise<string> {
  if (child.stdout) {
    for await (const line of createInterface({ input: child.stdout })) {
      const [, address] = /^listening (\S+)$/.exec(line) ?? [];
      if (address) return address;
    }
  }
  throw new Error("a provider did not start");
}
