import { emailSchema } from "@org/db-models";
import { administratorRoles } from "@org/db-models/core";
import { z } from "zod";
import { idInput } from "../../../http/answers/schemas.js";
import { reason } from "../../routes/schemas.js";

/** The fields of the forms of the admin area. */
export const fields = {
  reason: { schema: reason, error: { id: "admin.error_reason" } },
  search: { schema: z.string().trim().min(1).max(512), error: { id: "admin.error_search" } },
  email: { schema: emailSchema, error: { id: "error.email" } },
  id: { schema: idInput, error: { id: "problem.malformed" } },
  /** A day as a field of a page has it; it begins at midnight, UTC. */
  day: {
    schema: z
      .union([z.literal(""), z.iso.date()])
      .transform((day) => (day === "" ? undefined : new Date(`${day}T00:00:00.000Z`))),
    error: { id: "admin.error_date" },
  },
} as const;

/** The roles whose boxes were ticked. */
export const rolesOf = (names: readonly string[]) =>
  administratorRoles.filter((role) => names.includes(role));
