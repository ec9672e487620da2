// The JSON that each command prints, for programs that read it: the fields that stay. Others may be added.
import { z } from "zod";
import type { CommandName } from "./command-facts.js";

const texts = z.array(z.string());
const when = z.iso.datetime();
const amount = z.number().nonnegative();

const fault = z.looseObject({
  code: z.string().describe("Stable; decide on it, never on the message"),
  message: z.string(),
  details: z.record(z.string(), z.unknown()),
});

/** What is printed instead of a result; beside one it is its field `error`. */
const failure = z.looseObject({ error: fault });

const collectionStep = z.looseObject({
  kind: z.string(),
  collection: z.string(),
  destructive: z.boolean().describe("Done only with --run or --allow-expiry"),
});

const indexStep = collectionStep.extend({
  index: z.string(),
  reason: z.string(),
  risk: z.enum(["low", "medium", "high"]),
  riskReason: z.string(),
  reversible: z.boolean(),
  commands: texts.describe("What it does, as commands of mongosh"),
});

const indexResult = indexStep.extend({
  outcome: z.enum(["done", "unneeded", "skipped", "observing", "unhidden", "failed"]),
  elapsedMs: amount,
  reasons: texts.optional(),
  error: fault.optional(),
});

const note = z.looseObject({ collection: z.string(), index: z.string().optional(), message: z.string() });
const place = z.looseObject({ collection: z.string(), index: z.string() });

const finding = z.looseObject({
  code: z.string(),
  severity: z.enum(["info", "warning", "critical"]),
  message: z.string(),
  evidence: z.string(),
  command: z.string().optional().describe("What fixes it"),
});

const journalRun = z.looseObject({
  _id: z.string(),
  kind: z.enum(["apply", "rollback"]),
  planHash: z.string(),
  by: z.string(),
  state: z.string(),
  startedAt: when,
});

const run = z.looseObject({
  _id: z.string(),
  job: z.string(),
  state: z.string(),
  startedAt: when,
  seenAt: when,
  activeMs: amount,
  pausedMs: amount,
});

const runs = z.looseObject({ runs: z.array(run), next: z.string().optional() });
const check = z.looseObject({ name: z.string(), ok: z.boolean(), message: z.string() });

const workload = z.looseObject({
  database: z.string(),
  workload: z.array(z.looseObject({ name: z.string(), executions: amount })),
  advice: z.array(z.looseObject({ command: z.string(), reason: z.string() })),
  rejections: z.array(z.looseObject({ code: z.string(), collection: z.string(), query: z.string() })),
  removedLeftovers: texts,
});

const storage = z.looseObject({
  collections: z.array(
    z.looseObject({
      collection: z.string(),
      documents: amount,
      dataBytes: amount,
      storageBytes: amount,
      reusableBytes: amount.nullable(),
      indexBytes: amount,
    }),
  ),
  findings: z.array(finding),
  leftOut: z.array(z.looseObject({ collection: z.string(), reason: z.string() })),
});

const cleanup = z.looseObject({
  dryRun: z.boolean(),
  runId: z.string().nullable(),
  resumed: z.boolean(),
  stopped: z.boolean(),
  stopReason: z.string().nullable(),
  startedAt: when,
  elapsedMs: amount,
  rules: z.array(
    z.looseObject({ rule: z.string(), collection: z.string(), matched: amount, deleted: amount }),
  ),
  collections: z.array(z.looseObject({ collection: z.string() })),
});

const migrationStatus = z.looseObject({
  _id: z.string(),
  phase: z.string(),
  sourceDocuments: amount,
  targetDocuments: z.record(z.string(), amount),
  contractFrom: when.nullable(),
  run: run.nullable(),
  heldUntil: when.nullable(),
});

const migrationPlan = z.looseObject({
  migration: z.string(),
  action: z.string(),
  phase: z.string(),
  to: z.string(),
  phases: texts,
});

const migrationReport = z.looseObject({
  migration: z.string(),
  from: z.string(),
  phase: z.string(),
  changes: texts,
  walked: amount,
  written: amount,
  elapsedMs: amount,
});

const verification = z.looseObject({
  at: when,
  clean: z.boolean(),
  mismatched: amount,
  mismatches: z.array(z.looseObject({ kind: z.string(), collection: z.string() })),
});

