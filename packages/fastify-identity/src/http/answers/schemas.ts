import { readPagePosition } from "@org/db-models/queries";
import { Types } from "mongoose";
import { z } from "zod";

/** Id of an app, as an address has it: short enough that the router takes it, with nothing that is written otherwise there. */
export const clientIdInput = z
  .string()
  .regex(/^[\w.~-]{1,64}$/, "must be at most 64 letters, digits, hyphens, points, underscores and tildes");

/** An id in a path or a query: 24 hexadecimal digits, nothing that BSON would also take for one. */
export const idInput = z
  .string()
  .regex(/^[0-9a-f]{24}$/i, "must be 24 hexadecimal digits")
  .transform((id) => new Types.ObjectId(id));

/** An id in an answer. */
export const idOutput = z
  .instanceof(Types.ObjectId)
  .meta({ type: "string", pattern: "^[0-9a-f]{24}$", examples: ["652f1f77bcf86cd799439011"] });

/** `next` of the page before, or a date: then only what is older. */
export const pageInput = z
  .string()
  .max(64)
  .transform((text, context) => {
    const date = z.iso.datetime({ offset: true }).safeParse(text);
    if (date.success) return new Date(date.data);
    try {
      return readPagePosition(text);
    } catch {
      context.addIssue({ code: "custom", message: "must be `next` of the page before, or a date" });
      return z.NEVER;
    }
  })
  .meta({
    minLength: 20,
    maxLength: 64,
    pattern:
      "^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](Z|\\.[0-9]{3}Z(_[0-9a-f]{24})?)$",
  });

/** A moment in a query, RFC 3339 with an offset. What is none is looked at no further: a rule over two would find no date. */
export const momentInput = z.iso
  .datetime({ offset: true, abort: true })
  .transform((moment) => new Date(moment));

/** A whole number in a query, in decimal digits: what a number could also be read from (`1e2`, `0x10`) is none. */
export const wholeNumberInput = (minimum: number, maximum: number) =>
  z
    .string()
    .refine((text) => /^\d{1,9}$/.test(text), "must be a whole number")
    .transform(Number)
    .pipe(z.number().min(minimum).max(maximum))
    .meta({ type: "integer", minimum, maximum });

/** Yes or no in a query, as the document says it. */
export const flagInput = z.enum(["true", "false"]).transform((text) => text === "true");

/** A page's size in a query. */
export const limitInput = wholeNumberInput(1, 200).default(50).describe("Items per page");
