import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";

import { BUNDLES } from "./children.js";
import type { Engine, EngineKind } from "./engine/engine.js";
import { startEngine } from "./engine/start-engine.js";
import { playInFront } from "./played/front.js";
import { playNamed } from "./played/plays.js";
import { PLAY } from "./provided-engine.js";

const SHARED_URI = "ORG_DB_TEST_ENGINE_URI";
const SHARED_KIND = "ORG_DB_TEST_ENGINE_KIND";
/** A file that is told the engine's kind, for who judges the run by what its engine can do. */
const KIND_FILE = "ORG_DB_TEST_ENGINE_KIND_FILE";
/** Far more than a change stream of a test falls behind. */
const logEntries = 10_000;

/**
 * Vitest's global setup: one engine for all projects of a run, and for every process below it. Tests get it by
 * `inject("engine")`. With `ORG_DB_TEST_STORAGE` set to a folder, the data stays there after the run. With
 * `ORG_DB_TEST_PLAY`, what such a server would answer is played in front of the engine.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const engine = process.env[SHARED_URI] ? await joinEngine(process.env) : await openEngine(process.env);
  const { uri, kind, version, description, capabilities } = engine;
  project.provide("engine", { uri, kind, version, description, capabilities });
  const bundles = process.env[BUNDLES] ? undefined : mkdtempSync(join(tmpdir(), "org-db-children-"));
  if (bundles) process.env[BUNDLES] = bundles;
  return async () => {
    if (bundles) rmSync(bundles, { recursive: true, force: true });
    if (!engine.owned) return;
    delete process.env[SHARED_URI];
    delete process.env[SHARED_KIND];
    await engine.stop();
  };
}

// The environment is what all projects of a run, and the processes that tests start, have in common.
async function openEngine(env: NodeJS.ProcessEnv): Promise<Engine> {
  const storagePath = env.ORG_DB_TEST_STORAGE;
  const log = (line: string) => void process.stderr.write(`engine: ${line}\n`);
  const started = await startEngine({ env, log, logEntries, ...(storagePath ? { storagePath } : {}) });
  const engine = env[PLAY] ? await played(started, env[PLAY]) : started;
  if (env[KIND_FILE]) writeFileSync(env[KIND_FILE], engine.kind);
  env[SHARED_URI] = engine.uri;
  env[SHARED_KIND] = engine.kind;
  return engine;
}

async function joinEngine(env: NodeJS.ProcessEnv): Promise<Engine> {
  const engine = await startEngine({ env: { MONGODB_URI: env[SHARED_URI] } });
  return { ...engine, kind: env[SHARED_KIND] as EngineKind };
}

async function played(engine: Engine, name: string): Promise<Engine> {
  const front = await playInFront(engine.uri, playNamed(name));
  const stop = async () => {
    await front.stop();
    await engine.stop();
  };
  return { ...(await startEngine({ env: { MONGODB_URI: front.uri } })), owned: true, stop };
}