const outputs = {
  setup: z.looseObject({
    changed: z.boolean(),
    ready: z.boolean(),
    collections: z.array(z.looseObject({ kind: z.string(), collection: z.string() })),
    waiting: z.array(collectionStep),
    notes: z.array(note),
    held: z.array(z.looseObject({ collection: z.string(), sampled: amount, failing: amount })),
    indexes: z.array(indexResult),
    faults: z.array(fault),
    checks: z.array(check),
  }),
  plan: z.looseObject({
    inSync: z.boolean(),
    status: z.enum(["in_sync", "drift", "undecided", "locked"]),
    hash: z.string().describe("Equal for equal plans"),
    collections: z.array(collectionStep),
    steps: z.array(indexStep),
    faults: z.array(fault),
    notes: z.array(note),
    building: z.array(place),
    extra: z.array(place),
    renamed: z.array(place.extend({ declaredAs: z.string() })),
  }),
  apply: z.looseObject({ steps: z.array(indexResult), faults: z.array(fault) }),
  rollback: z.union([
    z.looseObject({ runs: z.array(journalRun) }).describe("With --list"),
    z
      .looseObject({
        run: journalRun,
        changed: z.boolean(),
        complete: z.boolean(),
        runId: z.string().nullable().optional(),
        collections: z.array(
          z.looseObject({ kind: z.string(), collection: z.string(), outcome: z.string() }),
        ),
        steps: z.array(indexResult),
        refused: z.array(place.extend({ why: z.string() })),
      })
      .describe("With --run"),
    z.looseObject({
      run: journalRun,
      hash: z.string(),
      collections: z.array(collectionStep),
      steps: z.array(indexStep),
      refused: z.array(place.extend({ why: z.string() })),
    }),
  ]),
  doctor: z.looseObject({
    checks: z.array(
      z.looseObject({ name: z.string(), state: z.enum(["ok", "wrong", "unknown"]), message: z.string() }),
    ),
    faults: z.array(fault),
    next: z.string(),
  }),
  advise: workload,
  health: z.looseObject({
    score: z.number().min(0).max(100),
    parts: z.array(
      z.looseObject({
        part: z.string(),
        points: z.number().min(0).max(100).nullable(),
        weight: amount,
        findings: amount,
      }),
    ),
    findings: z.array(finding.extend({ part: z.string() })),
    facts: z.looseObject({ database: z.string(), at: when }),
    undecided: z.boolean(),
    next: texts.optional().describe("Commands to run next, in their order; absent with --watch"),
  }),
  optimize: workload.extend({
    queries: z.array(z.looseObject({ query: z.looseObject({ name: z.string() }), problems: texts })),
    indexHitRatio: z.number().min(0).max(1),
    findings: z.array(finding),
  }),
  "shard-plan": z.looseObject({
    sharded: z.boolean(),
    collections: z.array(
      z.looseObject({
        collection: z.string(),
        documents: amount,
        verdict: z.enum(["shard", "reshard", "keep", "later", "cannot"]),
        reason: z.string(),
        commands: texts,
      }),
    ),
    unknown: z.array(z.looseObject({ collection: z.string(), reason: z.string() })),
  }),
  storage: z.union([
    storage,
    runs.describe("With --status"),
    run.describe("With --pause, --resume, --cancel"),
  ]),
  cleanup: z.union([
    cleanup,
    runs.describe("With --status"),
    run.describe("With --pause, --resume, --cancel"),
  ]),
  migrate: z.union([
    migrationStatus.describe("status of one migration"),
    z.looseObject({ migrations: z.array(migrationStatus) }).describe("status of all"),
    migrationPlan.describe("up, rollback and contract without --run"),
    migrationReport.describe("The same with --run"),
    verification.describe("verify"),
    run.describe("pause, resume, cancel"),
  ]),
} as const satisfies Readonly<Record<CommandName, z.ZodType>>;

/**
 * The JSON Schema (2020-12) of what each command prints with `--json`, and under `error` of what it prints instead when it
 * fails. A document has the fields of its schema; a later version may add others.
 *
 * @example
 * outputSchemas().plan;
 */
export function outputSchemas(): Readonly<Record<CommandName | "error", object>> {
  const schemas = Object.entries({ ...outputs, error: failure }).map(([name, schema]) => [
    name,
    z.toJSONSchema(schema, { io: "input" }),
  ]);
  return Object.fromEntries(schemas);
}
