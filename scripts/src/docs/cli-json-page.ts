import { cliReference, outputSchemas } from "@org/db-cli";
import { table } from "./markdown.js";

/** A part of a JSON Schema, as far as the page shows it. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly string[];
  readonly format?: string;
}

const schemas = outputSchemas() as Readonly<Record<string, Schema>>;

/** The schemas as the package ships them, by path. */
export function schemaFiles(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [
      `packages/db-cli/schemas/${name}.json`,
      `${JSON.stringify(schema, null, 1)}\n`,
    ]),
  );
}

/** What each command prints with `--json`. */
export function cliJsonPage(): string {
  const names = cliReference().commands.map(({ name }) => name);
  return [
    "# JSON of org-db\n",
    "With `--json` a command prints one JSON document on stdout, and nothing else there. The tables show the fields that stay; a document may have others. Times are ISO 8601 in UTC.\n",
    "The [JSON Schemas](https://json-schema.org/draft/2020-12) are in the package, as `@org/db-cli/schemas/plan.json` and so on, and `outputSchemas()` returns them.\n",
    "## Failures\n",
    "A command that fails prints this instead. Where it has a result all the same, `error` stands beside the result's fields. [All codes](../errors.md).\n",
    ...tablesOf(schemas.error ?? {}),
    ...names.flatMap((name) => [`\n## org-db ${name}\n`, ...tablesOf(schemas[name] ?? {})]),
    "",
  ].join("\n");
}

function tablesOf(schema: Schema): string[] {
  const variants = schema.anyOf ?? [schema];
  return variants.flatMap((variant) => [
    ...(schema.anyOf ? [`\n${variant.description ?? "Otherwise"}:\n`] : []),
    table(["field", "type", "meaning"], rowsOf(variant)),
  ]);
}

function rowsOf({ properties = {}, required = [] }: Schema): string[][] {
  return Object.entries(properties).map(([name, inner]) => [
    `\`${name}\`${required.includes(name) ? "" : " (optional)"}`,
    typeOf(inner),
    inner.description ?? "",
  ]);
}

function typeOf({ type, items, anyOf, properties, enum: choices, format }: Schema): string {
  if (choices) return choices.map((choice) => `\`${choice}\``).join(", ");
  if (anyOf) return anyOf.map(typeOf).join(" or ");
  if (items) return `array of ${typeOf(items)}`;
  if (properties) return `{ ${Object.keys(properties).join(", ")} }`;
  return format === "date-time" ? "time" : [type ?? "any"].flat().join(" or ");
}
