import { capabilitiesOf, type EngineCapabilities, type EngineFlavor } from "../capabilities.js";
import type { ServerFacts } from "./server-facts.js";

/** `external`: the server that `MONGODB_URI` names. The others: the program that dev-kit started. */
export type EngineKind = "external" | EngineFlavor;

/** A server that answers. */
export interface Engine {
  /** Connection string without a database name. */
  readonly uri: string;
  readonly kind: EngineKind;
  /** The MongoDB version that the server presents: `8.2.11`. */
  readonly version: string;
  /** For reports and figures: `secantus-rs 0.5.3-beta.196 (as MongoDB 8.2.11)`. */
  readonly description: string;
  readonly capabilities: EngineCapabilities;
  /** Whether `stop()` ends it: `false` for an external one, and for one that another process started. */
  readonly owned: boolean;
  /** SIGTERM, then SIGKILL after 10 s; a temporary data folder goes too. Idempotent. */
  stop(): Promise<void>;
}

interface EngineParts {
  readonly uri: string;
  readonly kind: EngineKind;
  readonly facts: ServerFacts;
  readonly owned: boolean;
  readonly stop?: () => Promise<void>;
}

export function describeEngine({ uri, kind, facts, owned, stop }: EngineParts): Engine {
  return {
    uri,
    kind,
    version: facts.version,
    description: facts.description,
    capabilities: capabilitiesOf(facts.flavor, facts.topology, facts.may),
    owned,
    stop: stop ?? (async () => {}),
  };
}
