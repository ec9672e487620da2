// Checks a value by its schema, and names each path that is wrong.
import type { z } from "zod";
import { OptimizerError } from "./errors.js";

/**
 * A value as its schema has it.
 *
 * @param wrong what to say when it does not fit: "The limits are wrong"
 * @param whole what the value is called where it is wrong as a whole
 * @throws {OptimizerError} of the code, naming each path that is wrong
 */
export function checked<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  wrong: string,
  whole: string,
  code: "INVALID_OPTIONS" | "INVALID_RULE" = "INVALID_OPTIONS",
): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map(({ path, message }) => `${path.join(".") || whole}: ${message}`);
  throw new OptimizerError(code, `${wrong}: ${issues.join("; ")}`);
}
