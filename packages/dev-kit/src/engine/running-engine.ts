import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { EngineFlavor } from "../capabilities.js";
import { describeEngine, type Engine } from "./engine.js";
import { identify, isAlive, type ProcessIdentity } from "./process-identity.js";
import { readServerFacts, withAdmin } from "./server-facts.js";

const PING_WITHIN_MS = 2_000;

// Left behind when the engine ends: whether it runs is asked of the process and the server, never of this file.
interface EngineState {
  readonly uri: string;
  readonly kind: EngineFlavor;
  readonly process: ProcessIdentity;
}

function stateFile(storagePath: string): string {
  return join(storagePath, "engine.json");
}

export async function announceEngine(storagePath: string, uri: string, kind: EngineFlavor, pid: number) {
  const state: EngineState = { uri, kind, process: await identify(pid) };
  const draft = `${stateFile(storagePath)}.${process.pid}`;
  await writeFile(draft, `${JSON.stringify(state, null, 2)}\n`);
  await rename(draft, stateFile(storagePath));
}

async function readState(storagePath: string): Promise<EngineState | undefined> {
  try {
    return JSON.parse(await readFile(stateFile(storagePath), "utf8")) as EngineState;
  } catch {
    return undefined;
  }
}

/** The kind of engine that wrote this storage folder last. */
export async function storedKind(storagePath: string): Promise<EngineFlavor | undefined> {
  return (await readState(storagePath))?.kind;
}

/**
 * The engine that this or another process runs on a storage folder. Its process must live and its server must
 * answer. `stop()` of the returned engine does nothing: only the process that started the engine stops it.
 *
 * @example
 * const engine = await findRunningEngine(".org-db");
 * const uri = process.env.MONGODB_URI ?? engine?.uri;
 */
export async function findRunningEngine(storagePath: string): Promise<Engine | undefined> {
  const state = await readState(storagePath);
  if (!state || !(await isAlive(state.process))) return undefined;
  try {
    const facts = await withAdmin(state.uri, PING_WITHIN_MS, readServerFacts);
    return describeEngine({ uri: state.uri, kind: state.kind, facts, owned: false });
  } catch {
    return undefined;
  }
}
