import { AuditWriter } from "../src/audit/writer.js";
import type { Context } from "../src/context/context.js";
import { type EraseInput, eraseUserData as erase, resumeErasures as resume } from "../src/privacy/erase.js";

/** Erases with an audit writer of its own, as a process does that begins with it. */
export const eraseUserData = (context: Context, input: EraseInput) =>
  erase(context, new AuditWriter(context.models), input);

export const resumeErasures = (context: Context) => resume(context, new AuditWriter(context.models));
