import { configSchema } from "@org/db-cli";
import { partWeights, severityCosts } from "@org/db-optimizer/health";
import { shardKeyCosts } from "@org/db-optimizer/sharding";

import { table } from "./markdown.js";

/** The parts of a JSON schema that the page shows. */
interface Node {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly required?: readonly string[];
  readonly items?: Node;
  readonly anyOf?: readonly Node[];
  readonly additionalProperties?: Node | boolean;
}

/** Everything that `db.config.ts` takes, and what the scores are made of, from the schemas and the tables in the code. */
export function configurationPage(): string {
  const schema = configSchema.toJSONSchema({ io: "input", unrepresentable: "any" }) as Node;
  return [
    "# Configuration of org-db\n",
    "What `db.config.ts` exports by default. A setting that is not listed is refused, and each wrong one is named.\n",
    table(["setting", "type", "default", "meaning"], rowsOf(schema, "")),
    "\n## The health score\n",
    "The score is the mean of the parts that could be judged, by weight. A part has 100 points less what its findings cost;",
    "information costs at most 20 points of a part.\n",
    table(
      ["part", "weight"],
      Object.entries(partWeights).map(([part, weight]) => [part, `${weight} %`]),
    ),
    "",
    table(
      ["severity", "costs its part"],
      Object.entries(severityCosts).map(([name, cost]) => [name, String(cost)]),
    ),
    "\n## The points of a shard key\n",
    "A shard key has 100 points less what is against it; `scatters` by the share of the named queries that would ask every",
    "shard.\n",
    table(
      ["against it", "costs"],
      Object.entries(shardKeyCosts).map(([name, cost]) => [`\`${name}\``, String(cost)]),
    ),
    "",
  ].join("\n");
}

function rowsOf({ properties = {}, required = [] }: Node, prefix: string): string[][] {
  return Object.entries(properties).flatMap(([name, node]) => {
    const path = `${prefix}${name}`;
    const fallback =
      node.default === undefined ? (required.includes(name) ? "required" : "") : codeOf(node.default);
    const row = [`\`${path}\``, typeOf(node), fallback, node.description ?? ""];
    return [row, ...innerRows(node, path)];
  });
}

function innerRows({ properties, items, additionalProperties }: Node, path: string): string[][] {
  if (properties) return rowsOf({ properties }, `${path}.`);
  if (items?.properties) return rowsOf(items, `${path}[].`);
  const each = typeof additionalProperties === "object" ? additionalProperties : undefined;
  return each?.properties ? rowsOf(each, `${path}.<name>.`) : [];
}

function typeOf(node: Node): string {
  if (node.enum) return node.enum.map(codeOf).join(", ");
  if (node.anyOf) return node.anyOf.map(typeOf).join(" or ");
  const { type = "function or object", minimum, exclusiveMinimum, maximum } = node;
  const bounds = [
    ...(minimum === undefined ? [] : [`from ${minimum}`]),
    ...(exclusiveMinimum === undefined ? [] : [`above ${exclusiveMinimum}`]),
    ...(maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? [] : [`to ${maximum}`]),
  ];
  return [type, ...bounds].join(" ");
}

function codeOf(value: unknown): string {
  return `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;
}
