import type { LegacySession, LegacyUser } from "./types.js";

/**
 * Faults of a user in the old layout that prevent copying: the field, its type and the type that is expected, never its
 * value. Empty for a user without faults. Pure.
 */
export function faultOfUser(user: LegacyUser): string | undefined {
  const { email, name, sessions } = user as { [K in keyof LegacyUser]?: unknown };
  return (
    faultOf("email", email, "string") ??
    (name === null ? undefined : faultOf("name", name ?? "", "string")) ??
    firstFault(user, ["createdAt", "updatedAt"]) ??
    faultOf("sessions", sessions ?? [], "array")
  );
}

/** Faults of a session in the old layout, as for {@link faultOfUser}. Pure. */
export function faultOfSession(session: LegacySession, at?: number): string | undefined {
  const where = at === undefined ? "" : `sessions.${at}`;
  const given = session as { [K in keyof LegacySession]?: unknown } | null | undefined;
  if (!given || typeOf(given) !== "object") return faultOf(where, given, "object");
  const { _id, token, handleHash, tokenHash, active, userAgent, ip } = given;
  const fault =
    (_id === undefined || _id === null ? faultOf("_id", _id, "ObjectId") : undefined) ??
    firstFault(given, ["createdAt", "lastActivity", "expiresAt"]) ??
    firstFault(
      given,
      (["absoluteExpiresAt", "revokedAt"] as const).filter((name) => (given[name] ?? null) !== null),
    ) ??
    (active === undefined || active === null ? undefined : faultOf("active", active, "boolean")) ??
    faultOf("userAgent", userAgent ?? "", "string") ??
    faultOf("ip", ip ?? "", "string") ??
    ((token ?? null) === null
      ? (faultOf("handleHash", handleHash, "Binary") ?? faultOf("tokenHash", tokenHash, "Binary"))
      : faultOf("token", token, "string"));
  return fault && where ? `${where}.${fault}` : fault;
}

type Type = "string" | "boolean" | "date" | "array" | "object" | "ObjectId" | "Binary";

function firstFault(record: object, dates: readonly string[]): string | undefined {
  for (const name of dates) {
    const fault = faultOf(name, Reflect.get(record, name), "date");
    if (fault) return fault;
  }
  return undefined;
}

function faultOf(name: string, value: unknown, expected: Type): string | undefined {
  const found = typeOf(value);
  return found === expected ? undefined : `${name} is of type ${found}, expected ${expected}`;
}

function typeOf(value: unknown): string {
  if (value === undefined) return "missing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "invalid date" : "date";
  if (value instanceof Uint8Array) return "Binary";
  const bsonType =
    typeof value === "object" ? (Reflect.get(value, "_bsontype") as string | undefined) : undefined;
  return bsonType ?? typeof value;
}
